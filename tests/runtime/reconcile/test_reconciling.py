"""What a comparison makes of the broker's account: booked, told, asked about; and what it never does."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.api import Level
from engine.api_recovery import RecoveryKind
from engine.broker.port import BrokerPosition, Execution
from engine.domain.fill import Fill
from engine.domain.order import OrderState, Role, Side
from engine.domain.reasons import Reason
from engine.ledger.ledger import OPERATOR
from engine.recovery.decisions import Decision
from tests.builders import TEN, stock
from tests.execution.recovering import recovering
from tests.execution.rig import Rig, rig
from tests.virtual_time import now_s, pass_time, virtual

META = 4711


def stranger(quantity: str, *, cost: float = 500.0) -> BrokerPosition:
    """A position nobody knows."""
    return BrokerPosition("DU1", META, "META", Decimal(quantity), cost, "META", "STK")


def traded_elsewhere(here: Rig, quantity: int, *, price: str = "98", number: int = 1) -> None:
    """Another client changes our SPY; only the broker's lists say so."""
    fill = Fill(
        exec_id=f"0777.{number:04d}.01",
        order_ref="",
        perm_id=5,
        key="SPY",
        con_id=here.spy.con_id,
        side=Side.BUY if quantity > 0 else Side.SELL,
        quantity=abs(quantity),
        price=Decimal(price),
        at=here.desk.now(),
    )
    here.broker.executions.append(Execution(fill, 0, 7, liquidation=False, live=False))
    here.broker.positions["SPY"] += quantity


def _events(here: Rig, level: Level) -> list[str]:
    return [e.text for e in here.desk.notices.events if e.level is level]


