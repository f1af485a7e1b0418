"""Alerts are told in time: at once, once a minute with a count, escalated once, until the cause has ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import AlertView, Level
from engine.runtime.alerts.notices import Notices, Telling
from engine.store.alerts import StoredAlert
from tests.builders import TEN

BREACHES = (
    (Level.CRITICAL, "kill", ""),
    (Level.WARNING, "staleness", "SPY"),
    (Level.ERROR, "health", ""),
    (Level.CRITICAL, "cap_breach", "SPY"),
    (Level.CRITICAL, "drawdown", ""),
)


@dataclass
class Heard:
    """Notices whose time the test owns, and everything that people were told."""

    s: float = 0.0
    wall: datetime = TEN
    told: list[tuple[float, Telling, AlertView]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.notices = Notices(now=lambda: self.wall, monotonic=lambda: self.s, log=lambda _: None)
        self.notices.on_told(lambda alert, why: self.told.append((self.s, why, alert)))

    def pass_s(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.s += 1.0
            self.wall += timedelta(seconds=1)
            self.notices.tick()

    def times(self, why: Telling) -> list[float]:
        return [s for s, reason, _ in self.told if reason is why]


@pytest.mark.req("REQ-AL1", "PS60-ALERTS")
@pytest.mark.parametrize(("level", "code", "symbol"), BREACHES)
def test_alert_sla_and_dedupe(level: Level, code: str, symbol: str) -> None:
    it = Heard()
    for n in range(10):
        it.notices.raise_alert(level, code, "breach", symbol=symbol)
        it.s += 5.9 if n else 0.0

    assert [(s, why) for s, why, _ in it.told] == [(0.0, Telling.RAISED)]
    assert [a.count for a in it.notices.alerts] == [10]

    it.s = 61.0
    it.notices.raise_alert(level, code, "breach", symbol=symbol)
    assert it.times(Telling.REPEATED) == [61.0]
    assert it.told[-1][2].count == 11

    it.pass_s(300)
    (escalated,) = it.times(Telling.ESCALATED)
    assert 120.0 <= escalated <= 125.0
    assert [a.escalated for a in it.notices.alerts] == [True]


@pytest.mark.req("REQ-AL1")
@pytest.mark.parametrize("answer", ["resolved", "acknowledged"])
def test_an_alert_that_was_answered_is_neither_repeated_nor_escalated(answer: str) -> None:
    it = Heard()
    it.notices.raise_alert(Level.CRITICAL, "kill", "NOT PROVEN")
    it.pass_s(100)
    if answer == "resolved":
        it.notices.clear_alert("kill")
    else:
        it.notices.acknowledge(it.notices.alerts[0].alert_id)
        it.notices.raise_alert(Level.CRITICAL, "kill", "NOT PROVEN")

    it.pass_s(600)

    assert [why for _, why, _ in it.told] == [Telling.RAISED]


def test_an_alert_that_comes_and_goes_is_told_once_a_minute_and_blocks_every_time() -> None:
    it = Heard()
    for _ in range(30):
        it.notices.raise_alert(Level.CRITICAL, "link_given_up", "gone")
        assert it.notices.blocking("SPY") is not None
        it.pass_s(2)
        it.notices.clear_alert("link_given_up")
        it.pass_s(1)

    assert len(it.told) == 2
    assert len({alert.alert_id for *_, alert in it.told}) <= 2


def test_an_acknowledged_alert_that_ended_and_comes_back_blocks_again_and_is_told_in_time() -> None:
    it = Heard()
    it.notices.raise_alert(Level.CRITICAL, "naked", "no stop", symbol="SPY")
    it.notices.acknowledge(1)
    it.notices.clear_alert("naked", symbol="SPY")
    it.pass_s(5)
    it.notices.raise_alert(Level.CRITICAL, "naked", "no stop", symbol="SPY")

    assert it.notices.blocking("SPY") is not None
    it.pass_s(60)
    assert it.times(Telling.REPEATED) == [60.0]


@pytest.mark.req("REQ-AL1")
@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(hours=5)])
def test_a_clock_that_jumps_moves_no_alert(jump: timedelta) -> None:
    it = Heard()
    it.notices.raise_alert(Level.CRITICAL, "kill", "NOT PROVEN")
    it.wall += jump
    it.pass_s(119)
    assert it.times(Telling.ESCALATED) == []
    it.pass_s(5)

    assert it.times(Telling.ESCALATED) == [120.0]


@pytest.mark.req("REQ-AL1")
@given(st.lists(st.tuples(st.sampled_from(["raise", "clear", "wait"]), st.integers(1, 40)), max_size=40))
def test_the_same_alert_is_told_at_most_once_a_minute_and_never_forgotten(
    steps: list[tuple[str, int]],
) -> None:
    it = Heard()
    for step, n in steps:
        if step == "raise":
            it.notices.raise_alert(Level.ERROR, "health", "bad")
        elif step == "clear":
            it.notices.clear_alert("health")
        else:
            it.pass_s(n)
    told = [s for s, why, _ in it.told if why is not Telling.ESCALATED]
    assert all(b - a >= 60.0 for a, b in pairwise(told))

    standing = bool(it.notices.alerts)
    raised_last = it.notices.alerts[0].count if standing else 0
    it.pass_s(61)
    if standing:
        assert max((alert.count for *_, alert in it.told), default=0) >= raised_last


@pytest.mark.req("REQ-AL1", "PS60-ALERTS")
def test_restarts_put_no_escalation_off() -> None:
    told = []
    for waited_s in (100, 119, 121):
        it = Heard(wall=TEN + timedelta(seconds=waited_s))
        it.notices.restore([StoredAlert(7, "kill", "critical", "", "NOT PROVEN", TEN)], highest_id=7)
        it.pass_s(30)
        told.append(it.times(Telling.ESCALATED))

    assert told == [[20.0], [1.0], [1.0]]


def test_an_escalation_before_the_restart_is_not_repeated() -> None:
    it = Heard(wall=TEN + timedelta(hours=1))
    row = StoredAlert(7, "kill", "critical", "", "NOT PROVEN", TEN, escalated_at=TEN + timedelta(minutes=2))
    it.notices.restore([row], highest_id=7)
    it.pass_s(300)

    assert it.times(Telling.ESCALATED) == []
