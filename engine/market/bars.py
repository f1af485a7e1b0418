"""Longer bars from the broker's short ones: aligned to the clock, complete, emitted once, never invented."""

from __future__ import annotations

import math
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.domain.market import Bar, utc

DAY_SECONDS = 86_400
_LENGTHS = {"5s": 5, "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "1D": DAY_SECONDS}


def timeframe_seconds(timeframe: str) -> int:
    """Length of a timeframe's bars: `1m` is 60. Raises ValueError listing the timeframes there are."""
    try:
        return _LENGTHS[timeframe]
    except KeyError:
        raise ValueError(f"{timeframe!r} is no timeframe: expected one of {', '.join(_LENGTHS)}") from None


class BarAggregator:
    """Groups one instrument's bars into longer ones. Times are the bars' own; there is no clock here.

    A bar covers [start, start + seconds) of UTC; a day runs from `day_start` to `day_start` in the
    exchange's time zone. A bar is emitted when its last short bar has come, or when a later one shows that
    nothing more will. A day is emitted only by the first bar of a later one, since its last short bar is
    not known beforehand. Time in which nothing came gives no bar. A short bar that comes late, for a bar
    already emitted or before one already taken, is dropped.
    """

    def __init__(
        self,
        seconds: int,
        *,
        since: datetime | None = None,
        time_zone: str = "America/New_York",
        day_start: time = time(0),
    ) -> None:
        """`since`: from when on the short bars are complete. A bar that began before is never emitted,
        because its beginning was not seen. None where the input is complete from its first bar (history).

        Raises ValueError for a length that is no timeframe's.
        """
        if seconds not in _LENGTHS.values():
            raise ValueError(
                f"bars of {seconds} s are not built: expected one of {sorted(_LENGTHS.values())}"
            )
        self.seconds = seconds
        self._since = since
        self._zone = ZoneInfo(time_zone)
        self._day_start = day_start
        self._parts: list[Bar] = []
        self._end: datetime | None = None
        """End of the bar that is being built; None while there is none."""
        self._closed: datetime | None = None
        """End of the newest bar that is over, emitted or not."""
        self.late = 0
        """How many short bars came too late and were dropped."""

    def add(self, bar: Bar) -> tuple[Bar, ...]:
        """Take the next short bar and return the bars it completes: none, one, rarely two.

        Raises ValueError for a bar that does not fit into the longer one a whole number of times.
        """
        if self.seconds % bar.seconds:
            raise ValueError(f"{bar.symbol}: bars of {bar.seconds} s do not make bars of {self.seconds} s")
        end = self._end_for(bar)
        if self._is_late(bar, end):
            self.late += 1
            return ()
        done: list[Bar] = []
        if self._end is not None and end > self._end:
            done += self._close(self._end)
        self._end = end
        self._parts.append(bar)
        if bar.end >= end and self.seconds != DAY_SECONDS:
            done += self._close(end)
        return tuple(done)

    def _end_for(self, bar: Bar) -> datetime:
        """End of the longer bar that this one belongs to."""
        if self.seconds != DAY_SECONDS:
            return utc((bar.start.timestamp() // self.seconds + 1) * self.seconds)
        local = bar.start.astimezone(self._zone)
        turn = datetime.combine(local.date(), self._day_start, tzinfo=self._zone)
        return (turn if local < turn else turn + timedelta(days=1)).astimezone(UTC)

    def _begin_of(self, end: datetime) -> datetime:
        if self.seconds != DAY_SECONDS:
            return end - timedelta(seconds=self.seconds)
        # Wall-clock arithmetic: a day that changes the clocks has 23 or 25 hours.
        return (end.astimezone(self._zone) - timedelta(days=1)).astimezone(UTC)

    def _is_late(self, bar: Bar, end: datetime) -> bool:
        if self._closed is not None and end <= self._closed:
            return True
        return bool(self._parts) and bar.end <= self._parts[-1].end

    def _close(self, end: datetime) -> list[Bar]:
        """End the bar being built; empty where its beginning was not seen."""
        parts, self._parts, self._end, self._closed = self._parts, [], None, end
        if self._since is not None and self._begin_of(end) < self._since:
            return []
        return [_joined(parts, end, self.seconds)]


def _joined(parts: list[Bar], end: datetime, seconds: int) -> Bar:
    volume = sum(part.volume for part in parts)
    return Bar(
        symbol=parts[0].symbol,
        end=end,
        open=parts[0].open,
        high=max(part.high for part in parts),
        low=min(part.low for part in parts),
        close=parts[-1].close,
        volume=volume,
        seconds=seconds,
        wap=_wap(parts, volume),
        trades=sum(part.trades for part in parts),
    )


def _wap(parts: list[Bar], volume: int) -> float:
    """Volume-weighted price; NaN where nothing traded or a part does not know its own."""
    if volume == 0:
        return math.nan
    return math.fsum(part.wap * part.volume for part in parts if part.volume) / volume
