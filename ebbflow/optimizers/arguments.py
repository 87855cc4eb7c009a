"""What constructors of optimizers accept: the rate or its schedule, and the arguments of them all."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..core.errors import ArgumentError
from ..functions.hyperparameter import Hyperparameter
from .schedules.base import LearningRateSchedule, value_at

__all__ = ["LearningRate", "with_common"]


class LearningRate(Hyperparameter):
    """A number of 0 or more, or a LearningRateSchedule, which then gives the number for the present iteration."""

    def __init__(self) -> None:
        super().__init__("a number of 0 or more, or a LearningRateSchedule", lambda value: value >= 0.0)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        schedule = None if instance is None else instance.schedule
        return super().__get__(instance, owner) if schedule is None else value_at(schedule, instance.steps)

    def __set__(self, instance: Any, value: Any) -> None:
        if isinstance(value, LearningRateSchedule):
            instance.schedule = value
        elif instance.schedule is not None:
            raise ArgumentError(
                f"{instance.name}: expected learning_rate to be left to its {type(instance.schedule).__name__}, got "
                f"{value!r}; make the optimizer with a number to set it yourself"
            )
        else:
            super().__set__(instance, value)


def with_common(common: Callable[..., None]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorates an `__init__(self, ..., **common)`: its signature then ends, as in Keras, in the arguments of `common`.

    `common` is the constructor of the base; those of its arguments that come after the learning rate are added.
    """
    tail = list(inspect.signature(common).parameters.values())[2:]

    def decorate(init: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(init).parameters.values() if p.kind is not p.VAR_KEYWORD]
        names = [parameter.name for parameter in own]
        signature = inspect.Signature([*own, *(parameter for parameter in tail if parameter.name not in names)])
        optional = all(parameter.default is not parameter.empty for parameter in own[1:])

        @functools.wraps(init)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            # asked first, as most calls are such, and to bind takes as long as all else that an optimizer begins with
            if (
                optional
                and len(args) < len(own)
                and signature.parameters.keys() - names[: len(args) + 1] >= kwargs.keys()
            ):
                init(self, *args, **kwargs)
                return
            try:
                bound = signature.bind(self, *args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{type(self).__name__}: {error}; it takes {', '.join(signature.parameters)}") from None
            init(**bound.arguments)

        __init__.__signature__ = signature  # type: ignore[attr-defined]
        return __init__

    return decorate
