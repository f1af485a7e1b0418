"""The last bars of each instrument, for people who look: short ones of an hour, minutes of a day. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.domain.market import Bar, utc

SHORT_S: Final = 5
MINUTE_S: Final = 60
SHORT_KEPT: Final = 720
MINUTES_KEPT: Final = 900
MOST_BARS: Final = 180
"""Bars in one answer."""


@dataclass(slots=True)
class _Series:
    short: deque[Bar] = field(default_factory=lambda: deque(maxlen=SHORT_KEPT))
    minutes: deque[Bar] = field(default_factory=lambda: deque(maxlen=MINUTES_KEPT))
    made: dict[int, tuple[Bar, ...]] = field(default_factory=dict)
    """Bar length -> the answer, until something is added."""


class RecentBars:
    """Fed with every live bar, and with history where a strategy asked for it; late bars are dropped."""

    def __init__(self) -> None:
        self._series: dict[str, _Series] = {}

    def take(self, bars: Sequence[Bar]) -> None:
        """The next live bar, or history, oldest first: what is older than all that is known goes first."""
        if not bars or bars[0].seconds not in {SHORT_S, MINUTE_S}:
            return
        series = self._series.setdefault(bars[0].symbol, _Series())
        if len(bars) == 1 and bars[0].seconds == SHORT_S:
            self._add(series, bars[0])
        else:
            self._put(series, bars)

    def bars(self, key: str, seconds: int) -> tuple[Bar, ...]:
        """The last bars of a length that is whole in shorter ones; the newest may be in the making."""
        series = self._series.get(key)
        if series is None:
            return ()
        if seconds not in series.made:
            series.made[seconds] = joined(_source(series, seconds), seconds)[-MOST_BARS:]
        return series.made[seconds]

    def _add(self, series: _Series, bar: Bar) -> None:
        if series.short and bar.end <= series.short[-1].end:
            return
        series.short.append(bar)
        series.made.clear()
        if bar.end.second == 0:
            begin = bar.end.timestamp() - MINUTE_S
            minute = joined(_since(series.short, begin), MINUTE_S)
            series.minutes.extend(minute[-1:])

    def _put(self, series: _Series, bars: Sequence[Bar]) -> None:
        found = list(bars)
        if found[0].seconds == SHORT_S:
            series.short = deque(_before(found, series.short), maxlen=SHORT_KEPT)
            found = [bar for bar in joined(found, MINUTE_S) if bar.end <= found[-1].end]
        series.minutes = deque(_before(found, series.minutes), maxlen=MINUTES_KEPT)
        series.made.clear()


def joined(bars: Iterable[Bar], seconds: int) -> tuple[Bar, ...]:
    """Bars of `seconds`, aligned to the clock, each of what there is of it."""
    made: list[Bar] = []
    for bar in bars:
        end_s = (bar.start.timestamp() // seconds + 1) * seconds
        if made and made[-1].end.timestamp() == end_s:
            before = made[-1]
            made[-1] = before._replace(
                high=max(before.high, bar.high),
                low=min(before.low, bar.low),
                close=bar.close,
                volume=before.volume + bar.volume,
            )
        else:
            made.append(bar._replace(end=utc(end_s), seconds=seconds))
    return tuple(made)


def _source(series: _Series, seconds: int) -> list[Bar]:
    if seconds < MINUTE_S:
        return list(_since(series.short, _last_s(series.short) - seconds * MOST_BARS))
    whole = list(_since(series.minutes, _last_s(series.minutes) - seconds * MOST_BARS))
    return [*whole, *_since(series.short, _last_s(series.minutes))]


def _last_s(bars: deque[Bar]) -> float:
    return bars[-1].end.timestamp() if bars else 0.0


def _since(bars: deque[Bar], begin_s: float) -> Iterator[Bar]:
    begin = utc(max(0.0, begin_s))
    return (bar for bar in bars if bar.start >= begin)


def _before(found: list[Bar], known: deque[Bar]) -> list[Bar]:
    """Both, each time once; where both know it what came live counts."""
    if not known:
        return found
    first = known[0].start
    return [*(bar for bar in found if bar.end <= first), *known]
