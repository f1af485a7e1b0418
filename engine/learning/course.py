"""What one contract's trader has lived through, for people: confidence over time, and what ended trust."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

from engine.learning import plain
from engine.learning.estimator import Plain
from engine.learning.judge import News
from engine.learning.rivals import Takeover

MOST_POINTS: Final = 240
MOST_TURNS: Final = 8


class Point(NamedTuple):
    """One decision."""

    at: float
    p: float
    needed: float
    """Infinite while nothing was proven."""


class TurningPoint(NamedTuple):
    """What ended trust, or changed the model."""

    at: float
    what: str
    """`drift`, `gate`, `takeover`, `promoted` or `dropped`."""
    text: str
    before: float = math.nan
    """For drift: what its detector saw before the change, and after it. For a takeover: the log-loss of the
    champion of before, and of the one of now, on the same outcomes."""
    after: float = math.nan


class Course:
    """Remembers decisions at even steps; when there are too many, every other one goes and steps double."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.turning_points: deque[TurningPoint] = deque(maxlen=MOST_TURNS)
        self._every = 1
        self._skipped = 0

    def note(self, at: float, p: float, needed: float) -> None:
        """One decision; what is not finite is not known and leaves no point."""
        self._skipped += 1
        if self._skipped < self._every or not (math.isfinite(at) and math.isfinite(p)):
            return
        self._skipped = 0
        self.points.append(Point(at, p, needed))
        if len(self.points) >= MOST_POINTS:
            self.points = self.points[1::2]
            self._every *= 2

    def turn(self, at: float, *, gate_closed: bool, news: list[News]) -> list[str]:
        """What one market event changed, in words; empty where it changed nothing."""
        found = []
        if gate_closed:
            text = "the edge is gone, trust revoked; it is proven anew or not traded"
            found.append(TurningPoint(at, "gate", text))
        for one in news:
            if one.drift is not None:
                kind, before, after, outcomes = one.drift
                text = (
                    f"drift ({kind.value}: {before:.2f} before, {after:.2f} now, {outcomes} outcomes), trust"
                    " revoked; a challenger learns"
                )
                found.append(TurningPoint(at, "drift", text, before, after))
            if one.change is not None:
                found.append(TurningPoint(at, one.change.value, f"challenger {one.change.value}"))
            if one.takeover is not None:
                found.append(_taken_over(at, one.takeover))
        self.turning_points += found
        return [one.text for one in found]

    def state(self) -> dict[str, Plain]:
        """Every point and turning point."""
        points: list[Plain] = [[at, p, _known(needed)] for at, p, needed in self.points]
        turns: list[Plain] = [
            {**one._asdict(), "before": _known(one.before), "after": _known(one.after)}
            for one in self.turning_points
        ]
        return {"points": points, "turns": turns, "every": self._every, "skipped": self._skipped}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue where `state` was taken. StateError where it is none."""
        points = []
        for row in plain.items(state, "points"):
            match row:
                case [int() | float() as at, int() | float() as p, needed]:
                    limit = math.inf if needed is None else plain.as_float(needed, "points")
                    points.append(Point(float(at), float(p), limit))
                case _:
                    raise plain.StateError(f"state of a model: points holds {row!r}")
        turns = [_turning_point(one) for one in plain.tables(state, "turns")]
        self._every, self._skipped = plain.whole(state, "every"), plain.whole(state, "skipped")
        self.points, self.turning_points = points, deque(turns, maxlen=MOST_TURNS)


def _taken_over(at: float, told: Takeover) -> TurningPoint:
    text = (
        f"{told.name} takes the place of {told.former}: it forecasts better, beyond chance (log-loss"
        f" {told.former_loss:.3f} before, {told.loss:.3f} now, {told.labels} outcomes); trust begins anew"
    )
    return TurningPoint(at, "takeover", text, told.former_loss, told.loss)


def _turning_point(state: Mapping[str, Plain]) -> TurningPoint:
    before, after = plain.maybe(state, "before"), plain.maybe(state, "after")
    return TurningPoint(
        plain.number(state, "at"),
        plain.text(state, "what"),
        plain.text(state, "text"),
        math.nan if before is None else before,
        math.nan if after is None else after,
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
