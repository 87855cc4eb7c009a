"""Ensemble: several models as one, which averages their outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

from .. import layers as vocabulary
from ..core.errors import ArgumentError
from ..functions import array
from ..functions.catalog import custom_object_scope
from .model import Model
from .sequential import deserialize

__all__ = ["Ensemble"]


class Ensemble(Model):
    """y = mean_k f_k(x), of models f_k whose outputs have one shape.

    Parameters:
        members: the models.
        name, dtype, trainable: as for Layer.

    Raises ArgumentError unless members is a list of models.
    Source: Hansen, Salamon (1990), "Neural network ensembles".
    """

    def __init__(self, members: Sequence[Any], **kwargs: Any):
        super().__init__(**kwargs)
        good = isinstance(members, (list, tuple)) and members and all(isinstance(one, Model) for one in members)
        if not good:
            raise ArgumentError(f"{self}: expected a list of models as members, got {members!r}")
        self.members = list(members)

    def call(self, inputs: Any) -> Any:
        total = self.members[0](inputs)
        for member in self.members[1:]:
            total = array.add(total, member(inputs))
        return total / float(len(self.members))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"members": [vocabulary.serialize(member) for member in self.members]}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> "Ensemble":
        with custom_object_scope(custom_objects or {}):
            return cls(**config | {"members": [deserialize(member) for member in config["members"]]})


vocabulary.register(Ensemble)
