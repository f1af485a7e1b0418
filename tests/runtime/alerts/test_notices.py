"""Alerts: once, until their cause has ended; acknowledged stays acknowledged; worse is news."""

from __future__ import annotations

import pytest

from engine.api import EventView, Level
from engine.config.redaction import Redactor
from engine.runtime.alerts.notices import KEPT_ALERTS, KEPT_EVENTS, Notices
from tests.builders import TEN


def make() -> tuple[Notices, list[EventView]]:
    log: list[EventView] = []
    return Notices(now=lambda: TEN, monotonic=lambda: 0.0, log=log.append), log


def test_an_alert_that_stands_is_not_raised_again() -> None:
    notices, log = make()
    for _ in range(3):
        notices.raise_alert(Level.CRITICAL, "not_stored", "the store cannot write")

    assert len(notices.alerts) == len(log) == 1


def test_an_acknowledged_alert_whose_cause_goes_on_blocks_no_more() -> None:
    notices, _ = make()
    notices.raise_alert(Level.CRITICAL, "not_stored", "the store cannot write")
    notices.acknowledge(notices.alerts[0].alert_id)
    notices.raise_alert(Level.CRITICAL, "not_stored", "the store cannot write")

    assert notices.blocking("SPY") is None
    assert len(notices.alerts) == 1


def test_news_about_an_acknowledged_alert_block_again() -> None:
    notices, _ = make()
    notices.raise_alert(Level.CRITICAL, "unknown_order", "a", symbol="SPY")
    notices.acknowledge(notices.alerts[0].alert_id)
    notices.raise_alert(Level.CRITICAL, "unknown_order", "a, b", symbol="SPY")

    assert notices.blocking("SPY") is not None
    assert notices.blocking("QQQ") is None


def test_an_alert_that_grows_worse_takes_the_worse_level() -> None:
    notices, log = make()
    notices.raise_alert(Level.WARNING, "kill", "PROVEN FLAT")
    notices.raise_alert(Level.CRITICAL, "kill", "NOT PROVEN")

    assert [a.level for a in notices.alerts] == [Level.CRITICAL]
    assert notices.blocking("") is not None
    assert [e.level for e in log] == [Level.WARNING, Level.CRITICAL]


def test_a_cause_that_ended_takes_its_alert_along() -> None:
    notices, _ = make()
    notices.raise_alert(Level.CRITICAL, "naked", "x", symbol="SPY")
    notices.clear_alert("naked", symbol="QQQ")
    assert notices.blocking("SPY") is not None

    notices.clear_alert("naked", symbol="SPY")

    assert notices.alerts == ()


def test_a_flood_of_small_alerts_does_not_wash_a_block_away() -> None:
    notices, _ = make()
    notices.raise_alert(Level.CRITICAL, "naked", "x", symbol="SPY")
    for n in range(3 * KEPT_ALERTS):
        notices.raise_alert(Level.WARNING, "no_history", "x", symbol=f"S{n}")

    assert notices.blocking("SPY") is not None
    assert len(notices.alerts) == KEPT_ALERTS


def test_events_are_numbered_without_holes_bounded_and_clean() -> None:
    notices, _ = make()
    for n in range(KEPT_EVENTS + 10):
        notices.event(Level.INFO, "link", f"\x1b[2J{n}\x07")

    numbers = [e.seq for e in notices.events]
    assert numbers == list(range(11, KEPT_EVENTS + 11))
    assert all(e.text.isprintable() for e in notices.events)


@pytest.mark.req("REQ-SEC1")
def test_no_secret_gets_into_an_event_an_alert_or_its_row() -> None:
    log: list[EventView] = []
    hide = Redactor(["canary-0123456789"])
    notices = Notices(now=lambda: TEN, monotonic=lambda: 0.0, log=log.append, redactor=hide)
    notices.event(Level.ERROR, "link", "the broker said canary-0123456789")
    notices.raise_alert(Level.ERROR, "act_failed", "failed: password=hunter22 canary-0123456789")
    notices.raise_alert(Level.ERROR, "act_failed", "again: canary-0123456789")

    seen = f"{notices.events} {notices.alerts} {notices.take_unsaved()} {log}"
    assert "canary" not in seen
    assert "hunter22" not in seen
    assert "***" in seen
