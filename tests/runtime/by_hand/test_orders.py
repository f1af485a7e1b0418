"""An order by hand: asked for, shown, confirmed, through the same gate and books as every strategy's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from engine.api import Command, CommandKind, Mode, Outcome
from engine.api_orders import OrderPreview, OrderWish
from engine.domain.order import OrderState, OrderType, Role, Side
from engine.risk.brakes import Brake, BrakeLevel, BrakeScope
from engine.runtime.by_hand.assembly import acts_by_hand
from engine.runtime.views import position_views
from tests.builders import TEN, quote
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import pass_time, virtual

_ids = count(1)
BUY = OrderWish("BUY")


@asynccontextmanager
async def ready(folder: Path, *, mode: Mode = Mode.PAPER, fills: bool = True) -> AsyncIterator[Rig]:
    """100,000 USD, nothing held, SPY quoted 99.99 to 100.01; the broker fills at once where `fills`."""
    async with rig(folder, mode=mode) as here:
        here.executor._last_look = here.desk.last_look
        funded(here.desk, 100_000.0)
        here.desk.verified = True
        here.desk.quotes.on_quote(quote())
        here.broker.unfilled = set() if fills else {Role.ENTRY}
        yield here


async def ask(here: Rig, wish: OrderWish | None = BUY, **more: object) -> Outcome:
    details: dict[str, object] = {"target": "SPY", "kind": CommandKind.ORDER, **more}
    command = Command(str(details.pop("command_id", f"o{next(_ids)}")), order=wish, **details)  # type: ignore[arg-type]  # names are the dataclass's
    return await acts_by_hand(here.desk, here.executor)[command.kind](command)


def shown(outcome: Outcome) -> OrderPreview:
    assert outcome.order is not None, outcome
    return outcome.order


@virtual
async def test_nothing_is_sent_before_the_second_yes_and_the_question_shows_what_the_gate_says(
    tmp_path: Path,
) -> None:
    async with ready(tmp_path) as here:
        outcome = await ask(here)

        assert (outcome.status, outcome.code) == ("refused", "confirmation")
        preview = shown(outcome)
        # 500 USD of risk at 2.03 per share would be 245; 5 % of equity is 50 at 100.03, rounded down.
        assert (preview.quantity, preview.limit, preview.stop) == (49, 100.03, 98.0)
        assert preview.what == "BUY 49 SPY at 100.03 or better, stop 98.00"
        assert (
            "risks 101.47 USD = 1 R, 0.101 % of equity (0.5 % allowed), 2.00 USD of it fees" in preview.risk
        )
        assert [c.name for c in preview.checks if c.passes is not True] == []
        assert {"engine", "session", "quote", "losses", "position", "size", "gross exposure"} <= {
            c.name for c in preview.checks
        }
        assert "no stop was named: 2 % from the entry (position.default_stop_pct)" in preview.then
        assert any("✓ quote: 99.99 / 100.01" in line for line in outcome.details)
        assert here.broker.sent == []
        assert here.books.orders() == ()


@virtual
async def test_a_confirmed_order_goes_out_as_a_bracket_and_is_told_up_to_its_fill(tmp_path: Path) -> None:
    async with ready(tmp_path) as here:
        outcome = await ask(here, OrderWish("BUY", quantity=20, stop=99.0), confirmed=True, reason="breakout")
        await pass_time(0.1)

        assert outcome.status == "done", outcome
        assert "accepted by the broker (perm 9101), filled 20 of 20 at 100" in outcome.text
        entry, stop = here.last(Role.ENTRY), here.last(Role.STOP)
        assert outcome.details[0].startswith(f"{entry.intent.ref} perm 9101: BUY 20 SPY LMT 100.03, filled")
        assert (entry.intent.strategy, entry.intent.quantity, stop.intent.stop_price) == (
            "operator",
            20,
            99.0,
        )
        assert stop.intent.parent_ref == entry.intent.ref
        assert (entry.intent.ticket is not None, "breakout" in entry.intent.note) == (True, True)
        position = here.books.position("SPY")
        assert position is not None
        assert (position.owner, position.quantity, position.initial_stop) == ("operator", 20, 99.0)
        assert here.stops_at_broker() == 20


@virtual
async def test_a_position_by_hand_is_not_taken_for_one_that_was_taken_over(tmp_path: Path) -> None:
    async with ready(tmp_path) as here:
        await ask(here, OrderWish("BUY", quantity=20), confirmed=True)
        await pass_time(0.1)

        (view,) = position_views(here.desk)
        assert (view.owner, view.metadata_lost, view.protected_quantity) == ("operator", False, 20)


@virtual
async def test_an_order_at_market_has_no_limit_and_keeps_its_stop(tmp_path: Path) -> None:
    async with ready(tmp_path) as here:
        outcome = await ask(here, OrderWish("BUY", quantity=20, at_market=True), confirmed=True)

        assert outcome.status == "done", outcome
        entry = here.last(Role.ENTRY).intent
        assert (entry.order_type, entry.limit_price) == (OrderType.MARKET, None)
        assert here.last(Role.STOP).intent.stop_price == 98.0


@virtual
async def test_a_limit_of_ones_own_rests_and_is_told_as_unfilled(tmp_path: Path) -> None:
    async with ready(tmp_path, fills=False) as here:
        outcome = await ask(here, OrderWish("BUY", quantity=20, limit=99.507, stop=98.009), confirmed=True)

        assert outcome.status == "done"
        assert "filled 0 of 20 so far" in outcome.text
        entry, stop = here.last(Role.ENTRY).intent, here.last(Role.STOP).intent
        assert (entry.limit_price, stop.stop_price) == (99.5, 98.0), "on the grid, never worse than meant"


@virtual
async def test_the_same_command_twice_and_two_at_once_open_one_position(tmp_path: Path) -> None:
    async with ready(tmp_path) as here:
        wish = OrderWish("BUY", quantity=20)
        first, second = await asyncio.gather(ask(here, wish, confirmed=True), ask(here, wish, confirmed=True))
        again = await ask(here, wish, confirmed=True, command_id="same")
        here.without_cooldowns()
        await here.close()
        await ask(here, wish, confirmed=True, command_id="same")
        await here.close()
        twice = await ask(here, wish, confirmed=True, command_id="same")

        assert first.status == "done"
        assert second.code == "duplicate_position"
        assert again.code == "duplicate_position"
        assert twice.code == "duplicate_signal", "also after a restart: the signal is in the books"
        assert len(here.state_of(Role.ENTRY)) == 2


@virtual
@pytest.mark.parametrize(
    ("wish", "code", "words"),
    [
        (OrderWish("HOLD"), "out_of_bounds", "BUY or SELL"),
        (OrderWish("BUY", quantity=0), "out_of_bounds", "at least 1"),
        (OrderWish("BUY", quantity=-5), "out_of_bounds", "at least 1"),
        (OrderWish("BUY", quantity=10**9), "max_order_size", "of 10000 units"),
        (OrderWish("BUY", quantity=200), "max_position_size", "size of the position"),
        (OrderWish("BUY", quantity=5, risk_pct=0.1), "out_of_bounds", "not both"),
        (OrderWish("BUY", risk_pct=0.6), "out_of_bounds", "at most 0.5 %"),
        (OrderWish("BUY", risk_pct=0.0), "out_of_bounds", "more than 0"),
        (OrderWish("BUY", risk_pct=float("nan")), "out_of_bounds", "more than 0"),
        (OrderWish("BUY", limit=0.0), "out_of_bounds", "no price for its limit"),
        (OrderWish("BUY", limit=float("inf")), "out_of_bounds", "no price for its limit"),
        (OrderWish("BUY", limit=105.0), "price_collar", "away from"),
        (OrderWish("BUY", limit=100.0, at_market=True), "out_of_bounds", "has no limit"),
        (OrderWish("BUY", stop=float("nan")), "out_of_bounds", "no price for its stop"),
        (OrderWish("BUY", stop=-1.0), "out_of_bounds", "no price for its stop"),
        (OrderWish("BUY", stop=1e9), "out_of_bounds", "no price for its stop"),
        (OrderWish("BUY", stop=99.99), "stop_invalid", "would fill at once"),
        (OrderWish("BUY", limit=99.0, stop=99.5), "stop_invalid", "wrong side of the entry"),
        (OrderWish("BUY", target=100.0), "out_of_bounds", "no profit"),
        (OrderWish("BUY", target=float("nan")), "out_of_bounds", "no price for its target"),
        (OrderWish("SELL"), "short_not_allowed", "shorts"),
        (None, "out_of_bounds", "says what it wants"),
    ],
)
async def test_what_makes_no_sense_or_is_too_much_is_refused_by_name(
    tmp_path: Path, wish: OrderWish | None, code: str, words: str
) -> None:
    async with ready(tmp_path) as here:
        outcome = await ask(here, wish, confirmed=True)

        assert (outcome.status, outcome.code) == ("refused", code), outcome
        assert words in outcome.text
        assert (here.broker.sent, here.books.orders()) == ([], ())


@virtual
@pytest.mark.parametrize("symbol", ["", "XYZ", "[red]\x1b[31m"])
async def test_a_symbol_that_is_not_known_is_told_with_those_that_are(tmp_path: Path, symbol: str) -> None:
    async with ready(tmp_path) as here:
        outcome = await ask(here, target=symbol, confirmed=True)

        assert outcome.code == "wrong_target"
        assert "known are SPY" in outcome.text
        assert "\x1b" not in outcome.text


@virtual
async def test_a_symbol_is_found_in_either_case_and_a_dry_run_sends_nothing(tmp_path: Path) -> None:
    async with ready(tmp_path / "a") as here:
        assert (await ask(here, target="spy")).code == "confirmation"
    async with ready(tmp_path / "b", mode=Mode.DRY_RUN) as here:
        assert (await ask(here, confirmed=True)).code == "read_only"


@virtual
async def test_risk_that_is_asked_for_makes_it_smaller_and_never_more_than_was_seen(tmp_path: Path) -> None:
    async with ready(tmp_path) as here:
        small = shown(await ask(here, OrderWish("BUY", risk_pct=0.05, stop=98.03)))
        assert small.quantity == 24, "50 USD of risk, 2 of them fees, at 2.00 per share"
        pinned = OrderWish("BUY", risk_pct=0.05, stop=98.03, limit=small.limit, most=10)
        assert shown(await ask(here, pinned)).quantity == 10


@virtual
async def test_the_gate_is_asked_anew_after_the_preview(tmp_path: Path) -> None:
    async with ready(tmp_path) as here:
        seen = shown(await ask(here))
        halt = Brake("b", BrakeLevel.HALT, BrakeScope.ACCOUNT, "", "news", "operator", TEN)
        here.desk.brakes = here.desk.brakes.with_(halt)

        outcome = await ask(here, replace(BUY, limit=seen.limit, most=seen.quantity), confirmed=True)

        assert (outcome.code, here.broker.sent) == ("halted", [])
        refusing = [c for c in shown(outcome).checks if c.passes is False]
        assert [(c.name, c.code) for c in refusing] == [("engine", "halted")]


@virtual
async def test_an_order_at_market_whose_price_ran_away_since_it_was_shown_is_refused(tmp_path: Path) -> None:
    async with ready(tmp_path) as here:
        wish = OrderWish("BUY", quantity=20, at_market=True, stop=98.0)
        seen = shown(await ask(here, wish)).limit
        here.desk.quotes.on_quote(quote(bid=100.29, ask=100.31))

        outcome = await ask(here, wish, confirmed=True, seen=seen)
        assert (outcome.code, here.broker.sent) == ("row_changed", [])
        assert (await ask(here, wish, confirmed=True, seen=100.33)).status == "done"


@virtual
async def test_a_question_says_the_same_and_leaves_no_trace(tmp_path: Path) -> None:
    async with ready(tmp_path) as here:
        outcome = await ask(here, kind=CommandKind.JUDGE_ORDER)
        assert (outcome.status, shown(outcome).quantity) == ("done", 49)
        here.desk.quotes.on_quote(quote(bid=99.0, ask=101.0))
        refused = await ask(here, kind=CommandKind.JUDGE_ORDER)
        assert (refused.status, shown(refused).code) == ("done", "spread")
        assert [(c.name, c.passes) for c in shown(refused).checks if not c.passes] == [
            ("quote", False),
            ("size", None),
        ]
        assert here.desk.notices.events == ()


@virtual
async def test_the_broker_says_no_and_the_answer_says_so_with_its_words(tmp_path: Path) -> None:
    async with ready(tmp_path) as here:
        here.broker.refuse = {Role.ENTRY}
        outcome = await ask(here, confirmed=True)

        assert (outcome.status, outcome.code) == ("failed", "refused_by_broker")
        assert "rejected" in outcome.text


@virtual
async def test_a_broker_that_says_nothing_leaves_an_order_that_is_counted(tmp_path: Path) -> None:
    async with ready(tmp_path) as here:
        here.broker.mute = True
        outcome = await ask(here, confirmed=True)

        assert (outcome.status, outcome.code) == ("failed", "unknown_order")
        assert here.state_of(Role.ENTRY) == [OrderState.SENDING]
        assert here.desk.commitments().busy == {"SPY"}


@virtual
async def test_a_brake_between_the_gate_and_the_bytes_holds_it_back(tmp_path: Path) -> None:
    async with ready(tmp_path) as here:
        task = asyncio.create_task(ask(here, confirmed=True))
        await asyncio.sleep(0)
        pause = Brake("b", BrakeLevel.PAUSE, BrakeScope.SYMBOL, "SPY", "news", "operator", TEN)
        here.desk.brakes = here.desk.brakes.with_(pause)
        outcome = await task

        assert (outcome.status, outcome.code, here.broker.sent) == ("failed", "paused", [])


@virtual
async def test_a_short_future_by_hand_has_its_stop_above_and_its_target_below(tmp_path: Path) -> None:
    async with ready(tmp_path) as here:
        from tests.builders import future

        here.desk.instruments["ESZ6"] = future()
        here.desk.margins["ESZ6"] = 1000.0
        here.desk.heard.margin("ESZ6")
        here.desk.quotes.on_quote(quote("ESZ6", 5799.75, 5800.0))
        outcome = await ask(here, OrderWish("SELL", stop=5803.1, target=5790.1), target="ESZ6")

        preview = shown(outcome)
        assert (preview.quantity, preview.limit, preview.stop, preview.target) == (
            2,
            5799.25,
            5803.25,
            5790.0,
        )
        assert preview.side == Side.SELL
        assert "R)" in preview.risk
