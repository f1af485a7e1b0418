"""A storm for the breakers alone: errors and successes at random; a second reckoning judges every step.

The judge knows no breaker: it goes through the whole history each time, by the sentences of the documents.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from engine.config import Config
from engine.domain.reasons import Reason
from engine.runtime.alerts.notices import Notices
from engine.runtime.breakers.faults import Faults
from engine.store.errors import StoreUnwritableError
from tests.builders import TEN

STEPS = 200
LOOPS = ("bars", "quotes", "upkeep of the stops")
KEYS = ("AAA", "BBB", "CCC")


class Step(NamedTuple):
    """One thing that happened."""

    at_s: float
    what: str
    """`works`, `fails` (a loop), `position` (an error at an instrument), `disk` (an error of the disk)."""
    where: str


class Verdict(NamedTuple):
    """What must hold after a history."""

    loop_until_s: float
    rate_until_s: float
    due: tuple[str, ...]
    """Instruments whose position was to be closed, in order."""
    is_over: bool


def verdict_of(history: Sequence[Step]) -> Verdict:
    """By the documents: 10 in a row pause 60 s, the 11th ends; 11 a minute pause 60 s; 3 close, once."""
    runs = dict.fromkeys(LOOPS, 0)
    minute: list[float] = []
    loop_until_s = rate_until_s = float("-inf")
    is_over = False
    for step in history:
        if step.what == "works":
            runs[step.where] = 0
        if step.what not in ("fails", "position"):
            continue
        if step.at_s >= rate_until_s:
            minute = [*(t for t in minute if t > step.at_s - 60.0), step.at_s]
            if len(minute) == 11:
                rate_until_s, minute = step.at_s + 60.0, []
        if step.what == "fails" and step.at_s >= loop_until_s:
            runs[step.where] += 1
            is_over = is_over or runs[step.where] == 11
            if runs[step.where] == 10:
                loop_until_s = step.at_s + 60.0
    return Verdict(loop_until_s, rate_until_s, _due(history), is_over)


def _due(history: Sequence[Step]) -> tuple[str, ...]:
    errors = [step.where for step in history if step.what == "position"]
    return tuple(key for n, key in enumerate(errors) if errors[: n + 1].count(key) == 3)


class BreakerFlow:
    """One seed. `violations` is empty where the breakers and the second reckoning always agreed."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"breakers {seed}")
        self._now_s = 1_000.0
        self._history: list[Step] = []
        self._due: list[str] = []
        self._is_over = False
        self.violations: list[str] = []
        notices = Notices(now=lambda: TEN, monotonic=lambda: self._now_s, log=lambda _: None)
        config = Config()
        self._faults = Faults(notices, monotonic=lambda: self._now_s, config=lambda: config)
        self._faults.on_due = lambda key, _: self._due.append(key)
        self._faults.on_fatal = self._fatal

    def _fatal(self, _err: Exception, _text: str) -> None:
        self._is_over = True

    def run(self) -> BreakerFlow:
        """Step by step until something disagrees, or the session is over."""
        before = structlog.get_config()
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory(), processors=[lambda *_: ""])
        try:
            for _ in range(STEPS):
                self._step()
                self._judge()
                if self.violations or self._is_over:
                    break
        finally:
            structlog.configure(**before)
        return self

    def _step(self) -> None:
        rng = self._rng
        self._now_s += rng.choice(
            (0.0, 0.5, 1.0, 3.0, 7.0, 30.0, 59.0, 61.0) if rng.random() < 0.2 else (0.5,)
        )
        what = rng.choices(("works", "fails", "position", "disk"), (2, 12, 1, 3))[0]
        where = rng.choices(LOOPS, (1, 1, 6))[0] if what != "position" else rng.choice(KEYS)
        self._history.append(Step(self._now_s, what, where))
        match what:
            case "works":
                self._faults.loop_worked(where)
            case "fails":
                self._faults.loop_failed(where, ZeroDivisionError("a bug"))
            case "position":
                self._faults.position_failed(where, "its stops", ValueError("a bug"))
            case _:
                self._faults.loop_failed(where, StoreUnwritableError("no space left"))
        self._faults.round(frozenset(KEYS))

    def _judge(self) -> None:
        wanted = verdict_of(self._history)
        left = {
            Reason.BREAKER_LOOP: wanted.loop_until_s - self._now_s,
            Reason.BREAKER_ERROR_RATE: wanted.rate_until_s - self._now_s,
        }
        longest_s = max(0.0, *left.values())
        pause = self._faults.pause()
        paused_s = 0.0 if pause is None else pause.left_s
        if abs(paused_s - longest_s) > 1e-6:
            self.violations.append(f"entries paused for {paused_s:g} s, {longest_s:g} s are due")
        elif pause is not None and abs(left[pause.reason] - paused_s) > 1e-6:
            self.violations.append(f"paused by {pause.reason.value}, which is not the one")
        if tuple(self._due) != wanted.due:
            self.violations.append(f"closed {self._due}, to be closed were {wanted.due}")
        if self._is_over != wanted.is_over:
            self.violations.append(f"over: {self._is_over}, to be over: {wanted.is_over}")
