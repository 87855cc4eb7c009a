"""Several random starts of one network, trained side by side."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ebbflow.cli.data import Data
from ebbflow.core.errors import ArgumentError
from ebbflow.population import Population

SEEDS = 2**32  # that a start can have


@dataclass(frozen=True)
class Trained:
    """A network, its history, and what became of each random start if there were several."""

    network: Any
    history: dict[str, list[float]]
    starts: list[dict[str, Any]]


def require_seeds(seed: int, count: int) -> None:
    """Raise ArgumentError unless there are `count` seeds from `seed` on."""
    if seed + count > SEEDS:
        raise ArgumentError(f"--seed: expected a number up to {SEEDS - count} for {count} random starts, got {seed}")


def best_start(build: Callable[[], Any], data: Data, options: Namespace, batch_size: int) -> Trained:
    """Train from each of the seeds, and keep the start whose best validation loss is the lowest."""
    encode, target = data.encoder.encode, data.encoder.encode_target
    population = Population(lambda _: build(), seeds=options.seeds, seed=options.seed)
    population.fit(
        encode(data.train),
        target(data.train),
        batch_size=batch_size,
        epochs=options.epochs,
        validation_data=(encode(data.validation), target(data.validation)),
        early_stopping=options.patience,
        verbose=0,
    )
    if len(population.results) < options.seeds:  # a population ends quietly where it is interrupted
        raise KeyboardInterrupt
    ranked = population.ranked()
    if not ranked:
        raise ArgumentError(
            f"--seeds {options.seeds}: the loss of every start became NaN or infinite; use a smaller learning rate"
        )
    starts = [
        {name: row[name] for name in ("seed", "status", "epochs")}
        | {"best_epoch": row["epoch"] + 1 or None, "val_loss": row["val_loss"], "kept": row["member"] == ranked[0]}
        for row in population.results
    ]
    return Trained(population.model(ranked[0]), population.history(ranked[0]), starts)
