"""Features of one recorded day, prices of another: whoever finds an edge there finds it anywhere."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

import numpy as np

from engine.learning.appetite import APPETITES, AppetiteName
from engine.learning.features import LEVEL_1, QUEUE, FeatureStream
from engine.learning.judge import Judge, JudgeSettings, Label, Said
from tests.learning.real import DAYS, TICK, Event, events, session

STOP_TICKS = 10.0


class Result(NamedTuple):
    """What the gate made of one pair of days at no cost at all, from mid to mid."""

    opened: bool
    decisions: int
    mean_ticks: float
    """Mean net of all claims, traded or not."""


class _Owed(NamedTuple):
    number: int
    at: float
    x: dict[str, float]
    said: Said
    is_up: bool


def snapshots(symbol: str, day: date, *, minutes: float | None) -> Iterator[tuple[float, dict[str, float]]]:
    """Features at each second of a day, in seconds since its open."""
    opens, closes = session(day)
    stream, second = FeatureStream(TICK), 0
    stream.begin_session(opens, closes)
    for at, top, price, size in events(symbol, day, minutes=minutes):
        now = math.ceil(at - opens) - 1
        if now > second and opens + now > stream.last_at:
            second, x = now, stream.snapshot(opens + now)
            if x is not None:
                yield float(now), x
        if top is None:
            stream.on_print(at, price, size)
        else:
            stream.on_top(top)


def mids(symbol: str, day: date, *, minutes: float | None) -> tuple[np.ndarray, np.ndarray]:
    """When the mid changed, in seconds since the open, and to what, in ticks."""
    opens, _ = session(day)
    told: list[Event] = [one for one in events(symbol, day, minutes=minutes) if one.top is not None]
    at = np.array([one.at - opens for one in told])
    return at, np.array([one.top.mid / TICK for one in told if one.top is not None])


def play(symbol: str, seen: date, paid: date, *, horizon_s: float, minutes: float | None = None) -> Result:
    """Decide every second on the features of `seen`, be paid by the prices of `paid`."""
    sets = {"queue": QUEUE, "l1": LEVEL_1}
    judge = Judge(
        JudgeSettings(
            feature_sets=sets, appetite=APPETITES[AppetiteName.STANDARD], uniqueness=1.0 / horizon_s
        )
    )
    at, level = mids(symbol, paid, minutes=minutes)

    def mid(when: float) -> float:
        return float(level[max(0, int(np.searchsorted(at, when, side="right")) - 1)])

    owed: deque[_Owed] = deque()
    opened, nets = False, []
    for number, (when, x) in enumerate(snapshots(symbol, seen, minutes=minutes)):
        while owed and owed[0].at + horizon_s <= when:
            past = owed.popleft()
            moved = round(mid(past.at + horizon_s) - mid(past.at), 6)
            r = max(-STOP_TICKS, min(STOP_TICKS, moved if past.is_up else -moved))
            nets.append(r)
            judge.book(past.number, r=r, worst_r=STOP_TICKS)
            judge.learn(Label(past.x, past.said, moved, past.at, past.at + horizon_s))
        claim, said = judge.claim(number, x, cost=0.0)
        judge.verdict(claim)
        opened = opened or math.isfinite(judge.gate.threshold)
        owed.append(_Owed(number, when, x, said, claim.is_up))
    return Result(opened, len(nets), float(np.mean(nets)))


def pairs() -> list[tuple[str, date, date, float]]:
    """Sixteen worlds: two shares, two horizons, four pairs of different days."""
    days = list(itertools.permutations(DAYS, 2))[:4]
    return [(symbol, *two, h) for symbol in ("AIG", "BAC") for h in (5.0, 30.0) for two in days]
