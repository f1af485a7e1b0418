"""A stop moved by hand: nearer at once, further away only with a second yes and as an entry may add risk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from engine.api import Command, CommandKind, Mode, Outcome
from engine.domain.order import OrderState, Role
from engine.domain.plan import Plan
from engine.ledger.events import FateUnknown
from engine.risk.brakes import Brake, BrakeLevel, BrakeScope
from engine.runtime.by_hand.assembly import acts_by_hand
from tests.builders import TEN, quote
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import virtual

_ids = count(1)


@asynccontextmanager
async def holding(folder: Path, *, plan: Plan | None = None) -> AsyncIterator[Rig]:
    """100 SPY from 100.00 with a stop at 99.00, quoted 100.50 to 100.52."""
    async with rig(folder) as here:
        if plan is None:
            await here.enter()
        else:
            await here.enter(plan=plan)
        funded(here.desk, 100_000.0)
        here.desk.verified = True
        here.desk.quotes.on_quote(quote(bid=100.50, ask=100.52))
        yield here


async def move(here: Rig, price: float | None, **more: object) -> Outcome:
    asked = Command(f"m{next(_ids)}", CommandKind.MOVE_STOP, target="SPY", value=price, **more)  # type: ignore[arg-type]  # names are the dataclass's
    return await acts_by_hand(here.desk, here.executor)[CommandKind.MOVE_STOP](asked)


def stop_at_broker(here: Rig) -> list[tuple[float | None, int]]:
    return [(held.intent.stop_price, held.remaining) for held in here.broker.open(Role.STOP)]


@virtual
@pytest.mark.req("REQ-POS-005")
async def test_a_tighter_stop_stands_at_the_broker_at_once_and_is_durable(tmp_path: Path) -> None:
    async with holding(tmp_path) as here:
        outcome = await move(here, 99.607)

        assert (outcome.status, outcome.code) == ("done", "")
        assert "stop 99 → 99.6, at risk 40.00 USD (0.4 R)" in outcome.text
        stop = here.last(Role.STOP).intent.ref
        assert outcome.details[0].startswith(stop)
        assert "working" in outcome.details[0]
        assert stop_at_broker(here) == [(99.6, 100)], (
            "the same order, on the grid, rounded away from the market"
        )
        assert await here.rows("SELECT key, price, why FROM stop_move") == [("SPY", 99.6, "operator")]


@virtual
async def test_a_stop_beyond_the_entry_price_says_what_it_locks_in(tmp_path: Path) -> None:
    async with holding(tmp_path) as here:
        assert "locks in 25.00 USD (0.2 R)" in (await move(here, 100.25)).text


@virtual
async def test_a_looser_stop_needs_a_second_yes_that_names_the_new_risk(tmp_path: Path) -> None:
    async with holding(tmp_path) as here:
        asked = await move(here, 98.0, seen=99.0)
        assert asked.code == "confirmation"
        assert "at risk 200.00 USD (2.0 R)" in asked.text
        assert stop_at_broker(here) == [(99.0, 100)]

        outcome = await move(here, 98.0, seen=99.0, confirmed=True)
        assert outcome.status == "done"
        assert stop_at_broker(here) == [(98.0, 100)]


@virtual
@pytest.mark.parametrize(
    ("price", "code"),
    [
        (None, "out_of_bounds"),
        (float("nan"), "out_of_bounds"),
        (-1.0, "out_of_bounds"),
        (100.51, "stop_invalid"),
    ],
)
async def test_a_price_that_cannot_be_a_stop_is_refused(
    tmp_path: Path, price: float | None, code: str
) -> None:
    async with holding(tmp_path) as here:
        assert (await move(here, price, confirmed=True)).code == code
        assert stop_at_broker(here) == [(99.0, 100)]


@virtual
async def test_without_a_quote_nobody_knows_the_right_side(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        assert (await move(here, 99.5)).code == "no_quote"


@virtual
async def test_what_loosens_is_refused_where_the_world_changed_since_it_was_shown(tmp_path: Path) -> None:
    async with holding(tmp_path) as here:
        await move(here, 99.5)
        outcome = await move(here, 98.0, seen=99.0, confirmed=True)
        assert (outcome.code, stop_at_broker(here)) == ("row_changed", [(99.5, 100)])


@virtual
async def test_a_stop_may_not_risk_more_than_one_trade_may(tmp_path: Path) -> None:
    async with holding(tmp_path) as here:  # 0.5 % of 100,000 is 500 USD
        assert (await move(here, 95.0, confirmed=True)).status == "done"
        over = await move(here, 94.99, confirmed=True)
        assert (over.code, stop_at_broker(here)) == ("max_position_size", [(95.0, 100)])

        here.desk.values.clear()
        assert (await move(here, 94.9, confirmed=True)).code == "max_position_size", "unknown is not enough"


@virtual
async def test_a_brake_holds_what_loosens_and_lets_through_what_tightens(tmp_path: Path) -> None:
    async with holding(tmp_path) as here:
        pause = Brake("b", BrakeLevel.PAUSE, BrakeScope.SYMBOL, "SPY", "news", "operator", TEN)
        here.desk.brakes = here.desk.brakes.with_(pause)

        assert (await move(here, 98.0, confirmed=True)).code == "paused"
        assert (await move(here, 99.5)).status == "done"
        assert stop_at_broker(here) == [(99.5, 100)]


@virtual
async def test_an_order_of_unknown_fate_leaves_the_stop_where_it_is(tmp_path: Path) -> None:
    async with holding(tmp_path) as here:
        await here.books.post(FateUnknown(here.last(Role.STOP).intent.ref, "no answer", here.desk.now()))
        assert here.state_of(Role.STOP) == [OrderState.UNKNOWN]

        assert (await move(here, 99.5)).code == "unknown_order"


@virtual
async def test_a_plan_that_went_to_the_entry_price_keeps_it(tmp_path: Path) -> None:
    async with holding(tmp_path, plan=Plan(pivot=99.5, moves_to_breakeven=True)) as here:
        await here.reduce()
        assert stop_at_broker(here) == [(100.0, 50)]

        assert (await move(here, 99.5, confirmed=True)).code == "stop_invalid"
        assert stop_at_broker(here) == [(100.0, 50)]


@virtual
async def test_a_move_that_the_broker_refuses_is_told_as_not_confirmed(tmp_path: Path) -> None:
    async with holding(tmp_path) as here:
        here.broker.refuse_changes = True
        outcome = await move(here, 99.5)
        assert (outcome.status, outcome.code) == ("failed", "unprotected")
        assert "asked again" in outcome.text


@virtual
async def test_there_must_be_a_position_and_a_broker_that_may_be_told(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        assert (await move(here, 99.5)).code == "wrong_target"
        await here.enter()
        here.desk.mode = Mode.DRY_RUN
        assert (await move(here, 99.5)).code == "read_only"
