"""The planted bugs themselves: each a few lines put over a part of the engine while a storm runs.

Every one was, or could be, somebody's real bug. A part that no longer exists under its name is an error,
so that a bug that is no longer planted is not counted as found.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.storm.plants_books import BOOKS
from tests.storm.plants_guard import GUARD
from tests.storm.put import Put


class Plant(NamedTuple):
    """One bug: `put` places it with the setter it is given."""

    name: str
    put: Callable[[Put], None]


@contextlib.contextmanager
def planted(plant: Plant) -> Iterator[None]:
    """The engine with this bug."""
    put = Put()
    try:
        plant.put(put)
        yield
    finally:
        put.back()


PLANTS = tuple(Plant(put.__name__, put) for put in (*BOOKS, *GUARD))
