"""An order by hand from the keyboard: typed, judged by the engine, shown, and only then sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.api import Command, CommandKind, Outcome, OutcomeStatus
from engine.api_orders import GateCheck, OrderPreview, OrderWish
from tests.cockpit.conftest import Desk, OpenDesk
from tests.cockpit.scripted import EMPTY, done

_CHECKS = (
    GateCheck("engine", True, "takes entries, no brake holds it"),
    GateCheck("profile", True, "open"),
    GateCheck("session", True, "10:03:27 ET, entries 09:45-15:00 ET"),
    GateCheck("universe", True, "regime factor 1, trading"),
    GateCheck("quote", True, "99.99 / 100.01, 0.2 s old of 5 s, spread 2.0 of 30 bps"),
    GateCheck("account", True, "figures 3 s old of 60 s"),
    GateCheck("losses", True, "today +0.03 % of -2 %, drawdown 0.01 of 3 %, size factor 1.00"),
    GateCheck("position", True, "nothing held or out in it, 0 of 3 positions in use"),
    GateCheck("pace", True, "no cooldown, 4 of 60 orders in the last minute"),
    GateCheck("size", True, "49 at 100.03 with its stop at 98: risks 101.47 of 500.00 USD"),
    GateCheck("gross exposure", True, "4,901.47 of 100,000.00 USD"),
)
GATE_PASSES = OrderPreview(
    symbol="SPY",
    side="BUY",
    quantity=49,
    limit=100.03,
    stop=98.0,
    target=None,
    what="BUY 49 SPY at 100.03 or better, stop 98.00",
    risk="risks 101.47 USD = 1 R, 0.101 % of equity (0.5 % allowed), 2.00 USD of it fees",
    then=("what has not filled after 30 s is cancelled",),
    checks=_CHECKS,
)
GATE_REFUSES = replace(
    GATE_PASSES,
    quantity=0,
    what="BUY sized by risk SPY at — or better, stop 98.00",
    risk="",
    code="halted",
    text="HALT of account: news",
    checks=(
        GateCheck("engine", False, "HALT of account: news", "halted"),
        *_CHECKS[1:7],
        GateCheck("position", False, "SPY: already in position", "duplicate_position"),
        GateCheck("pace", True, "no cooldown, 4 of 60 orders in the last minute"),
        GateCheck("size", None, "not asked: it needs a price"),
    ),
)


def answering(desk: Desk, preview: OrderPreview) -> None:
    """The engine judges every order so, and carries out what it is told."""

    def answer(command: Command) -> Outcome:
        judged = command.kind is CommandKind.JUDGE_ORDER
        return replace(done(command), order=preview) if judged else done(command)

    desk.engine.answer = answer


async def fill_in(desk: Desk, **typed: str) -> None:
    """Open the form and type into its fields."""
    await desk.press("b")
    for name in ("side", "symbol", "size", "price", "stop", "target"):
        if name in typed:
            desk.app.screen.query_one(f"#field-{name}").focus()
            await desk.type(typed[name])


def sent(desk: Desk) -> list[Command]:
    """The orders that went out."""
    return [c for c in desk.engine.commands if c.kind is CommandKind.ORDER]


@pytest.mark.req("CARD-KEYS")
async def test_what_is_typed_is_judged_first_and_sent_as_it_was_shown(open_desk: OpenDesk) -> None:
    async with open_desk(EMPTY) as desk:
        answering(desk, GATE_PASSES)
        await fill_in(desk, symbol="spy", stop="98")
        await desk.press("enter")

        assert (desk.last.kind, desk.last.target) == (CommandKind.JUDGE_ORDER, "spy")
        assert desk.last.order == OrderWish("BUY", stop=98.0)
        text = " ".join(desk.text("text").split())
        assert "✓ lets it through" in text
        assert "risks 101.47 USD" in text
        assert "spread 2.0 of 30 bps" in text

        await desk.press("enter")
        assert sent(desk) == [], "Cancel has the focus"

        await fill_in(desk, symbol="spy", stop="98")
        await desk.press("enter", "y")
        (order,) = sent(desk)
        assert (order.target, order.confirmed, order.seen) == ("SPY", True, 100.03)
        assert order.order == OrderWish("BUY", limit=100.03, stop=98.0, most=49)
        assert "order done" in desk.status


@pytest.mark.req("CARD-KEYS")
async def test_what_the_gate_refuses_cannot_be_sent_and_every_refusal_is_shown(open_desk: OpenDesk) -> None:
    async with open_desk(EMPTY) as desk:
        answering(desk, GATE_REFUSES)
        await fill_in(desk, symbol="SPY")
        await desk.press("enter", "y", "tab", "enter")

        assert sent(desk) == []
        await fill_in(desk, symbol="SPY")
        await desk.press("enter")
        text = " ".join(desk.text("text").split())
        assert "✗ refuses: HALT of account: news [halted]" in text
        assert "✗ position: SPY: already in position [duplicate_position]" in text
        assert "? size: not asked" in text


async def test_the_answer_follows_the_market_and_is_asked_anew(open_desk: OpenDesk) -> None:
    async with open_desk(EMPTY) as desk:
        answering(desk, GATE_PASSES)
        await fill_in(desk, symbol="SPY")
        await desk.press("enter")
        answering(desk, GATE_REFUSES)
        desk.app.screen._ask()
        await desk.pilot.pause()
        await desk.press("y")

        assert "refuses" in desk.text("text")
        assert sent(desk) == []


@pytest.mark.parametrize("typed", ["", "x", "0", "-5", "nan", "inf", "1e9", "1.5", "5%%", "[b]9", "9 9"])
async def test_a_size_that_is_none_is_told_in_place_and_nothing_is_asked(
    open_desk: OpenDesk, typed: str
) -> None:
    async with open_desk(EMPTY) as desk:
        await fill_in(desk, symbol="SPY", size=typed)
        await desk.press("enter")
        assert ("is no size" in desk.text("text") or "whole units" in desk.text("text")) == bool(typed)
        assert [c.kind for c in desk.engine.commands] == ([] if typed else [CommandKind.JUDGE_ORDER])


@pytest.mark.parametrize("field", ["price", "stop", "target"])
@pytest.mark.parametrize("typed", ["x", "0", "-1", "nan", "inf", "1e9", "5%", "[red]1"])
async def test_a_price_that_is_none_is_told_in_place_and_nothing_is_asked(
    open_desk: OpenDesk, field: str, typed: str
) -> None:
    async with open_desk(EMPTY) as desk:
        await fill_in(desk, symbol="SPY", **{field: typed})
        await desk.press("enter")
        assert "is no price" in desk.text("text")
        assert desk.engine.commands == []


async def test_a_side_must_be_one_and_a_symbol_must_be_named(open_desk: OpenDesk) -> None:
    async with open_desk(EMPTY) as desk:
        await fill_in(desk, symbol="SPY", side="hold")
        await desk.press("enter")
        assert "is no side" in desk.text("text")
        await desk.press("escape")
        await fill_in(desk, side="s")
        await desk.press("enter")
        assert desk.engine.commands == []


async def test_everything_that_can_be_typed_reaches_the_gate(open_desk: OpenDesk) -> None:
    async with open_desk(EMPTY) as desk:
        answering(desk, GATE_PASSES)
        await fill_in(
            desk, side="sell", symbol="ESZ6", size="0,3%", price="mkt", stop="5803.5", target="5790"
        )
        assert "its stop costs 0.3 % of equity" in desk.text("text")
        await desk.press("enter")
        wish = OrderWish("SELL", risk_pct=0.3, at_market=True, stop=5803.5, target=5790.0)
        assert (desk.last.target, desk.last.order) == ("ESZ6", wish)

        await desk.press("y")
        assert sent(desk)[0].order == replace(wish, stop=98.0, most=49), (
            "no limit at market; the stop as shown"
        )


async def test_an_engine_that_cannot_answer_lets_nothing_be_sent(open_desk: OpenDesk) -> None:
    async with open_desk(EMPTY) as desk:
        code = "wrong_target"
        desk.engine.answer = lambda c: Outcome(c.command_id, OutcomeStatus.REFUSED, code, "XX is not known")
        await fill_in(desk, symbol="XX")
        await desk.press("enter", "y")

        assert "XX is not known [wrong_target]" in desk.text("text")
        assert sent(desk) == []


@pytest.mark.parametrize(
    ("line", "wish"),
    [
        ("order buy spy", OrderWish("BUY")),
        ("order sell SPY --quantity 5 --limit 100 --stop 101", OrderWish("SELL", 5, limit=100.0, stop=101.0)),
        ("order buy SPY --risk-pct 0.2 --market", OrderWish("BUY", risk_pct=0.2, at_market=True)),
    ],
)
async def test_a_line_goes_the_way_of_the_key(open_desk: OpenDesk, line: str, wish: OrderWish) -> None:
    async with open_desk(EMPTY) as desk:
        answering(desk, GATE_PASSES)
        await desk.press("colon")
        await desk.type(line)
        await desk.press("enter")
        assert (desk.last.kind, desk.last.order) == (CommandKind.JUDGE_ORDER, wish)


@pytest.mark.parametrize(
    "line", ["order buy SPY --market --limit 9", "order buy SPY --quantity 1 --risk-pct 1"]
)
async def test_a_line_that_contradicts_itself_asks_nothing(open_desk: OpenDesk, line: str) -> None:
    async with open_desk(EMPTY) as desk:
        await desk.press("colon")
        await desk.type(line)
        await desk.press("enter")
        assert desk.engine.commands == []
        assert "not done" in desk.status
