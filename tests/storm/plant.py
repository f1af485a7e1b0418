"""The planted bugs themselves: each a few lines put over a part of the engine while a storm runs.

Every one was, or could be, somebody's real bug. A part that no longer exists under its name is an error,
so that a bug that is no longer planted is not counted as found.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tests.storm.breaker_flow import BreakerFlow
from tests.storm.gate_flow import GateFlow
from tests.storm.plants_books import BOOKS
from tests.storm.plants_brakes import BRAKES
from tests.storm.plants_breakers import BREAKERS
from tests.storm.plants_gate import GATE
from tests.storm.plants_guard import GUARD
from tests.storm.put import Put
from tests.storm.world import Storm


def whole_engine(seed: int) -> Sequence[str]:
    """The storm over the whole engine."""
    return Storm(seed).run().violations


def gate_alone(seed: int) -> Sequence[str]:
    """The storm over the gate."""
    return GateFlow(seed).run().violations


def breakers_alone(seed: int) -> Sequence[str]:
    """The storm over the breakers."""
    return BreakerFlow(seed).run().violations


class Plant(NamedTuple):
    """One bug: `put` places it with the setter it is given."""

    name: str
    put: Callable[[Put], None]
    run: Callable[[int], Sequence[str]] = whole_engine
    """What one seed of its hunt says: the broken promises."""


@contextlib.contextmanager
def planted(plant: Plant) -> Iterator[None]:
    """The engine with this bug."""
    put = Put()
    try:
        plant.put(put)
        yield
    finally:
        put.back()


PLANTS = (
    *(Plant(put.__name__, put) for put in (*BOOKS, *GUARD, *BRAKES)),
    *(Plant(put.__name__, put, gate_alone) for put in GATE),
    *(Plant(put.__name__, put, breakers_alone) for put in BREAKERS),
)
