"""Models that other processes can build, too, and rows to train them on."""

from typing import Any

import numpy as np

import ebbflow as ebb

_random = np.random.default_rng(5)
X = _random.standard_normal((103, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int32)


def build(hp: Any) -> Any:
    """A classifier of four features."""
    model = ebb.Sequential(
        [
            ebb.layers.Dense(hp.get("width", 6), activation="tanh"),
            ebb.layers.BatchNormalization(),
            ebb.layers.Dropout(hp.get("dropout", 0.2)),
            ebb.layers.Dense(2, kernel_regularizer=ebb.regularizers.L2(hp.get("penalty", 0.01))),
        ]
    )
    optimizer = hp.get("optimizer", ebb.optimizers.Adam)(hp.get("rate", 0.02), **hp.get("options", {}))
    loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model
