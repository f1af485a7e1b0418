"""Halves what it costs to make a value with many fields: orders, positions and what the gate is asked with.

A frozen dataclass stores every field by a call, because its own `__setattr__` refuses. Of everything that an
order costs between a bar and its booking a quarter was that; half of what was left was calling a class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, ParamSpec, TypeVar

_Value = TypeVar("_Value")
_Given = ParamSpec("_Given")

_TWINS: dict[type, type] = {}
"""Of each quick class the one that has its slots and refuses nothing."""


def quick(cls: type[_Value]) -> type[_Value]:
    """A frozen dataclass with slots whose `__init__` stores plainly; in all else it stays what it is.

    Until it is complete the new object is of a twin that has the same slots and refuses nothing; nobody but
    `__init__` sees it so. The class must have no subclasses.
    """
    own = tuple(fields(cls))  # type: ignore[arg-type]  # a dataclass, which a plain type does not say
    twin = type(f"{cls.__name__}InTheMaking", (), {"__slots__": tuple(one.name for one in own)})
    _TWINS[cls] = twin
    names: dict[str, Any] = {"_twin": twin, "_cls": cls, "_switch": object.__setattr__}
    parameters, stores = _signature(own, names)
    lines = ["_switch(self, '__class__', _twin)", *stores, "self.__class__ = _cls"]
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    made = _function("__init__", ["self", *parameters], lines, names)
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = dict(vars(cls)["__init__"].__annotations__)
    type.__setattr__(cls, "__init__", made)
    return cls


def maker(cls: Callable[_Given, _Value]) -> Callable[_Given, _Value]:
    """A function that makes what calling `cls`, a quick class or a NamedTuple, makes: the same arguments.

    Called with names a class gathers them in a dictionary first; a function takes them as they come, which
    is a third of the time. For where thousands are made.
    """
    if not isinstance(cls, type):
        raise TypeError(f"{cls!r} is no class")
    twin = _TWINS.get(cls)
    names: dict[str, Any] = {"_cls": cls, "_new": object.__new__, "_twin": twin}
    if twin is None:
        made: tuple[str, ...] = cls._fields  # type: ignore[attr-defined]  # of a NamedTuple
        defaults: dict[str, Any] = cls._field_defaults  # type: ignore[attr-defined]  # of a NamedTuple
        names |= {"_new": tuple.__new__} | {f"_default_{name}": value for name, value in defaults.items()}
        parameters = [f"{name}=_default_{name}" if name in defaults else name for name in made]
        lines = [f"return _new(_cls, ({', '.join(made)},))"]
    else:
        parameters, stores = _signature(tuple(fields(cls)), names)
        lines = ["self = _new(_twin)", *stores, "self.__class__ = _cls"]
        if hasattr(cls, "__post_init__"):
            lines.append("self.__post_init__()")
        lines.append("return self")
    return _function(f"make_{cls.__name__}", parameters, lines, names)


def _signature(own: tuple[Field[Any], ...], names: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The parameters that `dataclass` gives it, and a line for each field; `names` gets what they use."""
    parameters, stores = [], []
    names["_absent"] = MISSING
    for one in own:
        name = one.name
        if one.kw_only and "*" not in parameters:
            parameters.append("*")
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
    return parameters, stores


def _function(
    name: str, parameters: list[str], lines: list[str], names: dict[str, Any]
) -> Callable[..., Any]:
    source = f"def {name}({', '.join(parameters)}):\n    " + "\n    ".join(lines)
    exec(source, names)  # noqa: S102 - names of our own fields only; `dataclass` makes its methods just so
    made: Callable[..., Any] = names[name]
    return made
