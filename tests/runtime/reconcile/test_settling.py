"""Settling: adopted with a stop, closed exactly, left alone for good, refused where the world moved on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.api import Command, CommandKind, Level, Mode, Outcome, Scope
from engine.api_recovery import RecoveryChoice, RecoveryKind, RecoveryRow, Settlement
from engine.broker.port import BrokerPosition, Fetched, LinkState
from engine.domain.market import Bar
from engine.domain.order import OrderState, OrderType, Role, Side
from engine.domain.reasons import Reason
from engine.execution.kill import Reach
from engine.ledger.ledger import OPERATOR
from tests.builders import TEN, quote, stock
from tests.execution.recovering import Recovering, recovering
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual

META = stock("META")
ADOPT, CLOSE, FOREIGN = RecoveryChoice.ADOPT, RecoveryChoice.CLOSE, RecoveryChoice.FOREIGN


@dataclass
class Scene:
    """A short of 30 META that nobody knows, compared once."""

    here: Rig
    it: Recovering

    @property
    def row(self) -> RecoveryRow:
        (row,) = [r for r in self.it.state.rows() if r.choices]
        return row

    async def settle(self, *choices: RecoveryChoice, stop: float | None = None, **more: object) -> Outcome:
        row = self.row
        wishes = tuple(Settlement(row.row_id, c, row.stamp, stop) for c in choices)
        return await self.send(wishes, **more)

    async def send(self, wishes: Sequence[Settlement], **more: object) -> Outcome:
        command = Command("c", CommandKind.SETTLE, Scope(), settlements=tuple(wishes), **more)  # type: ignore[arg-type]
        return await self.it.settler.settle(command)

    def hold(self, quantity: str) -> None:
        """The account holds this much META."""
        held = BrokerPosition("DU1", META.con_id, "META", Decimal(quantity), 500.0, "META", "STK")
        self.here.broker.foreign_positions = [held]


@asynccontextmanager
async def scene(folder: Path, quantity: str = "-30", **more: object) -> AsyncIterator[Scene]:
    async with rig(folder, **more) as here:  # type: ignore[arg-type]  # the rig's own keywords
        here.broker.chains = {"META": Fetched((META,))}
        it = Scene(here, recovering(here))
        it.hold(quantity)
        assert await it.it.account.compare()
        yield it


def _arrives(it: Scene, quantity: int) -> None:
    """The market executes our closing order: the stranger's position shrinks with it."""
    it.hold(str(quantity))


