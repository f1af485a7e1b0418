"""What there is to learn of simulated futures: nothing, an edge, one that turns, one that costs eat.

A book leans to the side to which the price will go: more is bid where it will rise. How far, and whether that
goes on, is all that a world decides; stocks are the same in all of them but the one without any pattern.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from engine.gateway.synthetic_factors import SLOT_S, Floats

AHEAD_SLOTS: Final = 6
"""How far ahead a book knows: half a minute."""
_STOCK_LEAN: Final = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One character of the market."""

    lean: float
    """Share by which the heavier side of a futures book grows where the price is about to move much."""
    turns_s: float = 0.0
    """In every second stretch of so many seconds books lean the other way; 0 = never."""
    spread: int = 1
    """Spread of a future, in multiples of its ordinary one."""
    wanders: bool = False
    """Prices wander: no trend, no range, no leader and no echo; what was tells nothing of what will be."""


WORLDS: Final[Mapping[str, World]] = MappingProxyType(
    {
        "null": World(lean=0.0, wanders=True),
        "edge": World(lean=3.0),
        "flip": World(lean=3.0, turns_s=7200.0),
        "costly": World(lean=3.0, spread=8),
    }
)


def world_of(name: str) -> World:
    """The world of that name. Raises ValueError that names all of them."""
    if name not in WORLDS:
        msg = f"world {name!r} is unknown; there are {', '.join(WORLDS)}"
        raise ValueError(msg)
    return WORLDS[name]


def leans(world: World, mid: Floats, *, is_future: bool, start: float) -> Floats:
    """How far the book of each slot leans to its bids, in shares of its size; `start` in epoch seconds.

    `mid` is the price at the slots' edges, one more than slots.
    """
    if not is_future:
        stock: Floats = np.sign(np.diff(mid)) * (0.0 if world.wanders else _STOCK_LEAN)
        return stock
    slots = len(mid) - 1
    later = np.minimum(np.arange(slots) + AHEAD_SLOTS, slots)
    moves = mid[later] - mid[:-1]
    ordinary = np.abs(moves).mean() or 1.0
    lean: Floats = world.lean * np.tanh(moves / ordinary)
    if world.turns_s:
        # Counted in absolute time: the same whatever part of the day is asked for.
        stretch = ((start + SLOT_S * np.arange(slots)) // world.turns_s).astype(np.int64)
        lean *= 1.0 - 2.0 * (stretch % 2)
    return lean
