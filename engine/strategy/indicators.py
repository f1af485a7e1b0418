"""Incremental indicators: one bar in, one value out, at constant cost per bar."""

from __future__ import annotations

import math
from collections import deque
from typing import Final, Protocol

from engine.domain.market import Bar
from engine.strategy.registry import indicator


class Indicator(Protocol):
    """A value over the last bars. NaN until it has seen enough of them."""

    def __init__(self, length: int) -> None: ...

    @property
    def value(self) -> float:
        """The value after the last bar, in units of price unless said otherwise; NaN while not ready."""
        ...

    @property
    def bars_needed(self) -> int:
        """How many bars it takes until the first value."""
        ...

    def update(self, bar: Bar) -> float:
        """Take the next complete bar and return the new value."""
        ...


class _Windowed:
    """What indicators of one length share."""

    def __init__(self, length: int) -> None:
        if length < 1:
            raise ValueError(f"an indicator over {length} bars does not exist: its length is at least 1")
        self.length = length
        self.value = math.nan

    @property
    def bars_needed(self) -> int:
        """Bars until the first value."""
        return self.length


@indicator("sma")
class Sma(_Windowed):
    """Simple moving average of closes."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self._ring = [0.0] * length
        self._place = 0
        self._sum = 0.0
        self._parts = math.nan
        """What the sum is divided by: no number until the ring is full."""

    def update(self, bar: Bar) -> float:
        """Take the next bar."""
        # With names of its own, and without asking whether it is full: every bar comes by here.
        close, ring, place = bar.close, self._ring, self._place
        total = self._sum + (close - ring[place])
        ring[place] = close
        place += 1
        if place == self.length:
            # Once per window the sum is made anew: rounding cannot pile up over a long day.
            total, place = math.fsum(ring), 0
            self._parts = self.length
        self._sum, self._place = total, place
        self.value = value = total / self._parts
        return value


@indicator("ema")
class Ema(_Windowed):
    """Exponential moving average of closes, smoothing 2 / (length + 1), begun with a simple average."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self._first: list[float] = []

    def update(self, bar: Bar) -> float:
        """Take the next bar."""
        if math.isnan(self.value):
            self._first.append(bar.close)
            if len(self._first) == self.length:
                self.value = math.fsum(self._first) / self.length
                self._first.clear()
        else:
            self.value += (bar.close - self.value) * 2.0 / (self.length + 1)
        return self.value


@indicator("atr")
class Atr(_Windowed):
    """Average true range after Wilder: how far price moves in one bar."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self._first: list[float] = []
        self._close = math.nan

    def update(self, bar: Bar) -> float:
        """Take the next bar."""
        reach = bar.high - bar.low
        if not math.isnan(self._close):
            reach = max(reach, abs(bar.high - self._close), abs(bar.low - self._close))
        self._close = bar.close
        if math.isnan(self.value):
            self._first.append(reach)
            if len(self._first) == self.length:
                self.value = math.fsum(self._first) / self.length
                self._first.clear()
        else:
            self.value += (reach - self.value) / self.length
        return self.value


SESSION_S: Final = 6.5 * 3600.0
"""One session of stocks: what ranges of any bar are scaled to, so that one figure means the same for all."""


def day_range(bar_range: float, bar_s: float) -> float | None:
    """What an average range of bars of this length comes to in a session, by the root of time.

    None where it is not known.
    """
    scaled = bar_range * math.sqrt(SESSION_S / bar_s)
    return scaled if math.isfinite(scaled) and scaled > 0 else None


@indicator("roc")
class Roc(_Windowed):
    """Rate of change: the close against the close `length` bars earlier, in percent."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self._closes: deque[float] = deque(maxlen=length + 1)

    @property
    def bars_needed(self) -> int:
        """One more than its length: it compares both ends."""
        return self.length + 1

    def update(self, bar: Bar) -> float:
        """Take the next bar. A price of zero (some futures have been there) has no rate: NaN."""
        self._closes.append(bar.close)
        if len(self._closes) > self.length:
            base = self._closes[0]
            self.value = (bar.close / base - 1.0) * 100.0 if base else math.nan
        return self.value
