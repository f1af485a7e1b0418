"""Flatten, cancel, details and the risk dial from the keyboard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.screens.page import PageDialog
from cockpit.screens.risk import RiskDialog
from engine.api import AlertView, CommandKind, Level
from tests.cockpit.conftest import OpenDesk
from tests.cockpit.scripted import EMPTY, NORMAL, ORDERS, POSITIONS, RUNTIME, ago, done, order, unanswered


@pytest.mark.req("CARD-KEYS")
async def test_flatten_shows_a_preview_and_sends_only_after_yes(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("down", "f")
        assert desk.kinds == []
        assert "NVDA −30 ≈ 726.10" in desk.text("text")

        await desk.press("enter")
        assert desk.kinds == [], "Cancel has the focus"

        await desk.press("f", "y")
        assert desk.kinds == [CommandKind.FLATTEN]
        assert desk.last.target == "NVDA"


async def test_flatten_all_sends_no_symbol(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("F", "tab", "enter")

        assert desk.kinds == [CommandKind.FLATTEN]
        assert desk.last.target == ""


async def test_flatten_of_a_position_that_closed_meanwhile_sends_nothing(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("f")
        await desk.publish(positions=POSITIONS[1:])
        await desk.press("y")

        assert desk.kinds == []
        assert "TSLA is flat" in desk.text("text")


async def test_flatten_with_nothing_held_says_so(open_desk: OpenDesk) -> None:
    async with open_desk(EMPTY) as desk:
        await desk.press("f")

        assert desk.kinds == []
        assert "no position to close" in desk.status


@pytest.mark.req("CARD-KEYS")
async def test_cancel_order_names_the_order_and_warns_before_it_bares_a_position(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("tab", "x")
        assert ORDERS[0].order_ref in desk.text("text")
        assert "would have no stop" in desk.text("text")

        await desk.press("y")
        assert desk.kinds == [CommandKind.CANCEL_ORDER]
        assert desk.last.target == ORDERS[0].order_ref


async def test_an_order_that_is_done_cannot_be_cancelled(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("tab", "G", "x", "y")

        assert desk.kinds == []


async def test_the_cursor_stays_with_its_position_when_rows_move(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("down")
        assert desk.app.cockpit.positions.cursor_key == "NVDA"

        await desk.publish(positions=tuple(reversed(POSITIONS)))
        await desk.press("f", "y")

        assert desk.last.target == "NVDA"


@pytest.mark.req("CARD-PANELS")
async def test_a_cursor_left_on_an_order_that_ends_does_not_hide_the_working_ones(
    open_desk: OpenDesk,
) -> None:
    many = [order(f"S{number}", order_ref=f"ck-{number}", at=ago(number)) for number in range(40)]
    async with open_desk(replace(NORMAL, orders=tuple(many))) as desk:
        table = desk.app.cockpit.orders
        assert table.cursor_key == "ck-0"

        ended = replace(many[0], is_done=True, status="filled")
        await desk.publish(orders=(*many[1:], ended))

        assert table.cursor_key == "ck-1"
        assert "1-" in table.span_text


async def test_a_cursor_in_use_stays_with_its_order_to_the_end(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("tab")
        first = ORDERS[0]
        await desk.publish(orders=(*ORDERS[1:], replace(first, is_done=True, status="filled")))

        assert desk.app.cockpit.orders.cursor_key == first.order_ref
        await desk.press("x")
        assert "too late" in desk.text("text")


@pytest.mark.parametrize(
    ("keys", "words"), [(["enter"], "0000e0d5.65f0a1.01.01"), (["tab", "enter"], "1204558801")]
)
async def test_details_show_ids_and_fills(open_desk: OpenDesk, keys: list[str], words: str) -> None:
    async with open_desk() as desk:
        await desk.press(*keys)

        assert isinstance(desk.app.screen, PageDialog)
        assert words in desk.text("text")


@pytest.mark.req("CARD-RISK")
async def test_minus_lowers_risk_per_trade_at_once_and_plus_asks_first(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("minus")
        assert (desk.last.kind, desk.last.target, desk.last.value) == (
            CommandKind.SET_VALUE,
            "risk.risk_per_trade_pct",
            0.45,
        )

        await desk.press("plus")
        assert desk.kinds == [CommandKind.SET_VALUE]
        assert "0.5 → 0.55" in desk.text("text")

        await desk.press("y")
        assert (desk.last.value, desk.last.confirmed) == (0.55, True)


@pytest.mark.req("CARD-RISK")
async def test_m_lowers_and_capital_m_raises_the_most_positions(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("m")
        assert (desk.last.target, desk.last.value) == ("risk.max_positions", 4.0)

        await desk.press("M", "y")
        assert (desk.last.target, desk.last.value) == ("risk.max_positions", 6.0)


LET_THROUGH = (
    "7 entries refused by this limit in the last 12 sessions",
    "at 6 it lets 5 of them through: SPY 3, QQQ 2",
    "largest then: 6 positions at once",
    "what the checks behind it would have said, their fills and P&L are not known",
)


@pytest.mark.req("CARD-RISK")
async def test_a_looser_limit_shows_what_it_would_have_let_through_lately(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        desk.engine.answer = lambda command: replace(done(command), details=LET_THROUGH)
        await desk.press("M")

        assert (desk.last.kind, desk.last.target, desk.last.value) == (
            CommandKind.LOOK_BACK,
            "risk.max_positions",
            6.0,
        )
        assert "at 6 it lets 5 of them through: SPY 3, QQQ 2" in desk.text("text")
        assert "requested" not in desk.status, "a question of the preview is no deed"

        await desk.press("enter")
        assert desk.kinds == [], "Cancel has the focus"


@pytest.mark.req("CARD-RISK")
async def test_an_engine_that_owes_the_answer_keeps_nobody_from_deciding(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        desk.engine.answer = unanswered
        await desk.press("M")
        assert "asked …" in desk.text("text")

        await desk.press("y")
        assert desk.kinds == [CommandKind.SET_VALUE]


@pytest.mark.req("CARD-RISK")
async def test_a_value_outside_its_bounds_is_not_sent_and_the_bounds_are_named(open_desk: OpenDesk) -> None:
    at_top = replace(NORMAL, runtime=(replace(RUNTIME[0], value=2.0),))
    async with open_desk(at_top) as desk:
        await desk.press("plus")

        assert desk.kinds == []
        assert "outside 0.05 to 2" in desk.status


@pytest.mark.req("CARD-RISK")
async def test_the_risk_dial_takes_a_typed_figure_and_shows_what_the_engine_says(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("r")
        dial = desk.app.screen
        assert isinstance(dial, RiskDialog)

        await desk.press("enter")
        await desk.type("0.3")
        await desk.press("enter")
        assert (desk.last.target, desk.last.value) == ("risk.risk_per_trade_pct", 0.3)
        assert dial.table.rows[0].cells[1].text == "0.5", "never optimistic"

        await desk.publish(runtime=(replace(RUNTIME[0], value=0.3, overridden=True),))
        assert dial.table.rows[0].cells[1].text == "0.3"


async def test_a_typed_word_instead_of_a_figure_changes_nothing(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("r", "enter")
        await desk.type("lots")
        await desk.press("enter")

        assert desk.kinds == []
        assert "lots is not a number" in desk.status


async def test_a_acknowledges_the_loudest_alert_first(open_desk: OpenDesk) -> None:
    alerts = (
        AlertView(7, Level.WARNING, "stale_quote", "TSLA", "stale", ago(9)),
        AlertView(8, Level.CRITICAL, "unknown_order", "AMD", "fate unknown", ago(5)),
        AlertView(9, Level.CRITICAL, "link_down", "", "gone", ago(4)),
    )
    async with open_desk(replace(NORMAL, alerts=alerts)) as desk:
        await desk.press("a")

        assert (desk.last.kind, desk.last.target) == (CommandKind.ACKNOWLEDGE, "8")


@pytest.mark.req("REQ-CFG-002")
async def test_the_dial_switches_a_strategy_off_at_once_and_on_after_a_preview(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("r", "G", "minus")
        assert (desk.last.kind, str(desk.last.scope), desk.last.target, desk.last.confirmed) == (
            CommandKind.SWITCH,
            "strategy futures_cross",
            "off",
            False,
        )
        first, last = NORMAL.strategies
        off = replace(last, switched_off="by operator, 2026-03-10 14:00 UTC")
        await desk.publish(strategies=(first, off))
        assert "by operator, 2026-03-10 14:00 UTC" in desk.text("text")

        await desk.press("enter")
        assert len(desk.engine.commands) == 1
        assert "off → on" in desk.text("text")
        await desk.press("y")
        assert (desk.last.kind, desk.last.target, desk.last.confirmed) == (CommandKind.SWITCH, "on", True)


@pytest.mark.req("REQ-CFG-002")
async def test_the_dial_says_the_regime_by_a_typed_word(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("r", "down", "down", "enter")
        await desk.type("rain")
        await desk.press("enter")
        assert desk.kinds == []
        assert "one of auto, bull" in desk.text("text")

        await desk.press(*["backspace"] * 4)
        await desk.type("bear")
        await desk.press("enter")
        assert (desk.last.kind, desk.last.target, desk.last.confirmed) == (CommandKind.REGIME, "bear", True)
