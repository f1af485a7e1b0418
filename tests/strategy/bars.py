"""Bars made of closes, on a clock that the test owns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from engine.domain.market import Bar

START = datetime(2026, 11, 16, 15, 0, tzinfo=UTC)


def bar(index: int, close: float, *, key: str = "SPY", reach: float = 0.5, seconds: int = 60) -> Bar:
    """Bar number `index` of a stretch without holes; its range is `reach` to either side of the close."""
    end = START + timedelta(seconds=seconds * (index + 1))
    return Bar(key, end, close, close + reach, close - reach, close, 100, seconds)


def bars(closes: Iterable[float], *, key: str = "SPY", first: int = 0) -> list[Bar]:
    """One bar per close."""
    return [bar(first + index, close, key=key) for index, close in enumerate(closes)]
