"""Models that `ebbflow train` and `ebbflow tune` have written: the network together with the encoding of its table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import ebbflow as ebb
from ebbflow.core.errors import ModelFileError
from ebbflow.population import Ensemble
from ebbflow.tables import TableEncoder

MODEL_FILE = "model.ebb"


@dataclass(frozen=True)
class SavedModel:
    """A network, the encoder that makes its inputs from a table, and the baseline it is compared with."""

    network: ebb.Model | Ensemble  # named here, it is also known to load_model
    encoder: TableEncoder
    baseline: dict[str, Any]

    def outputs(self, frame: Any) -> np.ndarray:
        """Logits (rows, classes), or standardized targets (rows, 1), for the rows of `frame`."""
        return self.network.predict(self.encoder.encode(frame), verbose=0)

    def save(self, path: Path, **extra: Any) -> None:
        self.network.save(path, extra={"table": self.encoder.to_json(), "baseline": self.baseline, **extra})


def file_of(path: str) -> Path:
    """The model's file, where `path` is that or the folder it is in."""
    return Path(path) / MODEL_FILE if Path(path).is_dir() else Path(path)


def load(path: str) -> SavedModel:
    """Load the model at `path`, a folder made by `ebbflow train` or the file in it; raises ModelFileError."""
    file = file_of(path)
    if not file.is_file():
        raise ModelFileError(f"{file}: no model there; name a folder made by 'ebbflow train', or its {MODEL_FILE}")
    network = ebb.load_model(file)
    missing = {"table", "baseline"} - network.extra.keys()
    if missing:
        raise ModelFileError(
            f"{file}: expected a model made by 'ebbflow train', but this network has no table's encoding; "
            "load it in Python with ebbflow.load_model"
        )
    return SavedModel(network, TableEncoder.from_json(network.extra["table"]), network.extra["baseline"])
