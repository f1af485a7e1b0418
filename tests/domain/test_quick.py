"""Values that are made in half the time are still the values they were."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import NamedTuple

import pytest

from engine.domain.quick import maker, quick


@quick
@dataclass(frozen=True, slots=True)
class Made:
    """Every kind of field there is."""

    name: str
    size: int = 3
    parts: dict[str, int] = field(default_factory=dict)
    note: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse no name."""
        if not self.name:
            raise ValueError("no name")


def test_a_quick_value_has_its_defaults_its_class_and_its_check():
    made = Made("a", note="seen")

    assert type(made) is Made
    assert (made.name, made.size, made.parts, made.note) == ("a", 3, {}, "seen")
    assert Made("a").parts is not made.parts
    with pytest.raises(ValueError, match="no name"):
        Made("")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        Made()  # type: ignore[call-arg]  # what is asked


def test_a_quick_value_cannot_be_changed_afterwards():
    with pytest.raises(FrozenInstanceError):
        Made("a").size = 4  # type: ignore[misc]  # what is asked


def test_a_quick_value_compares_replaces_copies_and_travels_like_any_other():
    made = Made("a", 4, {"x": 1}, note="seen")

    assert made == Made("a", 4, {"x": 1})
    assert replace(made, size=5) == Made("a", 5, {"x": 1})
    assert copy.copy(made) == made == pickle.loads(pickle.dumps(made))
    assert list(inspect.signature(Made).parameters) == ["name", "size", "parts", "note"]
    assert repr(made) == "Made(name='a', size=4, parts={'x': 1}, note='seen')"


class Pair(NamedTuple):
    """A value that is a tuple."""

    left: str
    right: int = 2


def test_what_a_maker_makes_is_what_its_class_makes():
    make, pair = maker(Made), maker(Pair)
    made = make("a", parts={"x": 1})

    assert type(made) is Made
    assert made == Made("a", parts={"x": 1})
    assert make("a").parts is not make("a").parts
    assert type(pair("a")) is Pair
    assert (pair("a"), pair(right=3, left="b")) == (Pair("a"), Pair("b", 3))
    with pytest.raises(FrozenInstanceError):
        made.size = 4  # type: ignore[misc]  # what is asked
    with pytest.raises(ValueError, match="no name"):
        make("")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'left'"):
        pair()  # type: ignore[call-arg]  # what is asked


def test_a_maker_wants_a_class():
    with pytest.raises(TypeError, match="is no class"):
        maker(print)
