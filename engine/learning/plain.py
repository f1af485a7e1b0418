"""Reads state back from JSON and says which part is not what it should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.learning.estimator import Plain

Numbers: TypeAlias = NDArray[np.float64]


class StateError(ValueError):
    """State that this model cannot continue from: damaged, incomplete or another model's."""


def number(state: Mapping[str, Plain], name: str) -> float:
    """A finite or infinite number; StateError where it is missing or no number."""
    value = state.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StateError(f"state of a model: {name} is {value!r}, not a number")
    return float(value)


def maybe(state: Mapping[str, Plain], name: str) -> float | None:
    """A number, or None where there is none."""
    return None if state.get(name) is None else number(state, name)


def maybe_floats(state: Mapping[str, Plain], name: str, *, count: int) -> list[float] | None:
    """A list of so many numbers, or None where there is none."""
    return None if state.get(name) is None else floats(state, name, count=count)


def whole(state: Mapping[str, Plain], name: str) -> int:
    """A whole number."""
    value = state.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise StateError(f"state of a model: {name} is {value!r}, not a whole number")
    return value


def text(state: Mapping[str, Plain], name: str) -> str:
    """A text."""
    value = state.get(name)
    if not isinstance(value, str):
        raise StateError(f"state of a model: {name} is {value!r}, not a text")
    return value


def items(state: Mapping[str, Plain], name: str) -> list[Plain]:
    """A list."""
    value = state.get(name)
    if not isinstance(value, list):
        raise StateError(f"state of a model: {name} is not a list")
    return value


def table(state: Mapping[str, Plain], name: str) -> dict[str, Plain]:
    """A part with names of its own."""
    value = state.get(name)
    if not isinstance(value, dict):
        raise StateError(f"state of a model: {name} is not a table")
    return value


def tables(state: Mapping[str, Plain], name: str) -> list[dict[str, Plain]]:
    """A list of parts with names of their own."""
    found = items(state, name)
    parts = [one for one in found if isinstance(one, dict)]
    if len(parts) != len(found):
        raise StateError(f"state of a model: {name} holds something that is not a table")
    return parts


def floats(state: Mapping[str, Plain], name: str, *, count: int | None = None) -> list[float]:
    """A list of numbers, of a certain length where one is given."""
    found = [as_float(one, name) for one in items(state, name)]
    if count is not None and len(found) != count:
        raise StateError(f"state of a model: {name} has {len(found)} numbers, not {count}")
    return found


def as_float(value: Plain, name: str) -> float:
    """One entry of a list as a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StateError(f"state of a model: {name} holds {value!r}, not a number")
    return float(value)


def vector(state: Mapping[str, Plain], name: str, *, count: int) -> Numbers:
    """A vector of so many numbers."""
    return np.array(floats(state, name, count=count), dtype=np.float64)


def square(state: Mapping[str, Plain], name: str, *, count: int) -> Numbers:
    """A square matrix, written row after row."""
    return np.array(floats(state, name, count=count * count), dtype=np.float64).reshape(count, count)


def flat(values: Numbers) -> list[Plain]:
    """An array as plain numbers, row after row; reading them back gives the same bits."""
    return [float(one) for one in values.ravel()]
