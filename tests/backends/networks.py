"""Networks of several sizes, and what a program that trains them is made of."""

from functools import partial

import numpy as np

import ebbflow as ebb
from ebbflow.compile import Step
from ebbflow.training.compiled import metric_steps, traced
from ebbflow.training.steps import train_loss

NETWORKS = {
    "30-64-32-1": ((30, 64, 32, 1), "relu", 0.0),
    "64-128-64-10": ((64, 128, 64, 10), "relu", 0.0),
    "784-512-512-10": ((784, 512, 512, 10), "relu", 0.0),
    "30-64-32-10 tanh, dropout": ((30, 64, 32, 10), "tanh", 0.3),
}


def network(name: str) -> ebb.Sequential:
    """The network of this name, trained with Adam: a regression if it has one output, else a classification."""
    (features, *hidden, outputs), activation, dropout = NETWORKS[name]
    ebb.set_random_seed(7)
    model = ebb.Sequential([ebb.Input((features,))])
    for units in hidden:
        model.add(ebb.layers.Dense(units, activation=activation))
        if dropout:
            model.add(ebb.layers.Dropout(dropout))
    model.add(ebb.layers.Dense(outputs))
    loss = "mse" if outputs == 1 else ebb.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(ebb.optimizers.Adam(1e-2), loss)
    return model


def data(name: str, rows: int) -> dict[str, np.ndarray]:
    """x and y for the network of this name."""
    (features, *_, outputs), _, _ = NETWORKS[name]
    random = np.random.default_rng(3)
    x = random.standard_normal((rows, features)).astype(ebb.config.floatx())
    y = x[:, :1] ** 2 if outputs == 1 else random.integers(0, outputs, rows).astype("int32")
    return {"x": x, "y": y}


def steps_of(model: ebb.Sequential, arrays: dict[str, np.ndarray], batch: int) -> dict[str, Step]:
    """What `fit` compiles without validation: training on whole batches, on the smaller last one, and the metrics."""
    types = [array.dtype for array in arrays.values()]
    sizes = {"step": batch, "step_tail": len(arrays["x"]) % batch}
    steps = {
        name: Step(traced(partial(train_loss, model), arrays, rows, name), types, shuffled=True)
        for name, rows in sizes.items()
        if rows
    }
    return steps | metric_steps(model)
