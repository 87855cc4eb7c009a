"""Catalogs: what a user writes as "l2", L2(0.1) or a function of one's own, and what a file holds of it."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from ..core.errors import ArgumentError
from .arguments import unknown

__all__ = ["Catalog", "custom_object_scope", "custom_objects", "register_custom_object"]

_custom_objects: ContextVar[Mapping[str, Any]] = ContextVar("custom_objects", default=MappingProxyType({}))


_registered: dict[str, Any] = {}  # for good, and for every thread


def custom_objects() -> Mapping[str, Any]:
    """The classes and functions of a user's own that are known by name now."""
    return {**_registered, **_custom_objects.get()}


def register_custom_object(name: str, thing: Any) -> None:
    """Let a class or function of a user's own be known by this name from here on."""
    _registered[name] = thing


@contextlib.contextmanager
def custom_object_scope(objects: Mapping[str, Any]) -> Iterator[None]:
    """Inside this context, whatever is made from a configuration may be one of these, by name, at any depth."""
    token = _custom_objects.set({**_custom_objects.get(), **objects})
    try:
        yield
    finally:
        _custom_objects.reset(token)


class Catalog:
    """The things of one kind, by name.

    Parameters:
        module: where a user finds them, such as "regularizers".
        base: the class that they share.
        classes: by the name that a user writes; each is also known by the name of its class.
        aliases: further names.
        others: names that `get` does not know, but whoever calls it; they are listed in its error.
    """

    def __init__(
        self,
        module: str,
        base: type,
        classes: Mapping[str, type],
        aliases: Mapping[str, type] | None = None,
        others: Iterable[str] = (),
    ):
        self._module, self._base, self._names = module, base, [*classes, *others]
        self._kind = f"{'an' if base.__name__[0] in 'AEIOU' else 'a'} {base.__name__}"
        self._classes = {cls.__name__: cls for cls in classes.values()}
        self._known = {**self._classes, **classes, **(aliases or {})}

    def get(self, identifier: Any) -> Any:
        """One of the things from its name, its class, its configuration, or from itself, which may be a function.

        None stays None. Raises ArgumentError, with the known names, for anything else.
        """
        if identifier is None or isinstance(identifier, self._base):
            return identifier
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        if isinstance(identifier, str):
            identifier = self._known.get(identifier) or custom_objects().get(identifier, identifier)
        if isinstance(identifier, type) and issubclass(identifier, self._base):
            return identifier()
        if callable(identifier) and not isinstance(identifier, type):
            return identifier
        raise unknown(f"{self._module}.get", f"{self._kind}, a function or one of", self._names, identifier)

    def serialize(self, thing: Any) -> dict[str, Any] | None:
        """Class name and configuration, as plain JSON values, or None of None; raises ArgumentError for a function."""
        if thing is None:
            return None
        if not hasattr(thing, "get_config"):
            raise ArgumentError(
                f"{self._module}.serialize: expected {self._kind}, got {thing!r}, which a file cannot hold; make it a "
                f"class with {self._base.__name__} as its base"
            )
        return {"class_name": type(thing).__name__, "config": thing.get_config()}

    def deserialize(self, config: Any, custom: Mapping[str, Any] | None = None) -> Any:
        """One of the things from what `serialize` returned; `custom` are classes by name that go before the known ones.

        They are known to the things inside, too. Raises ArgumentError for an unknown class.
        """
        with custom_object_scope(custom or {}):
            if not isinstance(config, dict):
                return self.get(config)
            return self._class_of(config.get("class_name")).from_config(config.get("config", {}))

    def _class_of(self, name: Any) -> Any:
        classes = {**self._known, **custom_objects()}
        if name not in classes:
            raise ArgumentError(
                f"{self._module}.deserialize: expected one of {', '.join(self._classes)}, got {name!r}; give a class "
                f'of your own as custom_objects={{"{name}": {name}}}'
            )
        return classes[name]
