"""Small markets whose truth is known: no edge, a steady edge, one that turns, costs that change. Seeded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from engine.learning.appetite import APPETITES, Appetite, AppetiteName
from engine.learning.drift import Drift
from engine.learning.judge import Judge, JudgeSettings, Label, Said
from engine.learning.threshold import Claim

HORIZON = 5
"""Decisions until an outcome is known."""
NAMES = tuple(f"f{i}" for i in range(6))
SETS = {"small": NAMES[:2], "all": NAMES}
STANDARD = APPETITES[AppetiteName.STANDARD]


class Step(NamedTuple):
    """One decision: what is seen, the true chance of up, what it costs, and what came of it."""

    x: dict[str, float]
    p_up: float
    cost: float
    outcome: float


@dataclass(slots=True)
class Played:
    """What a judge made of a world."""

    live: list[tuple[int, float]] = field(default_factory=list)
    """Live trades: the event of the decision and the net outcome."""
    naive: float = 0.0
    """Net of trading every claim above the true break-even, without a gate."""
    oracle: float = 0.0
    """Net of the one who knows the truth, per decision."""
    alarms: list[int] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    shown: list[tuple[float, bool]] = field(default_factory=list)
    """Calibrated probability and whether it came true, of decisions after the 5,000th label."""
    known: list[tuple[float, float]] = field(default_factory=list)
    """Of the same decisions: calibrated probability, and the true chance that it comes true."""
    perfect: list[tuple[float, bool]] = field(default_factory=list)
    """Of the same outcomes: the forecast of one who knows the truth, and whether it came true."""

    @property
    def net(self) -> float:
        """Net of all live trades."""
        return math.fsum(r for _, r in self.live)


def edge_world(
    seed: int,
    events: int,
    *,
    strength: float,
    cost: float = 0.4,
    flip_at: int | None = None,
    cost_at: Callable[[int], float] | None = None,
) -> Iterator[Step]:
    """Outcomes ±1 with log-odds linear in three of the features; `flip_at` turns the sign over."""
    rng = np.random.default_rng(seed)
    weights = np.array([0.6, 0.0, 0.6, -0.53, 0.0, 0.0]) * strength
    xs = rng.normal(size=(events, len(NAMES)))
    draws = rng.random(events)
    for event in range(events):
        sign = -1.0 if flip_at is not None and event >= flip_at else 1.0
        p_up = 1.0 / (1.0 + math.exp(-sign * float(weights @ xs[event])))
        x = dict(zip(NAMES, xs[event].tolist(), strict=True))
        paid = cost if cost_at is None else cost_at(event)
        yield Step(x, p_up, paid, 1.0 if draws[event] < p_up else -1.0)


def null_world(seed: int, events: int, *, cost: float = 0.0) -> Iterator[Step]:
    """A random walk: neighbouring outcomes overlap, features follow the path and know nothing."""
    rng = np.random.default_rng(seed)
    walk = np.concatenate([[0.0], np.cumsum(rng.choice((-1.0, 1.0), size=events + HORIZON + 60))])
    noise = rng.normal(size=(events, 3))
    for event in range(events):
        now = event + 60
        past = [float(walk[now] - walk[now - back]) / math.sqrt(back) for back in (1, 5, 30)]
        x = dict(zip(NAMES, (*past, *noise[event].tolist()), strict=True))
        yield Step(x, 0.5, cost, 1.0 if walk[now + HORIZON] > walk[now] else -1.0)


class Pending(NamedTuple):
    """A decision whose outcome is not known yet."""

    event: int
    step: Step
    claim: Claim
    said: Said
    traded: bool


class Player:
    """Lets a judge decide and learn, each outcome only when it is due.

    `overlap` says how many neighbouring outcomes share a part of the path: 1 where each is drawn for
    itself and merely known late, HORIZON on a walk.
    """

    def __init__(
        self, appetite: Appetite = STANDARD, *, overlap: int = 1, judge: Judge | None = None
    ) -> None:
        self.judge = judge or Judge(
            JudgeSettings(feature_sets=SETS, appetite=appetite, uniqueness=1.0 / overlap)
        )
        self._overlap = overlap
        self.played = Played()
        self._waiting: list[Pending] = []
        self._busy_until = self._naive_until = self._oracle_until = 0
        self._was_open = False

    def play(self, steps: Iterator[Step]) -> Played:
        """Run the whole world."""
        for event, step in enumerate(steps):
            self.turn(event, step)
        return self.played

    def continue_from(self, other: Player) -> None:
        """Take over what is kept beside the model: labels that are not due yet, and the live position."""
        self._waiting, self._busy_until = list(other._waiting), other._busy_until

    def turn(self, event: int, step: Step) -> float:
        """One decision; returns the probability of up that was claimed for it."""
        self._settle(event)
        claim, said = self.judge.claim(event, step.x, cost=step.cost)
        verdict = self.judge.verdict(claim)
        trades = verdict.may_trade and event >= self._busy_until
        if trades:
            self._busy_until = event + HORIZON
        self._waiting.append(Pending(event, step, claim, said, trades))
        self._others(event, step, claim)
        self._doors(event)
        return said.p_up

    def _settle(self, event: int) -> None:
        while self._waiting and self._waiting[0].event + HORIZON <= event:
            past = self._waiting.pop(0)
            right = past.claim.is_up == (past.step.outcome > 0)
            r = (1.0 if right else -1.0) - past.step.cost
            if past.traded:
                self.played.live.append((past.event, r))
            if self.judge.labels >= 5000:
                self._show(past, is_right=right)
            self.judge.book(past.event, r=r, worst_r=1.0 + past.step.cost)
            lost = past.traded and r < 0.0
            news = self.judge.learn(
                Label(past.step.x, past.said, past.step.outcome, past.event, past.event + self._overlap, lost)
            )
            if isinstance(news.drift, Drift):
                self.played.alarms.append(event)

    def _show(self, past: Pending, *, is_right: bool) -> None:
        p_up = past.step.p_up
        self.played.shown.append((past.claim.p, is_right))
        self.played.known.append((past.claim.p, p_up if past.claim.is_up else 1.0 - p_up))
        self.played.perfect.append((max(p_up, 1.0 - p_up), (p_up > 0.5) == (past.step.outcome > 0)))

    def _others(self, event: int, step: Step, claim: Claim) -> None:
        r = (1.0 if claim.is_up == (step.outcome > 0) else -1.0) - step.cost
        if event >= self._naive_until and 2.0 * claim.p - 1.0 > step.cost:
            self._naive_until = event + HORIZON
            self.played.naive += r
        edge = abs(2.0 * step.p_up - 1.0) - step.cost
        self.played.oracle += max(0.0, edge)

    def _doors(self, event: int) -> None:
        is_open = math.isfinite(self.judge.gate.threshold)
        if is_open != self._was_open:
            (self.played.opened if is_open else self.played.closed).append(event)
            self._was_open = is_open


def calibration_error(shown: Sequence[tuple[float, float]], *, bins: int = 10) -> float:
    """Expected calibration error: how far claimed and seen shares lie apart, weighted by how often.

    Of outcomes it holds chance as well: about .012 over 3,000 of them for one who knows the truth, .004
    over 20,000. Against true chances instead of outcomes it holds none.
    """
    rows = np.array([(p, float(right)) for p, right in shown])
    where = np.minimum((rows[:, 0] * bins).astype(int), bins - 1)
    gaps = (
        abs(float(rows[where == one].mean(axis=0) @ (1.0, -1.0))) * int((where == one).sum())
        for one in range(bins)
        if (where == one).any()
    )
    return math.fsum(gaps) / len(rows)