@virtual
@pytest.mark.req("REQ-ARCH-004", "RECOVERY-HYBRID", "RECOVERY-OPT1", "RECOVERY-MODULE")
async def test_an_unknown_position_warns_and_one_closed_outside_is_an_error_with_its_trade(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        traded_elsewhere(here, -100, price="98")
        here.broker.foreign_positions = [stranger("100", cost=190.5)]
        it = recovering(here)

        assert await it.account.compare()

        warned = [t for t in _events(here, Level.WARNING) if "META" in t]
        assert len(warned) == 1
        assert "100" in warned[0]
        assert "190.50" in warned[0]
        (said,) = [t for t in _events(here, Level.ERROR) if "SPY" in t]
        assert "closed externally" in said
        assert here.books.position("SPY") is None
        (trade,) = here.books.ledger.positions.trades()
        assert (trade.reason, trade.exit_price) == (Reason.EXTERNAL_CLOSE.value, Decimal(98))
        assert await here.rows("SELECT key, reason FROM trade") == [("SPY", "external_close")]


@virtual
@pytest.mark.req("REQ-ARCH-004")
async def test_a_close_that_nobody_reported_is_flagged_and_realises_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.positions["SPY"] = 0
        it = recovering(here)

        assert await it.account.compare()

        (trade,) = here.books.ledger.positions.trades()
        assert trade.gross_usd == 0
        assert "its P&L is not known" in here.alerts("reconcile_mismatch")[0]


@virtual
@pytest.mark.req("REQ-ARCH-005")
async def test_ten_shares_too_many_are_an_error_with_the_full_diff_and_block_until_it_is_clean(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.positions["SPY"] += 10
        it = recovering(here)

        assert await it.account.compare()

        assert here.books.quantity("SPY") == 110
        (said,) = here.alerts("reconcile_mismatch")
        assert "holds 110" in said
        assert "say 100" in said
        assert "+10" in said
        assert len(it.mismatches) == 1
        assert here.broker.log.count("state") == 3  # seen, seen again, and clean


@virtual
async def test_a_second_comparison_of_the_same_account_changes_and_tells_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        traded_elsewhere(here, -130)
        it = recovering(here)
        assert await it.account.compare()
        before = await here.rows("SELECT count(*) FROM event")
        events = len(here.desk.notices.events)
        began_s = now_s()

        assert await it.account.compare()

        assert await here.rows("SELECT count(*) FROM event") == before
        assert len(here.desk.notices.events) == events
        assert now_s() == began_s


@virtual
@pytest.mark.req("RECOVERY-LOG-1")
async def test_only_what_the_first_comparison_confirmed_is_called_restored(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = recovering(here)
        assert await it.account.compare()
        await here.enter()

        assert await it.account.compare()

        assert here.books.quantity("SPY") == 100
        assert it.state.rows() == ()
        assert it.state.agrees


@virtual
@pytest.mark.req("RECOVERY-LOG-1")
async def test_a_quantity_taken_over_at_the_start_is_said_instead_of_agreement(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        it = recovering(here)
        here.broker.positions["SPY"] += 10

        assert await it.account.compare()
        await it.restart.first_look()

        assert [r.kind for r in it.state.rows()] == [RecoveryKind.QUANTITY]
        assert it.state.report[-1] == "recovery complete: 1 changed in the books (SPY: other quantity)"


@virtual
@pytest.mark.req("RECOVERY-LOG-1")
async def test_what_our_own_orders_filled_while_away_is_said_instead_of_agreement(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = recovering(here)
        await here.enter()

        assert await it.account.compare()
        await it.restart.first_look()

        (row,) = it.state.rows()
        assert (row.ours, row.broker, row.difference) == (0, 100, "filled while away")
        assert it.state.report[-1] == "recovery complete: 1 changed in the books (SPY: filled while away)"


@virtual
@pytest.mark.req("RECOVERY-HYBRID")
async def test_the_other_side_leaves_us_flat_and_the_rest_waits_for_a_person(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        traded_elsewhere(here, -130)
        it = recovering(here)

        assert await it.account.compare()

        assert here.books.position("SPY") is None
        (row,) = [r for r in it.state.rows() if r.choices]
        assert (row.kind, row.broker) == (RecoveryKind.ORPHAN, -30)


@virtual
@pytest.mark.req("FUT-EDGE-8")
async def test_a_fill_nobody_told_us_of_and_a_partial_one_are_booked_from_the_picture(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(10, filled=0)
        it = recovering(here)
        assert await it.account.compare()
        here.spawn("reconciler", it.reconciler.run)
        heard, here.broker.emit = here.broker.emit, lambda _: None
        here.broker.fill(entry.ref, 7)
        here.broker.emit = heard

        it.reconciler.on_position(
            BrokerPosition("DU1", here.spy.con_id, "SPY", Decimal(7), 1.0, "SPY", "STK")
        )
        await pass_time(1.0)

        assert here.books.quantity("SPY") == here.broker.positions["SPY"] == 7


@virtual
async def test_orders_of_ours_whose_record_was_lost_are_ours_by_their_reference(tmp_path: Path) -> None:
    async with rig(tmp_path / "a") as here:
        await here.enter()
        broker = here.broker
    async with rig(tmp_path / "b") as again:
        broker.emit, broker.now = again.inbox.on_broker_event, again.desk.now
        it = recovering(again)
        it.account._broker = broker

        assert await it.account.compare()

        held = again.books.position("SPY")
        assert held is not None
        assert (held.quantity, held.owner) == (100, OPERATOR)
        assert again.state_of(Role.STOP) == [OrderState.WORKING]
        assert [r for r in it.state.rows() if r.choices] == []


@virtual
async def test_what_was_left_alone_is_asked_about_again_when_it_changes(tmp_path: Path) -> None:
    left = Decision(TEN, "operator", f"position {META}", "foreign", "META", META, quantity=Decimal(-30))
    async with rig(tmp_path) as here:
        here.broker.foreign_positions = [stranger("-30")]
        it = recovering(here, decisions=(left,))
        assert await it.account.compare()
        assert [r.kind for r in it.state.rows()] == [RecoveryKind.FOREIGN]
        assert it.state.blocking() == ()

        here.broker.foreign_positions = [stranger("-40")]
        assert await it.account.compare()

        assert [r.kind for r in it.state.blocking()] == [RecoveryKind.ORPHAN]
        assert await here.rows("SELECT choice, key FROM recovery_decision") == [("ended", "META")]


@virtual
async def test_a_foreign_position_counts_so_that_nothing_is_entered_beside_it(tmp_path: Path) -> None:
    left = Decision(TEN, "operator", f"position {META}", "foreign", "META", META, quantity=Decimal(-30))
    async with rig(tmp_path) as here:
        here.desk.instruments["META"] = stock("META")
        here.broker.foreign_positions = [stranger("-30")]
        it = recovering(here, decisions=(left,))
        assert await it.account.compare()

        assert [(h.key, h.quantity) for h in here.desk.holdings()] == [("META", -30)]


@virtual
async def test_an_account_that_never_stands_still_is_compared_again_later(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = recovering(here)
        asked = here.broker._picture

        def moving() -> object:
            quantity = str(1 + here.broker.log.count("state"))
            here.broker.foreign_positions = [stranger(quantity)]
            return asked()

        here.broker._picture = moving  # type: ignore[assignment, method-assign]  # the account moves on its own

        assert not await it.account.compare()
        assert here.desk.differences == ()
        assert not here.desk.verified


# --- when ---------------------------------------------------------------------------------------


@virtual
@pytest.mark.req("REQ-ARCH-005")
async def test_it_is_compared_every_300_seconds(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = recovering(here)
        assert await it.account.compare()
        here.spawn("reconciler", it.reconciler.run)
        await pass_time(299)
        assert here.broker.log.count("state") == 1

        await pass_time(302)

        assert here.broker.log.count("state") == 3
        assert len(it.judged) == 2


@virtual
@pytest.mark.req("PS60-ACC-3")
async def test_after_each_of_fifty_trades_books_and_broker_are_compared_and_equal_within_a_second(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        it = recovering(here)
        assert await it.account.compare()
        here.books.on_changes(it.reconciler.on_changes)
        here.spawn("reconciler", it.reconciler.run)
        for _ in range(25):
            entry = await here.enter(10, filled=0)
            for _ in range(2):
                asked = here.broker.log.count("state")
                here.broker.fill(entry.ref, 5)
                await pass_time(1.0)
                assert here.broker.log.count("state") > asked
                assert here.books.quantity("SPY") == here.broker.positions["SPY"]


@virtual
async def test_trades_that_come_together_are_one_comparison(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = recovering(here)
        assert await it.account.compare()
        here.spawn("reconciler", it.reconciler.run)
        for _ in range(20):
            it.reconciler.soon()
            await pass_time(0.01)
        await pass_time(2)

        assert here.broker.log.count("state") == 2


@virtual
async def test_a_position_the_broker_pushes_and_our_books_do_not_hold_is_looked_into(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = recovering(here)
        assert await it.account.compare()
        here.inbox.on_position = it.reconciler.on_position
        here.spawn("reconciler", it.reconciler.run)
        here.broker.foreign_positions = [stranger("25")]

        here.broker.emit(stranger("25"))
        await pass_time(3)

        assert [d.key for d in here.desk.differences] == ["META"]
        here.broker.emit(stranger("25"))
        await pass_time(3)
        assert len(it.judged) >= 1


@virtual
async def test_an_order_of_unknown_fate_is_asked_about_at_growing_pauses_and_never_sent_again(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        it = recovering(here)
        here.books.on_changes(it.reconciler.on_changes)
        here.broker.hidden = {entry.ref}
        assert await it.account.compare()
        assert here.state_of(Role.ENTRY) == [OrderState.UNKNOWN]
        sent, before = list(here.broker.sent), here.broker.log.count("state")
        here.spawn("reconciler", it.reconciler.run)

        asked = []
        for _ in range(100):
            await pass_time(1)
            asked.append(here.broker.log.count("state") - before)

        assert asked[0] <= 1
        assert asked[-1] == 5  # after 1, 2, 5, 15 and 60 s
        (row,) = [r for r in it.state.rows() if r.kind is RecoveryKind.UNKNOWN_ORDER]
        assert "asked the broker 5 time(s)" in row.evidence[-1]
        assert it.state.blocking() == ()  # it blocks its symbol, not everything
        here.broker.hidden = set()
        it.reconciler.soon()
        await pass_time(2)
        assert here.state_of(Role.ENTRY) == [OrderState.WORKING]
        assert here.broker.sent == sent


@virtual
async def test_a_day_order_of_unknown_fate_ends_with_its_day_and_a_gtc_one_does_not(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        stop = here.last(Role.STOP).intent.ref
        it = recovering(here)
        here.broker.hidden = {entry.ref, stop}
        assert await it.account.compare()
        assert here.state_of(Role.ENTRY) == here.state_of(Role.STOP) == [OrderState.UNKNOWN]

        clock = here.desk.clock
        clock.skipped = timedelta(days=3)  # type: ignore[attr-defined]  # the rig's clock can skip
        assert await it.account.compare()

        assert here.state_of(Role.ENTRY) == [OrderState.ABANDONED]
        assert here.state_of(Role.STOP) == [OrderState.UNKNOWN]


@virtual
async def test_an_order_that_worked_after_its_end_blocks_until_the_broker_lists_it_no_more(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        it, zombie = recovering(here), here.broker.held(entry.ref)
        here.broker.end(entry.ref)
        await pass_time(1)
        here.desk.surfaced = {entry.ref: "SPY"}
        zombie.status = "Submitted"
        assert await it.account.compare()
        assert here.desk.may_enter("ma", "SPY") is Reason.SURFACED_ORDER

        del here.broker.orders[zombie.order_id]
        assert await it.account.compare()
        assert here.desk.may_enter("ma", "SPY") is None


@virtual
@pytest.mark.req("REQ-ARCH-004")
async def test_an_order_of_somebody_else_is_looked_at_as_soon_as_the_wire_tells_of_it(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        asked: list[str] = []
        here.inbox.on_foreign = lambda: asked.append("soon")
        ours = here.broker.listed(here.broker.held(entry.ref))
        theirs = ours._replace(claim=ours.claim._replace(order_ref="", order_id=0, perm_id=77, client_id=5))
        for claim in (ours.claim, theirs.claim):
            here.broker.emit(claim)
        await pass_time(0.1)
        assert asked == ["soon"]

        here.desk.strange_orders = (theirs,)
        here.broker.emit(theirs.claim)
        await pass_time(0.1)
        assert asked == ["soon"], "it is shown already"
        here.broker.emit(theirs.claim._replace(status="Cancelled"))
        await pass_time(0.1)
        assert asked == ["soon", "soon"], "it is gone"
