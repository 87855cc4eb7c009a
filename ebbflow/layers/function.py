"""Lambda: a function as a layer."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import ops
from ..core.errors import ArgumentError
from ..functions.arguments import expect
from ..functions.catalog import custom_objects
from .base import Layer
from .common import expect_shape

__all__ = ["Lambda"]


class Lambda(Layer):
    """y = function(x), for formulas without weights; one with weights is a Layer of its own.

    Parameters:
        function: of a tensor, and of `training` if it takes an argument of this name; or its name, of one in
            `ebbflow.ops` or given to `utils.register_keras_serializable`.
        output_shape: of one sample, as Keras asks for it; not needed, since the output's shape is found by tracing.
        mask: None, since there are no masks.
        arguments: what else to give the function by name, a dict.
        name, dtype, trainable: as for Layer.

    A file holds the function by its name, so `get_config` raises ArgumentError where no such name is known.
    Raises ArgumentError for a bad argument.
    """

    def __init__(
        self,
        function: Callable[..., Any] | str,
        output_shape: int | Sequence[int | None] | None = None,
        mask: None = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        known = _named(function) if isinstance(function, str) else function
        expect(callable(known), "Lambda", "function", "a function or the name of a known one", function)
        expect(mask is None, "Lambda", "mask", "None", mask)
        named = isinstance(arguments, Mapping) and all(isinstance(name, str) for name in arguments)
        expect(arguments is None or named, "Lambda", "arguments", "a dict by name", arguments)
        self.function, self.arguments = known, dict(arguments or {})
        self.given_shape = None if output_shape is None else expect_shape("Lambda", "output_shape", output_shape)
        self._takes_training = _takes(known, "training")

    def call(self, inputs: Any, training: bool = False) -> Any:
        told = {"training": training} if self._takes_training else {}
        return self.function(inputs, **self.arguments, **told)

    def get_config(self) -> dict[str, Any]:
        name = getattr(self.function, "__name__", "")
        if _named(name) is not self.function:
            raise ArgumentError(
                f"{self}: a file cannot hold the function {self.function!r}; name it with "
                "utils.register_keras_serializable, or write a Layer"
            )
        shape = None if self.given_shape is None else list(self.given_shape)
        return super().get_config() | {"function": name, "output_shape": shape, "arguments": self.arguments}


def _named(name: str) -> Any:
    """The function that is known by this name; None if there is none."""
    own = custom_objects().get(name)
    return getattr(ops, name, None) if own is None and name in ops.__all__ else own


def _takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function takes an argument of this name; False for one that does not say what it takes."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