@virtual
@pytest.mark.req("RECOVERY-MINIMAL", "REQ-ARCH-003")
async def test_adopting_gives_it_to_the_operator_with_a_stop_at_the_broker(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.here.desk.quotes.on_quote(quote("META", 499.99, 500.01))

        told = await it.settle(ADOPT)

        assert told.status == "done", told.text
        held = it.here.books.position("META")
        assert held is not None
        assert (held.quantity, held.avg_price, held.owner) == (-30, Decimal(500), OPERATOR)
        stop = it.here.last(Role.STOP)
        assert (stop.state, stop.intent.side, stop.remaining) == (OrderState.WORKING, Side.BUY, 30)
        assert stop.intent.stop_price == 510.0  # 2 %
        assert any(
            "metadata is lost" in e.text for e in it.here.desk.notices.events if e.level is Level.ERROR
        )
        rows = await it.here.rows("SELECT choice, key, quantity, who FROM recovery_decision")
        assert rows == [("adopt", "META", "-30", "operator")]
        assert [r for r in it.it.state.rows() if r.choices] == []


@virtual
async def test_the_stop_of_an_adoption_is_the_operators_own_where_given(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        assert (await it.settle(ADOPT, stop=520.0)).status == "done"

        assert it.here.last(Role.STOP).intent.stop_price == 520.0


@virtual
async def test_a_stop_between_two_ticks_is_rounded_away_from_the_price_and_that_is_told(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as it:
        told = await it.settle(ADOPT, stop=520.004)

        assert it.here.last(Role.STOP).intent.stop_price == 520.01
        assert "at 520.01 instead of 520.004: rounded to the price grid" in told.text


@virtual
async def test_a_row_tells_the_price_step_as_soon_as_the_instrument_is_described(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        await it.it.settler.prepare()

        assert it.row.tick == 0.01


@virtual
@pytest.mark.parametrize("stop", [490.0, float("nan"), -1.0])
async def test_a_stop_that_would_fire_at_once_or_is_no_price_settles_nothing(
    tmp_path: Path, stop: float
) -> None:
    async with scene(tmp_path) as it:
        it.here.desk.quotes.on_quote(quote("META", 499.99, 500.01))

        told = await it.settle(ADOPT, stop=stop)

        assert (told.status, told.code) == ("refused", Reason.ROW_CHANGED.value)
        assert it.here.broker.sent == []
        assert it.here.books.position("META") is None


@virtual
@pytest.mark.req("REQ-ARCH-003")
async def test_closing_sends_one_reducing_market_order_of_the_exact_quantity(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.here.books.on_changes(lambda changes: _arrives(it, 0) if changes.fills else None)

        told = await it.settle(CLOSE)

        (sent,) = [h.intent for h in it.here.broker.orders.values() if h.intent.role is Role.FLATTEN]
        assert (sent.side, sent.quantity, sent.order_type) == (Side.BUY, 30, OrderType.MARKET)
        assert told.status == "done", told.text
        assert it.here.books.position("META") is None


@virtual
async def test_closing_while_its_market_is_shut_is_refused_and_says_so(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.here.desk.clock.skipped = timedelta(hours=10)  # type: ignore[attr-defined]  # the rig's clock can

        told = await it.settle(CLOSE)

        assert told.status == "failed"
        assert "market is shut" in told.text
        assert it.here.broker.sent == []
        assert it.here.books.position("META") is None


@virtual
@pytest.mark.req("CARD-ORPHANS")
async def test_a_settled_row_stays_with_what_came_of_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        assert (await it.settle(ADOPT)).status == "done"

        (row,) = it.it.state.rows()
        assert (row.symbol, row.choices) == ("META", ())
        assert row.proposal.startswith("adopted -30")


@virtual
async def test_what_is_left_alone_stays_so_over_a_restart_and_is_spared_by_a_kill(tmp_path: Path) -> None:
    async with scene(tmp_path / "a") as it:
        assert (await it.settle(FOREIGN)).status == "done"
        assert [r.kind for r in it.it.state.rows()] == [RecoveryKind.FOREIGN]
        stored = (await it.here.store.load()).decisions
        it.here.kill_switch._spared = it.it.state.spared
        it.here.desk.instruments["META"] = META
        await it.here.enter(key="META")

        proof = await it.here.kill_switch.kill(Reach(), flatten=True)

        assert proof.flat, proof.text
        assert "stays: META -30, foreign" in proof.lines
        assert it.here.broker.positions["META"] == 0  # ours is closed, no share more
    async with rig(tmp_path / "b") as again:
        again.broker.foreign_positions = it.here.broker.foreign_positions
        after = recovering(again, decisions=stored)
        assert await after.account.compare()
        assert after.state.blocking() == ()


@virtual
async def test_a_row_that_changed_since_it_was_shown_settles_nothing_at_all(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        shown = it.row
        it.hold("-40")

        told = await it.send([Settlement(shown.row_id, FOREIGN, shown.stamp)])

        assert (told.status, told.code) == ("refused", Reason.ROW_CHANGED.value)
        assert "40 short" in told.text
        assert await it.here.rows("SELECT count(*) FROM recovery_decision") == [(0,)]
        assert it.row.broker == -40


@virtual
async def test_one_row_that_does_not_fit_refuses_the_others_too(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        row = it.row
        wishes = [
            Settlement(row.row_id, FOREIGN, row.stamp),
            Settlement("position 99", FOREIGN, "x"),
        ]

        told = await it.send(wishes)

        assert told.status == "refused"
        assert "position 99" in told.text
        assert it.row.choices != ()


@virtual
async def test_the_same_row_twice_and_no_row_at_all_are_refused(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        assert (await it.settle(FOREIGN, ADOPT)).status == "refused"
        assert (await it.send([])).status == "refused"


@virtual
async def test_without_a_line_or_a_complete_picture_nothing_is_settled(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.here.broker.state_error = "no answer"
        assert (await it.settle(ADOPT)).code == Reason.NOT_RECOVERED.value
        it.here.desk.link = LinkState.DOWN
        assert (await it.settle(ADOPT)).code == Reason.LINK_DOWN.value
        assert it.here.broker.sent == []


@virtual
async def test_a_position_the_broker_does_not_describe_is_not_taken_over(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.here.broker.chains = {}

        told = await it.settle(ADOPT)

        assert told.status == "failed"
        assert "does not describe it" in told.text
        assert await it.here.rows("SELECT count(*) FROM recovery_decision") == [(0,)]


@virtual
async def test_a_dry_run_can_only_leave_things_alone(tmp_path: Path) -> None:
    async with scene(tmp_path, mode=Mode.DRY_RUN) as it:
        assert it.row.choices == (FOREIGN,)
        await it.it.settler.by_policy("abort")
        assert it.it.aborted == []


# --- orders -------------------------------------------------------------------------------------


@virtual
async def test_a_strange_order_of_our_client_is_cancelled_and_one_of_another_is_left(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(filled=0)
        known = here.broker.listed(here.broker.open()[0])
        mine = known._replace(claim=known.claim._replace(order_ref="by hand", perm_id=5, order_id=77))
        other = known._replace(
            claim=known.claim._replace(order_ref="", perm_id=6, order_id=0, client_id=9), is_ours=False
        )
        here.broker.foreign_orders = [mine, other]
        it = Scene(here, recovering(here))
        assert await it.it.account.compare()
        rows = {r.row_id: r for r in it.it.state.rows() if r.choices}
        assert rows["order 5"].choices == (RecoveryChoice.CANCEL, FOREIGN)
        assert rows["order 6"].choices == (FOREIGN,)

        here.broker.on_place = lambda: None
        cancelled: list[int] = []

        async def cancel(order: object) -> None:
            cancelled.append(order.order_id)  # type: ignore[attr-defined]  # an Order
            here.broker.foreign_orders = [other]

        here.broker.cancel = cancel  # type: ignore[method-assign]  # a hand's order is not in its book
        told = await it.send(
            [
                Settlement("order 5", RecoveryChoice.CANCEL, rows["order 5"].stamp),
                Settlement("order 6", FOREIGN, rows["order 6"].stamp),
            ]
        )

        assert told.status == "done", told.text
        assert cancelled == [77]
        assert it.it.state.blocking() == ()
        assert it.it.state.spared().orders == {6}


@virtual
async def test_a_person_can_say_that_an_order_of_unknown_fate_was_never_sent(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        here.broker.hidden = {entry.ref}
        it = Scene(here, recovering(here))
        assert await it.it.account.compare()
        (row,) = [r for r in it.it.state.rows() if r.kind is RecoveryKind.UNKNOWN_ORDER]
        sent = list(here.broker.sent)

        told = await it.send([Settlement(row.row_id, RecoveryChoice.NOT_SENT, row.stamp)])

        assert told.status == "done", told.text
        order = here.books.order(entry.ref)
        assert order is not None
        assert (order.state, order.message) == (
            OrderState.ABANDONED,
            "operator says that it never reached the market",
        )
        assert here.broker.sent == sent
        assert await here.rows("SELECT choice FROM recovery_decision") == [("not_sent",)]


# --- policy and abort ---------------------------------------------------------------------------


@virtual
@pytest.mark.req("REQ-ARCH-004")
@pytest.mark.parametrize("policy", ["ask", "adopt", "close", "abort"])
async def test_each_policy_does_at_start_what_it_says(tmp_path: Path, policy: str) -> None:
    async with scene(tmp_path) as it:
        it.here.books.on_changes(lambda changes: _arrives(it, 0) if changes.fills else None)

        await it.it.settler.by_policy(policy)
        await pass_time(0.1)

        sent = [h.intent.role for h in it.here.broker.orders.values()]
        waits = it.it.state.blocking() != ()
        match policy:
            case "ask":
                assert (sent, waits, it.it.aborted) == ([], True, [])
            case "adopt":
                assert (sent, waits, it.it.aborted) == ([Role.STOP], False, [])
            case "close":
                assert (Role.FLATTEN in sent, waits, it.it.aborted) == (True, False, [])
            case _:
                assert (sent, waits, len(it.it.aborted)) == ([], True, 1)


@virtual
@pytest.mark.req("REQ-ARCH-003")
async def test_abort_leaves_without_sending_anything_and_is_written_down(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        told = await it.it.settler.abort(Command("a", CommandKind.ABORT, who="anna"))

        assert told.status == "done"
        assert "nothing was sent" in it.it.aborted[0]
        assert it.here.broker.sent == []
        assert await it.here.rows("SELECT who, choice FROM recovery_decision") == [("anna", "abort")]


@virtual
async def test_abort_with_nothing_to_settle_is_refused(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        told = await recovering(here).settler.abort(Command("a", CommandKind.ABORT))

        assert (told.status, told.code) == ("refused", Reason.NOTHING_TO_DO.value)


# --- corporate actions --------------------------------------------------------------------------


@virtual
async def test_a_split_is_shown_and_only_taken_over_by_a_person_with_a_new_stop(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.chains = {"SPY": Fetched((here.spy,))}
        await here.enter()
        here.broker.positions["SPY"] = 200
        real = here.broker._picture

        def split() -> object:
            state = real()
            cheaper = tuple(p._replace(average_cost=50.0) for p in state.positions)
            return type(state)(
                cheaper,
                state.open_orders,
                state.completed_orders,
                state.executions,
                state.commissions,
                state.values,
                state.at,
            )

        here.broker._picture = split  # type: ignore[assignment, method-assign]  # a corporate action
        it = Scene(here, recovering(here))
        assert await it.it.account.compare()
        assert here.books.quantity("SPY") == 100
        row = it.row
        assert (row.kind, row.difference) == (RecoveryKind.CORPORATE, "split 2:1")
        assert row.choices == (ADOPT, CLOSE)

        told = await it.settle(ADOPT, stop=49.0)

        assert told.status == "done", told.text
        held = here.books.position("SPY")
        assert held is not None
        assert (held.quantity, held.avg_price, held.owner) == (200, Decimal(50), "ma")
        assert here.stops_at_broker() == 200
        assert here.books.ledger.positions.realized_usd() == 0


@virtual
async def test_the_proposed_stop_stands_as_far_away_as_configured_where_no_history_is(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        desk = it.here.desk
        position = desk.config.position.model_copy(update={"default_stop_pct": 4.0})
        desk.config = desk.config.model_copy(update={"position": position})
        desk.quotes.on_quote(quote("META", 499.99, 500.01))

        assert (it.row.stop_price, it.row.stop_text) == (520.0, "4 %")


@virtual
@pytest.mark.req("RECOVERY-MINIMAL")
async def test_where_history_is_there_the_proposed_stop_stands_on_how_far_it_moves_in_a_day(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as it:
        day = timedelta(days=1)
        days = [Bar("META", TEN - day * n, 500.0, 505.0, 495.0, 500.0, 1000) for n in range(28)]
        it.here.broker.bars = {"META": Fetched(tuple(reversed(days)))}
        it.here.desk.quotes.on_quote(quote("META", 499.99, 500.01))
        assert (it.row.stop_price, it.row.stop_text) == (510.0, "2 %")

        await it.it.settler.prepare()

        assert (it.row.stop_price, it.row.stop_text) == (520.0, "2 × ATR(14)")
