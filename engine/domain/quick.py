"""Halves what it costs to make a value with many fields: orders, positions and what the gate is asked with.

A frozen dataclass stores every field by a call, because its own `__setattr__` refuses. Of everything that an
order costs between a bar and its booking a quarter was that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

_Value = TypeVar("_Value")


def quick(cls: type[_Value]) -> type[_Value]:
    """A frozen dataclass with slots whose `__init__` stores plainly; in all else it stays what it is.

    Until it is complete the new object is of a twin that has the same slots and refuses nothing; nobody but
    `__init__` sees it so. The class must have no subclasses.
    """
    own = tuple(fields(cls))  # type: ignore[arg-type]  # a dataclass, which a plain type does not say
    twin = type(f"{cls.__name__}InTheMaking", (), {"__slots__": tuple(one.name for one in own)})
    type.__setattr__(cls, "__init__", _plain_init(cls, twin, own))
    return cls


def _plain_init(cls: type, twin: type, own: tuple[Field[Any], ...]) -> Callable[..., None]:
    """The very signature that `dataclass` gives it."""
    names: dict[str, Any] = {"_twin": twin, "_cls": cls, "_switch": object.__setattr__, "_absent": MISSING}
    parameters, stores = [], []
    for one in own:
        name = one.name
        if one.default is not MISSING:
            names[f"_default_{name}"] = one.default
            parameters.append(f"{name}=_default_{name}")
        elif one.default_factory is not MISSING:
            names[f"_make_{name}"] = one.default_factory
            parameters.append(f"{name}=_absent")
            stores.append(f"if {name} is _absent: {name} = _make_{name}()")
        else:
            parameters.append(name)
        stores.append(f"self.{name} = {name}")
    lines = ["_switch(self, '__class__', _twin)", *stores, "self.__class__ = _cls"]
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    source = f"def __init__(self, {', '.join(parameters)}):\n    " + "\n    ".join(lines)
    exec(source, names)  # noqa: S102 - names of our own fields only; `dataclass` makes its methods just so
    made: Callable[..., None] = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = dict(vars(cls)["__init__"].__annotations__)
    return made
