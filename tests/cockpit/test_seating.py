"""Several screens on one engine, seen from one: who acts, taking over, the news on coming back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.api import AlertView, BrakeKind, CommandKind, Level, Scope
from engine.api_handle import Departure, SeatView
from tests.cockpit.conftest import OpenDesk
from tests.cockpit.scripted import NORMAL, ago, order, position

WATCHING = SeatView(acting=False, holder_pid=4711, watchers=1)
LEFT = Departure(
    at=ago(4000.0),
    exchange_at=ago(4000.0),
    event_seq=0,
    day_usd=100.0,
    positions=(("TSLA", 50), ("NVDA", 30), ("ESH6", -1)),
    brakes=(),
    alerts=tuple(alert.alert_id for alert in NORMAL.alerts),
)


async def test_a_watcher_may_brake_and_nothing_else(open_desk: OpenDesk) -> None:
    async with open_desk(acting=False) as desk:
        await desk.press("minus")
        assert "only watches, the screen of process 4711 acts" in desk.status
        await desk.press("f", "y", "p", "H")
        await desk.press("K")

        assert desk.kinds == [CommandKind.PAUSE, CommandKind.HALT, CommandKind.HALT]
        assert "WATCHING" in desk.text("header")


async def test_a_read_only_view_sends_not_even_a_brake(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        desk.engine.seated = SeatView(acting=False, read_only=True)
        await desk.publish()
        await desk.press("p", "H", "K", "T")

        assert desk.kinds == []
        assert "READ ONLY VIEW" in desk.text("header")


async def test_taking_over_asks_first_and_says_what_it_means(open_desk: OpenDesk) -> None:
    async with open_desk(acting=False) as desk:
        await desk.press("T")
        assert "the screen of process 4711" in desk.text("text")
        assert desk.kinds == []
        await desk.press("y")

        assert (desk.last.kind, desk.last.confirmed) == (CommandKind.TAKE_OVER, True)


async def test_one_who_acts_already_takes_nothing_over(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("T")

        assert desk.kinds == []
        assert "acts already" in desk.status


async def test_who_loses_the_seat_is_told_and_its_open_question_closes(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("F")
        desk.engine.seated = WATCHING
        await desk.publish()
        await desk.press("y")

        assert desk.kinds == []
        assert "process 4711 took over" in desk.status
        desk.engine.seated = SeatView(watchers=1)
        await desk.publish()
        assert "this screen acts now" in desk.status
        assert "acting, 1 watching" in desk.text("header")


async def test_a_watcher_can_leave_but_not_stop_the_engine(open_desk: OpenDesk) -> None:
    async with open_desk(acting=False) as desk:
        await desk.press("q", "f")

        assert desk.app.is_running
        assert "not stopped" in desk.status


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_coming_back_opens_with_what_happened_since(open_desk: OpenDesk, size: tuple[int, int]) -> None:
    new = AlertView(99, Level.ERROR, "stale_quote", "NVDA", "no quote for 40 s", ago(60.0))
    lifted = replace(LEFT, brakes=((BrakeKind.PAUSE, Scope()),))
    now = replace(
        NORMAL,
        positions=(position(), position("AMD")),
        fills=(replace(NORMAL.fills[0], symbol="AMD", at=ago(50.0)),),
        orders=(order("AMD", status="rejected", at=ago(40.0), is_done=True),),
        alerts=(*NORMAL.alerts, new),
    )
    async with open_desk(now, left=lifted, size=size) as desk:
        text = " ".join(desk.text("text").split())
        for told in (
            "away 1 h",
            "NVDA +30 → flat",
            "AMD flat → +50",
            "no quote for 40 s [stale_quote]",
            "brake lifted PAUSE account",
            "AMD SELL 50 stop rejected",
            "day P&L ▲",
        ):
            assert told in text

        await desk.press("escape")
        await desk.publish()
        assert desk.app.screen is desk.app.cockpit, "it opens once"


async def test_where_nothing_happened_no_digest_opens(open_desk: OpenDesk) -> None:
    quiet = replace(NORMAL, fills=(), orders=(), brakes=())
    same = replace(LEFT, positions=tuple((p.symbol, p.quantity) for p in quiet.positions))
    async with open_desk(quiet, left=same) as desk:
        assert desk.app.screen is desk.app.cockpit
