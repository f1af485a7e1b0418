"""The kill drill: only where nothing is at stake; it measures, and lifts only what it set itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.api import Command, CommandKind, Mode, Outcome, OutcomeStatus, Scope
from engine.domain.order import OrderState, Role
from engine.runtime.braking.drill import ORDERS
from tests.builders import quote
from tests.runtime.braking.braked import Braked, braked
from tests.virtual_time import pass_time, virtual


async def _drill(it: Braked, target: str = "kill") -> Outcome:
    it.here.desk.quotes.on_quote(quote(at=it.here.desk.now()))
    return await it.drill.run(it.command(CommandKind.DRILL, target=target))


@virtual
@pytest.mark.req("247-GATE-3", "REQ-K1")
async def test_a_drill_kills_far_away_orders_measures_it_and_goes_on(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        outcome = await _drill(it)

        assert outcome.status is OutcomeStatus.DONE, outcome
        ((passed, facts),) = it.results
        assert passed
        assert (facts["orders"], facts["cancelled"]) == (ORDERS, ORDERS)
        assert float(str(facts["proposals_stop_ms"])) <= 50
        assert float(str(facts["alert_s"])) <= 5
        assert float(str(facts["cancel_s"])) <= 10
        orders = it.here.books.orders()
        assert {o.state for o in orders} == {OrderState.CANCELLED}
        assert all(o.intent.limit_price is not None and o.intent.limit_price < 96 for o in orders)
        assert it.here.desk.brakes.brakes == ()
        assert it.here.desk.may_enter("ma", "SPY") is None
        assert await it.here.store.live_brakes() == ()


@virtual
@pytest.mark.req("247-GATE-3")
@pytest.mark.parametrize("case", ["held", "braked", "dry", "no quote", "shut", "unknown drill"])
async def test_a_drill_is_refused_where_something_is_at_stake_and_sends_nothing(
    tmp_path: Path, case: str
) -> None:
    async with braked(tmp_path) as it:
        match case:
            case "held":
                await it.here.enter()
            case "braked":
                await it.halt(scope=Scope())
            case "dry":
                it.here.desk.mode = Mode.DRY_RUN
            case "shut":
                it.shut_until(3600)
        sent = len(it.here.broker.sent)

        if case == "no quote":
            outcome = await it.drill.run(it.command(CommandKind.DRILL, target="kill"))
        else:
            outcome = await _drill(it, "fire" if case == "unknown drill" else "kill")

        assert outcome.status is OutcomeStatus.REFUSED, outcome
        assert len(it.here.broker.sent) == sent
        assert it.results == []


@virtual
@pytest.mark.req("247-GATE-3", "REQ-K1")
@pytest.mark.parametrize(("late_s", "passes"), [(0.04, True), (0.06, False)])
async def test_a_kill_that_blocks_entries_too_late_is_no_passed_drill(
    tmp_path: Path, late_s: float, *, passes: bool
) -> None:
    async with braked(tmp_path) as it:
        at_once = it.kills.kill

        async def slow(command: Command) -> Outcome:
            await asyncio.sleep(late_s)
            return await at_once(command)

        it.kills.kill = slow  # type: ignore[method-assign]  # the same, later

        outcome = await _drill(it)

        ((passed, facts),) = it.results
        assert passed is passes
        assert passes or "50 ms" in str(facts["why"])
        assert (outcome.status is OutcomeStatus.DONE) is passes


@virtual
@pytest.mark.req("247-GATE-3")
async def test_a_drill_whose_orders_do_not_go_fails_and_leaves_the_kill_on(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        it.here.broker.deaf_to_cancels_of = {Role.ENTRY}

        outcome = await _drill(it)

        assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "drill_failed")
        ((passed, facts),) = it.results
        assert not passed
        assert "NOT FLAT" in str(facts["why"])
        assert it.brake.not_flat


@virtual
async def test_a_kill_that_a_person_asks_for_meanwhile_outlives_the_drill(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        drilling = asyncio.ensure_future(_drill(it))
        await pass_time(3)
        assert it.brake.who == "drill"
        await it.kill()
        outcome = await drilling

        assert "stays" in outcome.text
        assert it.brake.level.name == "KILL"


@virtual
async def test_what_a_strategy_enters_meanwhile_ends_the_drill_and_not_the_position(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        it.here.broker.mute = True
        drilling = asyncio.ensure_future(_drill(it))
        await pass_time(0.5)
        it.here.broker.mute = False
        await it.here.enter()
        for held in it.here.broker.open(Role.ENTRY):
            it.here.broker._say(held)
        outcome = await drilling

        assert outcome.status is OutcomeStatus.FAILED
        assert it.here.broker.positions["SPY"] == it.here.stops_at_broker() == 100
        assert it.here.desk.brakes.brakes == ()
        assert it.here.broker.open(Role.ENTRY) == []
