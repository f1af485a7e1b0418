"""Turns a strategy's table of parameters into its own frozen type, or says what is wrong with it."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

P = TypeVar("P")


class ParamError(ValueError):
    """One parameter is wrong. `param` names it, the text says what was expected."""

    def __init__(self, param: str, expected: str) -> None:
        self.param = param
        super().__init__(f"expected {expected}")


def parse_params(cls: type[P], given: Mapping[str, object]) -> P:
    """An instance of the frozen dataclass `cls` from a configuration table.

    Fields are `int`, `float`, `bool` or `str`; what is not given keeps its default. Raises ParamError for
    an unknown name, a wrong type, and for what the class itself refuses.
    """
    kinds = typing.get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(typing.cast(Any, cls))]
    values: dict[str, object] = {}
    for name, value in given.items():
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ParamError(name, f"one of {', '.join(names)}{hint}")
        values[name] = _typed(name, value, kinds[name])
    return cls(**values)


def at_least(params: object, low: float, *names: str) -> None:
    """Raise ParamError for the first of these parameters that is below `low`."""
    for name in names:
        value = getattr(params, name)
        if not value >= low:
            raise ParamError(name, f"at least {low:g}, not {value}")


def _typed(name: str, value: object, kind: type) -> object:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        raise ParamError(name, f"{words[kind]}, not {value!r}")
    return value
