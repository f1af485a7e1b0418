"""What a restart continues besides positions and orders, and when it may not be believed. Pure.

Positions, orders, attempts and P&L are never in here: they come from bookings, each durable by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from engine.domain.market import NEW_YORK, Bar
from engine.domain.moment import aware

KEPT_BARS = 720
"""5-second bars kept per instrument: one hour."""


class Said(NamedTuple):
    """The latest refusal of a strategy in an instrument."""

    strategy: str
    key: str
    code: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One moment of everything that is not booked. Times are exchange time, aware UTC."""

    at: datetime
    day: date
    """Trading day it belongs to."""
    session_started_at: datetime
    """When the first run of that trading day began."""
    watchlist: tuple[str, ...] = ()
    last_bars: Mapping[tuple[str, str], datetime] | None = None
    """(strategy, instrument key) -> end of the last bar it decided on."""
    filter_blocks: Mapping[str, int] | None = None
    """Reason code -> entries that it refused."""
    entry_paths: Mapping[str, int] | None = None
    """Kind of strategy -> entries that it made."""
    why_not: tuple[Said, ...] = ()
    carried_usd: Mapping[str, float | None] | None = None
    """Instrument key -> what it had earned before the day began; None while it has no price yet."""

    def __post_init__(self) -> None:
        """Raise ValueError for a naive time."""
        aware(self.at, of="checkpoint")


def document(checkpoint: Checkpoint) -> dict[str, Any]:
    """The checkpoint as plain JSON data."""
    return {
        "session_started_at": checkpoint.session_started_at.isoformat(),
        "watchlist": list(checkpoint.watchlist),
        "last_bars": [
            [strategy, key, end.isoformat()] for (strategy, key), end in (checkpoint.last_bars or {}).items()
        ],
        "filter_blocks": dict(checkpoint.filter_blocks or {}),
        "entry_paths": dict(checkpoint.entry_paths or {}),
        "why_not": [[*said[:4], said.at.isoformat()] for said in checkpoint.why_not],
        "carried_usd": dict(checkpoint.carried_usd or {}),
    }


def checkpoint_of(at: datetime, day: date, data: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint of a document. Raises ValueError where it is not one."""
    try:
        return Checkpoint(
            at=at,
            day=day,
            session_started_at=datetime.fromisoformat(data["session_started_at"]),
            watchlist=tuple(str(symbol) for symbol in data["watchlist"]),
            last_bars={(str(s), str(k)): datetime.fromisoformat(end) for s, k, end in data["last_bars"]},
            filter_blocks={str(k): int(n) for k, n in data["filter_blocks"].items()},
            entry_paths={str(k): int(n) for k, n in data["entry_paths"].items()},
            why_not=tuple(
                Said(str(s), str(k), str(c), str(t), datetime.fromisoformat(when))
                for s, k, c, t, when in data["why_not"]
            ),
            # A checkpoint of an earlier version has none.
            carried_usd={
                str(k): None if usd is None else float(usd) for k, usd in data.get("carried_usd", {}).items()
            },
        )
    except (KeyError, TypeError, AttributeError) as err:
        raise ValueError(f"no checkpoint: {type(err).__name__} {err}") from err


def why_dropped(checkpoint: Checkpoint, *, now: datetime, today: date) -> str:
    """Why it may not be continued, for people; empty where it may."""
    if checkpoint.day != today:
        return f"it is of the trading day {checkpoint.day}, today is {today}"
    if checkpoint.at > now:
        return f"it is of {_clock(checkpoint.at)}, later than now ({_clock(now)})"
    return ""


def age_warning(saved_at: datetime | None, *, now: datetime, most_h: float) -> str:
    """What people must know about old state; empty where it is young enough, or there is none."""
    if saved_at is None or now - saved_at <= timedelta(hours=most_h):
        return ""
    age_h = (now - saved_at) / timedelta(hours=1)
    return (
        f"the stored state is {age_h:.1f} h old (last change {_clock(saved_at)}; more than {most_h:g} h): "
        "compare positions, stops and targets with the broker's"
    )


class Restored(NamedTuple):
    """An instrument's bars as far as they can be continued."""

    bars: tuple[Bar, ...]
    missing: int
    """Bars between the last one and now."""
    why_not: str = ""
    """Why none is continued, for people."""


def continued(bars: Sequence[Bar], *, now: datetime, most_gap_s: float) -> Restored:
    """A stored buffer, oldest first, or none of it where the gap since then is too long."""
    if not bars:
        return Restored((), 0)
    gap_s = (now - bars[-1].end).total_seconds()
    missing = max(0, int(gap_s // bars[-1].seconds))
    if gap_s > most_gap_s:
        return Restored((), missing, f"the gap of {gap_s:.0f} s is longer than {most_gap_s:.0f} s")
    return Restored(tuple(bars), missing)


def joined(ours: Iterable[Bar], theirs: Iterable[Bar]) -> tuple[Bar, ...]:
    """Both, in order, each bar once; where both have one the broker's history counts."""
    return tuple(bar for _, bar in sorted({bar.end: bar for bar in (*ours, *theirs)}.items()))


def holes(bars: Sequence[Bar]) -> tuple[tuple[datetime, datetime], ...]:
    """Where bars are missing between others: begin and end of each hole. Nobody fills them by guessing."""
    return tuple((left.end, right.start) for left, right in pairwise(bars) if right.start > left.end)


def _clock(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%Y-%m-%d %H:%M:%S} ET"
