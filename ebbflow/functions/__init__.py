"""Formulas made of primitives. Importing this package puts the public ones into `ebbflow.ops`."""

import types

from .. import ops
from . import algebra, array, nn, shapes


def _public(module: types.ModuleType) -> dict[str, types.FunctionType]:
    """The functions that a module defines, without those whose names begin with an underscore."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__ and not name.startswith("_")
    }


_FUNCTIONS = {**_public(array), **_public(algebra), **_public(shapes), **_public(nn)}
for _name, _function in _FUNCTIONS.items():
    assert not isinstance(getattr(ops, _name, None), types.ModuleType), f"ops.{_name} is a family of primitives"
    setattr(ops, _name, _function)
ops.__all__ = sorted({*ops.__all__, *_FUNCTIONS})
