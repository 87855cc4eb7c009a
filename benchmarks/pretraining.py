"""Does a deep stack of sigmoids learn from small random weights, or only when it was pre-trained layer by layer?

An autoencoder for MNIST, 784-400-200-100-50-25-6 and back, all units logistic but the six of the code. One starts from
a stack of restricted Boltzmann machines, trained one after the other and unrolled, one from weights N(0, 0.01^2), one
from Glorot and Bengio's (2010), which were found later; then all make the same steps on the same data, with the same
optimizer. The error is that of the test images: the squared difference of a picture from its reconstruction, summed
over its pixels, in the mean. "Mean picture" says for every image the mean of the training images.

After Hinton, Salakhutdinov (2006), "Reducing the Dimensionality of Data with Neural Networks".
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import ebbflow as ebb
from benchmarks.common import Options, Table, show, target
from benchmarks.mnist import images
from ebbflow.models import Autoencoder, autoencoder, pretrain

SIZES = (784, 400, 200, 100, 50, 25, 6)
BATCH, RATE, SEED = 100, 1e-3, 1


@dataclass(frozen=True)
class Effort:
    """How many training images, epochs of each Boltzmann machine, and epochs of tuning."""

    rows: int
    machine_epochs: int
    epochs: int


FULL, QUICK = Effort(59_904, 5, 10), Effort(2_000, 1, 1)


def pretrained(x: np.ndarray, effort: Effort) -> Any:
    machines = pretrain(x, SIZES[1:], epochs=effort.machine_epochs, batch_size=BATCH, seed=SEED)
    return autoencoder(machines)


def random_start(initializer: Any) -> Callable[[np.ndarray, Effort], Any]:
    return lambda x, effort: Autoencoder(SIZES, kernel_initializer=initializer)


STARTS: dict[str, Callable[[np.ndarray, Effort], Any]] = {
    "pre-trained": pretrained,
    "small random weights": random_start(ebb.initializers.RandomNormal(stddev=0.01)),
    "Glorot's weights": random_start("glorot_uniform"),
}


def error(model: Any, x: np.ndarray) -> float:
    """The mean over images of the squared difference, summed over pixels."""
    return float(np.square(x - model.predict(x, verbose=0)).sum(axis=1).mean())


def tables(options: Options) -> Iterator[Table]:
    title = "Deep autoencoder " + "-".join(map(str, SIZES))
    if options.data is None:
        yield Table(title, [], [], ["left out: it needs the images; give --data FILE.npz"])
        return
    (train, _), (test, _) = images(options.data)
    effort = QUICK if options.quick else FULL
    train, rows, reached = train[: effort.rows], [], {}
    for name, start in STARTS.items():
        ebb.set_random_seed(SEED)
        began = time.perf_counter()
        model = start(train, effort)
        before, started = error(model, test), time.perf_counter()
        model.compile(ebb.optimizers.Adam(RATE), "mse")
        model.fit(train, train, batch_size=BATCH, epochs=effort.epochs, verbose=0)
        reached[name] = error(model, test)
        ended = time.perf_counter()
        rows.append([name, f"{before:.1f}", f"{reached[name]:.1f}", f"{started - began:.1f}", f"{ended - started:.1f}"])
    mean = float(np.square(test - train.mean(axis=0)).sum(axis=1).mean())
    rows.append(["mean picture", f"{mean:.1f}", f"{mean:.1f}", "", ""])
    heads = ["", "error before tuning", "error after", "seconds before tuning", "seconds of tuning"]
    yield Table(title, heads, rows, notes(effort, reached))


def notes(effort: Effort, reached: dict[str, float]) -> list[str]:
    share = reached["pre-trained"] / reached["small random weights"]
    return [
        f"{effort.rows:,} images, batches of {BATCH}; each Boltzmann machine trains for {effort.machine_epochs} epochs "
        f"(CD-1), then all weights for {effort.epochs} (Adam, {RATE:g})",
        *(
            []
            if effort is QUICK
            else [target("error after pre-training / error from small weights", share, at_most=0.5)]
        ),
    ]


if __name__ == "__main__":
    show(tables, __doc__)
