"""What a sweep tries: every combination of its settings on every stretch of time. Pure."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from engine.backtest.metrics import new_york_days
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.domain.market import NEW_YORK

Settings = Mapping[str, object]
"""Dotted configuration key to value."""


class Part(StrEnum):
    """What a stretch of time is for."""

    WHOLE = "whole"
    TRAIN = "train"
    """Settings are chosen by it."""
    TEST = "test"
    """The chosen ones prove themselves on it; it follows its training stretch and was never looked at."""


class Window(NamedTuple):
    """A stretch of time; bars before it only warm up."""

    name: str
    part: Part
    begin_ns: int | None = None
    """Epoch nanoseconds; None for the first bar."""
    end_ns: int | None = None
    """None for the last bar."""


WHOLE = Window("whole", Part.WHOLE)


class Fold(NamedTuple):
    """One step of a walk forward."""

    train: Window
    test: Window


class Job(NamedTuple):
    """One trial to be run."""

    trial_id: str
    """Names the same trial in every sweep: same code, bars, settings and stretch of time."""
    settings: tuple[tuple[str, object], ...]
    window: Window
    payload: object
    """What whoever plays it needs besides, of no concern here; it can be sent to another process."""


def combinations(axes: Mapping[str, Sequence[object]]) -> list[dict[str, object]]:
    """Every combination, the last axis fastest; one empty combination where there is no axis."""
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def trial_id(*, data: str, config: str, code: str, strategies: Sequence[str], window: Window) -> str:
    """Name of a trial by all that decides its outcome: bars, configuration, code, and the stretch of time."""
    parts = [data, config, code, list(strategies), window.begin_ns, window.end_ns]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def folds(days: Sequence[int], *, train_days: int, test_days: int) -> list[Fold]:
    """A walk forward over `trading_days`: train, test on what follows, move on by the test.

    Days at the end that fill no test are left out.

    Raises:
        ValueError: there are not enough days for one fold, or a length that is none.
    """
    if train_days < 1 or test_days < 1:
        raise ValueError(f"a walk forward of {train_days} and {test_days} days is none: both are at least 1")
    count = (len(days) - train_days) // test_days
    if count < 1:
        raise ValueError(
            f"a walk forward of {train_days} and {test_days} days needs {train_days + test_days} "
            f"trading days; there are {len(days)}"
        )
    found = []
    for number in range(count):
        begin = number * test_days
        middle, end = begin + train_days, begin + train_days + test_days
        train = _window(f"fold {number + 1}", Part.TRAIN, days[begin], days[middle - 1])
        found.append(Fold(train, _window(f"fold {number + 1}", Part.TEST, days[middle], days[end - 1])))
    return found


def trading_days(
    series: Sequence[BarSeries], *, begin_ns: int | None = None, end_ns: int | None = None
) -> list[int]:
    """The New York dates on which any instrument has a bar, in days since 1970, oldest first.

    Bars that end before `begin_ns` or after `end_ns` do not count.
    """
    ends = np.concatenate([np.zeros(0, dtype=np.int64), *(one.end_ns for one in series)])
    low = -(2**63) if begin_ns is None else begin_ns
    high = 2**63 - 1 if end_ns is None else end_ns
    return [int(day) for day in np.unique(new_york_days(ends[(ends >= low) & (ends <= high)]))]


def _window(name: str, part: Part, first: int, last: int) -> Window:
    """Whole days; a bar that ends at midnight is of the day before, so that no bar is in two windows."""
    return Window(name, part, _midnight_ns(first) + 1, _midnight_ns(last + 1))


def _midnight_ns(day: int) -> int:
    """When a New York date begins."""
    date = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()
    return int(datetime.combine(date, time(0), tzinfo=NEW_YORK).timestamp()) * NANOSECONDS
