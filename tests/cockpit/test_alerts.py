"""Alerts on the screen: what to do, escalated or not, acknowledged by key one by one; the bell rings once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.bell import Bell
from cockpit.screens.alerts import AlertsDialog, answer_of
from engine.api import AlertView, CommandKind, Level
from tests.cockpit.conftest import OpenDesk
from tests.cockpit.scripted import NORMAL, ago

STALE = AlertView(7, Level.WARNING, "staleness", "TSLA", "no quote for 7 s", ago(9), to_do="wait")
NAKED = AlertView(
    8, Level.CRITICAL, "naked", "AMD", "no stop", ago(130), escalated=True, count=3, to_do="flatten (f)"
)
KILL = AlertView(9, Level.CRITICAL, "kill", "", "NOT PROVEN", ago(4), to_do="close what it names")
SEEN = replace(KILL, alert_id=3, acknowledged=True)
LOUD = replace(NORMAL, alerts=(SEEN, STALE, NAKED, KILL))


@pytest.mark.req("PS60-ALERTS", "REQ-AL1")
async def test_a_banner_says_what_to_do_and_that_nobody_answered_in_time(open_desk: OpenDesk) -> None:
    async with open_desk(LOUD, size=(160, 45)) as desk:
        header = desk.text("header")

        assert "ESCALATED CRITICAL AMD no stop [naked] · flatten (f) · a acknowledge" in header
        assert "3 alerts" in header


@pytest.mark.req("PS60-ALERTS")
async def test_the_list_shows_each_alert_with_its_deed_and_acknowledges_the_selected_one(
    open_desk: OpenDesk,
) -> None:
    async with open_desk(LOUD, size=(80, 24)) as desk:
        await desk.press("7")
        dialog = desk.app.screen
        assert isinstance(dialog, AlertsDialog)

        assert [row.key for row in dialog.table.rows] == ["9", "8", "7", "3"]
        assert "close what it names" in desk.text("text")
        await desk.press("down")
        assert "flatten (f)" in desk.text("text")
        assert "docs/runbook.md, alert-naked" in desk.text("text")
        await desk.press("a")
        assert (desk.last.kind, desk.last.target) == (CommandKind.ACKNOWLEDGE, "8")

        await desk.publish(alerts=(SEEN, STALE, replace(NAKED, acknowledged=True), KILL))
        assert [row.key for row in dialog.table.rows] == ["9", "7", "8", "3"]
        assert dialog.table.cursor_key == "8", "the cursor stays with its alert"
        await desk.press("escape")
        assert not isinstance(desk.app.screen, AlertsDialog)


async def test_without_alerts_the_list_says_so_and_shows_what_happened(open_desk: OpenDesk) -> None:
    async with open_desk(replace(NORMAL, alerts=())) as desk:
        await desk.press("7", "a", "enter")

        assert desk.kinds == []
        assert desk.text("text").strip(), "the last events"


async def test_markup_and_control_characters_of_an_alert_are_text(open_desk: OpenDesk) -> None:
    hostile = "[@click=app.kill]x[/] \x1b]0;t\x07"
    async with open_desk(replace(NORMAL, alerts=(replace(KILL, text=hostile, to_do=hostile),))) as desk:
        await desk.press("7")

        assert "[@click=app.kill]x[/]" in desk.text("text")
        assert "\x1b" not in desk.text("text")


def test_an_answer_is_one_word() -> None:
    assert [answer_of(alert) for alert in (STALE, NAKED, SEEN)] == ["waits", "ESCALATED", "seen"]


@pytest.mark.req("PS60-ALERTS")
def test_the_bell_rings_once_for_each_alert_and_once_more_when_it_is_escalated() -> None:
    bell = Bell(Level.ERROR)
    first = replace(NAKED, escalated=False)

    assert [
        bell.is_due(alerts) for alerts in ((), (STALE,), (STALE, first), (first,), (NAKED,), (NAKED,))
    ] == [
        *(False, False, True),
        *(False, True, False),
    ]
    assert not bell.is_due((replace(NAKED, acknowledged=True),))
    assert bell.is_due((NAKED, KILL))
    assert bell.is_due((replace(NAKED, alert_id=11),))
    assert not Bell(Level.ERROR).is_due((replace(NAKED, acknowledged=True),)), "somebody answered elsewhere"
    assert not Bell(None).is_due((NAKED, KILL))


@pytest.mark.parametrize(("quietest", "rings"), [(Level.ERROR, 1), (None, 0)])
async def test_the_terminal_is_rung_where_it_is_wanted_and_only_then(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, quietest: Level | None, rings: int
) -> None:
    async with open_desk(NORMAL, bell=quietest) as desk:
        rung: list[None] = []
        monkeypatch.setattr(desk.app, "bell", lambda: rung.append(None))
        await desk.publish(alerts=(KILL,))
        await desk.publish(alerts=(KILL,), unknown_orders=1)

        assert len(rung) == rings
