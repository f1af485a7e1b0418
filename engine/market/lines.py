"""Who gets a market data line when the account has fewer than there are instruments. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

LINES_EACH: Final = 2
"""Lines of one instrument: level 1 and its 5-second bars."""


class Need(IntEnum):
    """Why an instrument is watched; the most urgent first."""

    HELD = 0
    WORKING = 1
    """An order of it is out."""
    WATCHED = 2
    """On the watch list of the day."""
    OTHER = 3
    """Traded by a strategy."""
    LEFT_ALONE = 4
    """Held by somebody else in this account: its price counts in the limits."""
    FOUND = 5
    """Discovered, and traded by no strategy."""


class Wish(NamedTuple):
    """One instrument that wants to be watched."""

    key: str
    need: Need
    score: float = 0.0
    """Among those of one need the highest goes first: the score of its setup."""
    value_usd: float = 0.0
    """Among those of one score the most traded."""


class LinePlan(NamedTuple):
    """Who is watched and who is not; the most important first."""

    kept: tuple[str, ...]
    left_out: tuple[str, ...]


def room_of(lines: int) -> int:
    """Instruments that so many lines are enough for; at least one."""
    return max(1, lines // LINES_EACH)


def plan_lines(wishes: Iterable[Wish], *, room: int) -> LinePlan:
    """The best `room` of them. Equal ones by name, so that the answer never depends on arrival."""
    ranked = sorted(wishes, key=lambda wish: (wish.need, -wish.score, -wish.value_usd, wish.key))
    keys = tuple(wish.key for wish in ranked)
    return LinePlan(keys[:room], keys[room:])
