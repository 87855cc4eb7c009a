"""How does the time of a training step change with the activation, dropout, batch, classes and optimizer?

Three networks, with one thing changed at a time from Adam, ReLU and their usual batch. Times are of `fit`, as in
training_step. Beside it runs JAX's jitted scan on the same variant, on one core and on all; the faster one counts. The
losses after five epochs, dropout off, show that both do the same work.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from benchmarks.common import OF_OURS, Options, Table, show, target
from benchmarks.contestants.problem import NETWORKS, Network, first_weights, loss
from benchmarks.contestants.worker import Entry, Outcome, compete

BASES = [NETWORKS[name] for name in ("30-64-32-1", "64-128-64-10", "784-512-512-10")]
OURS, OURS_ON_ONE = ("with_ebbflow", "fit"), ("with_ebbflow", "fit on one core")
SCAN, SCAN_ON_ONE = ("with_jax", "scan"), ("with_jax", "scan on one core")
CONTESTANTS = (OURS_ON_ONE, OURS, SCAN_ON_ONE, SCAN)
PEAK_SHARE = 0.7  # wanted, of one core's fused multiply-adds
LOSS_DIFFERENCE = 0.05  # at most, of the loss before training; orders of rows and masks differ between the libraries
HEADS = [
    "",
    "one core, us",
    "of its peak",
    "all cores, us",
    "JAX, us",
    f"one core: JAX {OF_OURS}",
    f"at best: JAX {OF_OURS}",
    "loss",
    "JAX's loss",
]


def variants(base: Network) -> dict[str, Network]:
    """By what is different."""
    changed = {
        "as it is": base,
        "tanh": replace(base, activation="tanh"),
        "sigmoid": replace(base, activation="sigmoid"),
        "leaky_relu": replace(base, activation="leaky_relu"),
        "dropout 0.5": replace(base, dropout=0.5),
        "batch 50": replace(base, batch=50),
        "batch 100": replace(base, batch=100),
        "SGD, momentum 0.9": replace(base, optimizer="SGD", momentum=0.9),
        "RMSprop": replace(base, optimizer="RMSprop"),
    }
    if base.classifies:
        changed |= {f"{count} classes": replace(base, sizes=(*base.sizes[:-1], count)) for count in (3, 26, 1000)}
    return changed


def row(name: str, outcome: Outcome) -> list[str]:
    """Cells are empty for who did not take part."""
    scan = outcome.best((SCAN, SCAN_ON_ONE)) or SCAN
    return [
        name,
        _microseconds(outcome, OURS_ON_ONE),
        f"{outcome.share(OURS_ON_ONE, 1):.1%}" if OURS_ON_ONE in outcome.times else "",
        *(_microseconds(outcome, entry) for entry in (OURS, scan)),
        *(_ratio(outcome, *pair) for pair in ((SCAN_ON_ONE, OURS_ON_ONE), (scan, OURS))),
        *(f"{outcome.losses[entry]:.4g}" if entry in outcome.times else "" for entry in (OURS, scan)),
    ]


def _microseconds(outcome: Outcome, entry: Entry) -> str:
    return f"{outcome.seconds(entry) * 1e6:.2f}" if entry in outcome.times else ""


def _ratio(outcome: Outcome, theirs: Entry, ours: Entry) -> str:
    return f"{outcome.ratio(theirs, ours):.2f}" if {theirs, ours} <= outcome.times.keys() else ""


def notes(outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    """How many reach the wanted share of the peak and which do not, whether the losses agree, and what was left out."""
    there = {name: outcome for name, outcome in outcomes.items() if OURS_ON_ONE in outcome.times}
    shares = {name: outcome.share(OURS_ON_ONE, 1) for name, outcome in there.items()}
    reached = sum(share >= PEAK_SHARE for share in shares.values())
    yield f"of one core's peak, on one core: {PEAK_SHARE:.0%} wanted, reached by {reached} of {len(shares)}"
    for name, share in shares.items():
        if share < PEAK_SHARE:
            yield target(f"{name}: share of one core's peak", share, at_least=PEAK_SHARE)
    for name, outcome in outcomes.items():
        if (difference := loss_difference(outcome)) > LOSS_DIFFERENCE:
            yield target(f"{name}: difference of the losses / loss before", difference, at_most=LOSS_DIFFERENCE)
    yield from dict.fromkeys(sentence for outcome in outcomes.values() for sentence in outcome.skipped)


def loss_difference(outcome: Outcome) -> float:
    """Between the contestants, as a share of the loss before training."""
    before = loss(outcome.network, first_weights(outcome.network))
    return (max(outcome.losses.values()) - min(outcome.losses.values())) / before


def compare(base: Network, chosen: Mapping[str, Network], rounds: int, seconds: float) -> Table:
    outcomes = {name: compete(network, CONTESTANTS, rounds, seconds) for name, network in chosen.items()}
    rows = [row(name, outcome) for name, outcome in outcomes.items()]
    title = f"{base.name}, batch {base.batch}, {base.optimizer}, {base.activation}, and what is different"
    return Table(title, HEADS, rows, list(notes(outcomes)))


def tables(options: Options) -> Iterator[Table]:
    rounds, seconds, every = (2, 0.05, 4) if options.quick else (5, 0.2, 1)
    for base in BASES:
        yield compare(base, dict(list(variants(base).items())[::every]), rounds, seconds)


if __name__ == "__main__":
    show(tables, __doc__)
