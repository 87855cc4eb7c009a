"""What the layers that are called inside a call know of it, and what they add to the loss."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from ..core.tensor import Tensor, current_trace
from ..operators import as_float

__all__ = ["call_context", "calling", "losses_now", "one_number", "only_shapes_are_asked"]


class _CallContext(threading.local):
    """The calls under way in this thread.

    Attributes:
        training: the mode that the outer layer was called with, which they inherit.
        outermost: the first layer of the calls under way, which must own every layer that is built inside.
        only_shapes: whether nothing but the shape of the output is asked for.
        losses: what layers added to the loss, by the trace in which they did (or _NO_TRACE), and then by layer.
    """

    training: bool | None = None
    outermost: Any = None
    only_shapes: bool = False

    def __init__(self) -> None:
        # held weakly, so that the losses of a trace or a layer end with it
        self.losses: WeakKeyDictionary[Any, WeakKeyDictionary[Any, list[Tensor]]] = WeakKeyDictionary()


class _NoTrace:
    """Stands for what is computed at once, outside of any trace."""


_NO_TRACE = _NoTrace()
call_context = _CallContext()


def only_shapes_are_asked() -> bool:
    """Whether the call under way serves `compute_output_shape`, so that its values do not matter."""
    return call_context.only_shapes


@contextlib.contextmanager
def calling(**changes: Any) -> Iterator[None]:
    """Inside this context, calls know these attributes of the call context."""
    saved = {name: getattr(call_context, name) for name in changes}
    vars(call_context).update(changes)
    try:
        yield
    finally:
        vars(call_context).update(saved)


def losses_now() -> "WeakKeyDictionary[Any, list[Tensor]]":
    """The losses that layers added in the present trace, or outside of any, by layer."""
    moment = current_trace() or _NO_TRACE
    held = call_context.losses.get(moment)
    if held is None:
        held = call_context.losses[moment] = WeakKeyDictionary()
    return held


def one_number(loss: Any) -> Tensor:
    """A loss as a tensor of one number, the sum of one that has axes."""
    loss = as_float(loss)
    return loss.sum() if loss.ndim else loss
