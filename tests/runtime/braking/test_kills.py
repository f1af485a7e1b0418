"""A HALT or a KILL is never done: late orders, refusals, lost lines and shut markets are gone after."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from engine.api import BrakeKind, CommandKind, Level, Outcome, OutcomeStatus, Scope, ScopeKind
from engine.broker.port import BrokerPosition, LinkState
from engine.domain.order import OrderState, Role
from engine.domain.reasons import Reason
from engine.execution.kill import KillSwitch, Reach
from engine.ledger.events import FateUnknown
from engine.risk.brakes import BrakeLevel
from tests.runtime.braking.braked import Braked, braked
from tests.virtual_time import now_s, pass_time, virtual


def _line(it: Braked, state: LinkState) -> None:
    it.here.broker.link = it.here.desk.link = state


# --- told at once ---------------------------------------------------------------------------------


@virtual
@pytest.mark.req("REQ-K1", "PS60-ALERTS")
async def test_a_kill_raises_its_alert_at_once_and_not_when_it_has_ended(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        await it.here.enter()

        killing = asyncio.ensure_future(it.kill())
        await pass_time(0.05)

        (alert,) = [a for a in it.here.desk.notices.alerts if a.code == "kill"]
        assert alert.level is Level.CRITICAL
        assert "wild" in alert.text
        assert not killing.done()
        outcome = await killing
        assert outcome.status is OutcomeStatus.DONE
        assert any("no order that adds risk after 0." in line for line in outcome.details), outcome


@virtual
async def test_a_brake_is_durable_before_the_first_cancel_leaves(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        await it.here.enter(filled=0)
        stored: list[int] = []
        cancel = it.here.broker.cancel

        async def look(order: object) -> None:
            stored.append(len(await it.here.store.live_brakes()))
            await cancel(order)  # type: ignore[arg-type]  # an order

        it.here.broker.cancel = look  # type: ignore[method-assign,assignment]  # looks first
        await it.halt()

        assert stored[0] == 1


@virtual
@pytest.mark.req("REQ-K1")
async def test_a_kill_that_is_at_work_again_cannot_be_lifted_by_what_the_first_one_proved(
    tmp_path: Path,
) -> None:
    async with braked(tmp_path) as it:
        assert (await it.kill()).status is OutcomeStatus.DONE
        (before,) = it.here.desk.brakes.brakes
        assert not before.not_flat

        again = asyncio.ensure_future(it.kill())
        await pass_time(0.05)
        assert not again.done()
        (during,) = it.here.desk.brakes.brakes
        assert during.not_flat
        (stored,) = await it.here.store.live_brakes()
        assert (during.proof, stored.proof) == ("", ""), "a crash now would let it go on"

        assert (await again).status is OutcomeStatus.DONE
        (after,) = it.here.desk.brakes.brakes
        assert not after.not_flat


# --- late and stubborn orders -----------------------------------------------------------------------


@virtual
@pytest.mark.req("REQ-K1")
@pytest.mark.parametrize("kind", ["halt", "kill"])
async def test_an_order_that_surfaces_under_a_brake_is_cancelled_within_two_seconds(
    tmp_path: Path, kind: str
) -> None:
    async with braked(tmp_path) as it:
        it.here.broker.mute = True
        entry = await it.here.enter(filled=0)
        lost = it.here.books.order(entry.ref)
        assert lost is not None
        await it.here.books.post(FateUnknown(entry.ref, "no word", it.here.desk.now()))
        it.here.broker.deaf_to_cancels_of = {Role.ENTRY}
        await (it.halt() if kind == "halt" else it.kill())
        it.here.broker.deaf_to_cancels_of = set()
        await pass_time(20)
        assert it.here.state_of(Role.ENTRY) == [OrderState.UNKNOWN]

        it.here.broker.mute = False
        it.here.broker._say(it.here.broker.held(entry.ref))
        await pass_time(2)

        assert it.here.broker.open(Role.ENTRY) == []


@virtual
async def test_a_refused_cancel_is_asked_for_until_it_is_taken(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        await it.here.enter(filled=0)
        it.here.broker.refuse_cancels_of = {Role.ENTRY}
        outcome = await it.halt()
        assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "unknown_order")

        it.here.broker.refuse_cancels_of = set()
        await pass_time(5)

        assert it.here.broker.open(Role.ENTRY) == []


@virtual
@pytest.mark.req("REQ-K1")
async def test_what_works_after_its_end_is_asked_for_every_two_seconds_under_a_brake(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        entry = await it.here.enter(filled=0)
        await it.halt()
        zombie = it.here.broker.held(entry.ref)
        assert it.here.state_of(Role.ENTRY) == [OrderState.CANCELLED]
        it.here.broker.deaf_to_cancels_of = {Role.ENTRY}
        before = it.here.broker.log.count("cancel entry")

        zombie.status = "Submitted"  # the exchange did not take the cancel
        it.here.broker.emit(it.here.broker.listed(zombie).claim)
        await pass_time(9)
        assert it.here.broker.log.count("cancel entry") - before >= 4

        it.here.broker.deaf_to_cancels_of = set()
        await pass_time(3)
        assert zombie.status == "Cancelled"


@virtual
@pytest.mark.req("REQ-K1")
async def test_a_cancel_that_fails_at_once_is_not_asked_for_without_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with braked(tmp_path) as it:
        await it.here.enter(filled=0)
        it.here.broker.deaf_to_cancels_of = {Role.ENTRY}
        asked: list[float] = []
        cancel_risk = KillSwitch.cancel_risk

        async def counted(switch: KillSwitch, reach: Reach) -> tuple[str, ...]:
            asked.append(now_s())
            assert len(asked) < 50, "the engine does nothing else any more"
            if len(asked) == 1:
                return await cancel_risk(switch, reach)
            return tuple(order.intent.ref for order in switch.risky(reach))  # as with no line: at once

        monkeypatch.setattr(KillSwitch, "cancel_risk", counted)
        outcome = await it.kill()

        assert outcome.status is OutcomeStatus.FAILED
        assert 5 <= len(asked) <= 20


@virtual
async def test_orders_outside_the_brake_are_left_alone(tmp_path: Path) -> None:
    async with braked(tmp_path, keys=("SPY", "QQQ")) as it:
        await it.here.enter(filled=0)
        other = await it.here.enter(key="QQQ", filled=0)

        await it.halt(scope=Scope(ScopeKind.SYMBOL, "SPY"))
        await pass_time(5)

        assert [h.intent.ref for h in it.here.broker.open(Role.ENTRY)] == [other.ref]
        assert it.here.desk.may_enter("ma", "SPY") is Reason.HALTED
        assert it.here.desk.may_enter("ma", "QQQ") is None


@virtual
@pytest.mark.req("REQ-K1")
async def test_a_fill_long_after_the_proof_takes_it_back_and_is_closed(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        entry = await it.here.enter(filled=0)
        assert (await it.kill()).status is OutcomeStatus.DONE
        await pass_time(60)

        it.here.broker.fill(entry.ref, 100)
        await pass_time(1)
        assert it.brake.not_flat, "what was proven no longer holds: nobody may lift it"
        await pass_time(20)

        assert it.here.broker.positions["SPY"] == 0
        assert it.brake.proof.startswith("PROVEN FLAT")


@virtual
async def test_a_close_that_is_refused_leaves_the_position_with_its_stop_and_says_so(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        await it.here.enter()
        it.here.broker.refuse = {Role.FLATTEN}

        outcome = await it.kill()

        assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "not_flat")
        assert outcome.text.startswith("NOT FLAT")
        assert "SPY: 100 left" in outcome.text
        assert it.here.broker.positions["SPY"] == it.here.stops_at_broker() == 100


@virtual
async def test_with_flattening_off_a_kill_puts_back_the_stop_that_is_missing(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        kill = it.here.desk.config.kill.model_copy(update={"flatten": False})
        it.here.desk.config = it.here.desk.config.model_copy(update={"kill": kill})
        await it.here.enter()
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)

        outcome = await it.kill()
        await pass_time(2)

        assert outcome.text.startswith("NOT FLATTENED")
        assert it.here.broker.positions["SPY"] == it.here.stops_at_broker() == 100


# --- the line is down -------------------------------------------------------------------------------


@virtual
@pytest.mark.req("REQ-K1")
async def test_without_a_line_a_kill_says_at_once_what_is_left_and_goes_on_by_itself(tmp_path: Path) -> None:
    async with braked(tmp_path, keys=("SPY", "QQQ")) as it:
        await it.here.enter()
        entry = await it.here.enter(key="QQQ", filled=0)
        _line(it, LinkState.DOWN)
        began_s = now_s()

        outcome = await it.kill()

        assert now_s() - began_s < 1
        assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "not_flat")
        assert outcome.text.startswith("NOT PROVEN")
        assert "SPY: +100, 100 covered by stops" in outcome.text
        assert entry.ref in outcome.text
        assert "goes on by itself" in outcome.text
        await it.restart_brakes()
        assert it.brake.not_flat

        _line(it, LinkState.UP)
        it.kills.finish()
        await pass_time(20)

        assert it.brake.proof.startswith("PROVEN FLAT")
        assert it.here.broker.open() == []


@virtual
async def test_without_a_line_a_halt_names_what_may_work_and_cancels_it_afterwards(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        entry = await it.here.enter(filled=0)
        _line(it, LinkState.BROKER_LOST)
        began_s = now_s()

        outcome = await it.halt()

        assert now_s() - began_s < 1
        assert (outcome.code, outcome.details) == ("link_down", (entry.ref,))
        _line(it, LinkState.UP)
        await pass_time(2)
        assert it.here.broker.open(Role.ENTRY) == []


# --- the market is shut -----------------------------------------------------------------------------


async def _killed_while_shut(it: Braked, opens_s: float) -> None:
    await it.here.enter()
    it.shut_until(opens_s)
    outcome = await it.kill()
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "session_closed")
    assert outcome.text.startswith("NOT FLAT")
    assert "its market is shut until Fri 10:" in outcome.text
    assert it.here.stops_at_broker() == 100


@virtual
@pytest.mark.req("CARD-KILL")
async def test_with_the_market_shut_stops_stay_and_the_open_flattens_only_what_a_person_asked_for(
    tmp_path: Path,
) -> None:
    async with braked(tmp_path) as it:
        await _killed_while_shut(it, 600)
        assert "--at-open" in it.brake.proof
        await pass_time(900)
        assert it.here.broker.positions["SPY"] == 100, "nobody asked"


@virtual
@pytest.mark.req("CARD-KILL")
async def test_asked_for_the_rest_is_closed_at_the_open_also_after_a_restart(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        await _killed_while_shut(it, 600)

        asked = await it.kills.at_open(it.command(CommandKind.AT_OPEN, target="yes", who="ann"))
        assert asked.status is OutcomeStatus.DONE
        await it.restart_brakes()
        assert (it.brake.at_open, it.brake.not_flat) == ("ann", True)
        await pass_time(300)
        assert it.here.broker.positions["SPY"] == 100
        await pass_time(400)

        assert it.here.broker.positions["SPY"] == 0
        assert it.brake.proof.startswith("PROVEN FLAT")
        late = await it.kills.at_open(it.command(CommandKind.AT_OPEN, target="yes"))
        assert (late.status, late.code) == (OutcomeStatus.REFUSED, "nothing_to_do")


@virtual
async def test_what_was_asked_for_the_open_can_be_taken_back(tmp_path: Path) -> None:
    async with braked(tmp_path) as it:
        await _killed_while_shut(it, 600)
        await it.kills.at_open(it.command(CommandKind.AT_OPEN, target="yes"))
        await it.kills.at_open(it.command(CommandKind.AT_OPEN, target="no"))
        await pass_time(900)

        assert it.here.broker.positions["SPY"] == 100
        assert (await it.here.store.live_brakes())[0].at_open == ""


# --- the last resort --------------------------------------------------------------------------------


@virtual
async def test_what_no_cancel_ends_is_cancelled_globally_where_nothing_is_foreign(
    tmp_path: Path,
) -> None:
    async with braked(tmp_path) as it:
        await it.here.enter(filled=0)
        it.here.broker.refuse_cancels_of = {Role.ENTRY}
        it.here.broker.takes_global_cancel = True

        outcome = await it.kill()

        assert outcome.status is OutcomeStatus.DONE, outcome
        assert "cancel everything" in it.here.broker.log
        assert it.here.broker.open() == []


@virtual
@pytest.mark.parametrize("foreign", ["order", "position"])
async def test_nothing_is_cancelled_globally_where_something_is_foreign(tmp_path: Path, foreign: str) -> None:
    async with braked(tmp_path) as it:
        entry = await it.here.enter(filled=0)
        it.here.broker.refuse_cancels_of = {Role.ENTRY}
        it.here.broker.takes_global_cancel = True
        listed = it.here.broker.listed(it.here.broker.open()[0])
        if foreign == "order":
            claim = listed.claim._replace(order_ref="", perm_id=5)
            it.here.broker.foreign_orders = [listed._replace(claim=claim, is_ours=False)]
        else:
            it.here.broker.foreign_positions = [
                BrokerPosition("DU1", 7, "GLD", Decimal(3), 200.0, "GLD", "STK")
            ]

        outcome = await it.kill()

        assert "cancel everything" not in it.here.broker.log
        assert outcome.status is OutcomeStatus.FAILED
        assert entry.ref in outcome.text


# --- released by an older wish --------------------------------------------------------------------


async def _release(it: Braked, *, asked_s: float) -> Outcome:
    account = it.here.desk.account
    return await it.brakes.lift(it.command(CommandKind.RESUME, typed=account, asked_s=asked_s))


@virtual
@pytest.mark.req("REQ-K1")
async def test_a_release_asked_before_a_kill_by_file_does_not_lift_it_however_late_it_is_heard(
    tmp_path: Path,
) -> None:
    async with braked(tmp_path) as it:
        await it.kill()
        asked_s = it.here.desk.clock.monotonic()  # and from here on the engine hangs: this wish waits
        await pass_time(1.0)
        (tmp_path / "KILL").write_text("fire", encoding="utf-8")
        await pass_time(30.0)
        assert not (tmp_path / "KILL").exists()
        assert not it.brake.not_flat, "the KILL by file has ended"

        older = await _release(it, asked_s=asked_s)

        assert (older.status, older.code) == (OutcomeStatus.REFUSED, Reason.PULLED_SINCE.value)
        assert "look, then ask again" in older.text
        assert it.here.desk.brakes.account_level() is BrakeLevel.KILL
        newer = await _release(it, asked_s=it.here.desk.clock.monotonic())
        assert newer.status is OutcomeStatus.DONE, newer
        assert it.here.desk.brakes.account_level() is None


@virtual
async def test_a_pause_that_came_after_the_release_was_asked_for_is_lifted_with_the_rest(
    tmp_path: Path,
) -> None:
    async with braked(tmp_path) as it:
        await it.brakes.pull(BrakeKind.PAUSE, Scope(), reason="slow", who="operator")

        assert (await _release(it, asked_s=it.here.desk.clock.monotonic() - 5.0)).status is OutcomeStatus.DONE
