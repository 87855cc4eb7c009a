"""How long is one step of training, including the gathering of its shuffled batch?

Every library trains the same networks on the same data from the same weights, each in a process of its own, taking
turns. Compiling and warming up are not counted. `loss` is what five epochs reached: it shows that all do the same work.
PyTorch runs twice: with the optimizer that one gets without asking for an implementation, and with the fastest.
"On one core" means that the system holds the process to one. A share of the peak counts the multiplications and
additions that the products need against the peak of one core, or of all, both in their best round.
"""

from collections.abc import Iterator

from benchmarks.common import OF_OURS, Options, Table, cores, show, target
from benchmarks.contestants.problem import NETWORKS, Network
from benchmarks.contestants.worker import Entry, Outcome, compete

OURS, OURS_ON_ONE = ("with_ebbflow", "fit"), ("with_ebbflow", "fit on one core")
TORCH, TORCH_AS_IT_COMES = ("with_torch", "eager"), ("with_torch", "eager, as it comes")
SKLEARN = ("with_sklearn", "partial_fit")
SCAN, SCAN_ON_ONE, STEP = ("with_jax", "scan"), ("with_jax", "scan on one core"), ("with_jax", "step")
CONTESTANTS = (OURS, OURS_ON_ONE, TORCH, TORCH_AS_IT_COMES, SCAN, SCAN_ON_ONE, STEP, SKLEARN)

TOO_SLOW = {"1024-2048-2048-10": (STEP, SKLEARN)}  # left out, so that the whole takes minutes

# How many times ebbflow's time each peer should need: (peers of which the fastest counts, ours): ratio.
ANY_SCAN, ON_ONE_CORE = ((SCAN, SCAN_ON_ONE), OURS), ((SCAN_ON_ONE,), OURS_ON_ONE)
EAGER, AS_IT_COMES, PARTIAL_FIT = ((TORCH,), OURS), ((TORCH_AS_IT_COMES,), OURS), ((SKLEARN,), OURS)
TARGETS: dict[str, dict[tuple[tuple[Entry, ...], Entry], float]] = {
    "2-8-1": {ANY_SCAN: 3, EAGER: 100, AS_IT_COMES: 100, PARTIAL_FIT: 80},
    "30-64-32-1": {ANY_SCAN: 3, EAGER: 80, AS_IT_COMES: 80, PARTIAL_FIT: 25},
    "64-128-64-10": {ANY_SCAN: 2.5, ON_ONE_CORE: 1.7, EAGER: 15, AS_IT_COMES: 15, PARTIAL_FIT: 10},
    "784-512-512-10": {ANY_SCAN: 1.35, EAGER: 2, AS_IT_COMES: 2, PARTIAL_FIT: 3},
}
# The share of the peak that ebbflow should reach: (of one core on it, of all cores on all).
SHARES = {
    "30-64-32-1": (0.75, None),
    "64-128-64-10": (0.86, None),
    "784-512-512-10": (0.88, 0.85),
    "1024-2048-2048-10": (0.88, 0.85),
}
LONG = {"784-512-512-10": 1.0, "1024-2048-2048-10": 2.0}  # seconds a measurement: a call of fit copies the weights


def row(outcome: Outcome, entry: Entry) -> list[str]:
    seconds, alone = outcome.seconds(entry), entry[1].endswith("on one core")
    return [
        outcome.labels[entry],
        f"{seconds * 1e6:.2f}",
        f"{1 / seconds:,.0f}",
        f"{outcome.ratio(entry, OURS):.2f}",
        f"{outcome.share(entry, 1):.1%}" if alone else "",
        "" if alone else f"{outcome.share(entry, cores()):.1%}",
        f"{outcome.losses[entry]:.4g}",
    ]


def targets(outcome: Outcome) -> Iterator[str]:
    for (peers, ours), wanted in TARGETS.get(outcome.network.name, {}).items():
        peer = outcome.best(peers)
        if peer is not None and ours in outcome.times:
            what = f"time of {outcome.labels[peer]} / time of {outcome.labels[ours]}"
            yield target(what, outcome.ratio(peer, ours), at_least=wanted)
    shares = SHARES.get(outcome.network.name, (None, None))
    for entry, count, wanted in zip((OURS_ON_ONE, OURS), (1, cores()), shares, strict=True):
        if wanted is not None and entry in outcome.times:
            what = f"share of the peak of {'all cores' if count > 1 else 'one core'}"
            yield target(what, outcome.share(entry, count), at_least=wanted)


def compare(network: Network, rounds: int, seconds: float) -> Table:
    too_slow = TOO_SLOW.get(network.name, ())
    outcome = compete(network, [entry for entry in CONTESTANTS if entry not in too_slow], rounds, seconds)
    skipped = [f"left out: {' '.join(entry)}: it would take long" for entry in too_slow] + outcome.skipped
    return Table(
        f"{network.name}, batch {network.batch}, {network.optimizer}, {network.flops / 1e6:.4g} MFLOP per step",
        ["", "us per step", "steps per s", f"time {OF_OURS}", "of one core's peak", "of all cores' peak", "loss"],
        [row(outcome, entry) for entry in outcome.times],
        [*targets(outcome), *skipped],
    )


def tables(options: Options) -> Iterator[Table]:
    for network in NETWORKS.values():
        yield compare(network, *((3, 0.05) if options.quick else (9, LONG.get(network.name, 0.3))))


if __name__ == "__main__":
    show(tables, __doc__)
