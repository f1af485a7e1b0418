"""Partials: the stop makes room first, the rest keeps its stop, the first one moves it to the entry price."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import OrderState, Role
from engine.domain.plan import Plan
from engine.execution.executor import CloseStatus
from engine.ledger.events import FateUnknown
from engine.ledger.managed import partial_quantity
from tests.execution.rig import rig
from tests.virtual_time import now_s, pass_time, virtual

BREAKEVEN = Plan(pivot=99.5, moves_to_breakeven=True)


@virtual
@pytest.mark.req("REQ-POS-002")
async def test_a_partial_shrinks_the_stop_before_its_order_goes_out(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        seen: list[int] = []
        here.broker.on_place = lambda: seen.append(here.stops_at_broker())

        result = await here.reduce()

        assert result.status is CloseStatus.FLAT
        assert seen == [50]  # when the exit left, the stop covered only what would remain
        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (50, 50)
        assert len(here.state_of(Role.STOP)) == 1
        assert here.last(Role.EXIT).intent.reason == "PARTIAL_50"


@virtual
@pytest.mark.req("RECOVERY-PARTIAL-BE")
async def test_the_first_partial_moves_the_stop_to_the_entry_price_within_a_second(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(plan=BREAKEVEN)
        stop = here.last(Role.STOP).intent.ref
        here.broker.unfilled = {Role.ENTRY, Role.EXIT}
        taking = asyncio.ensure_future(here.reduce())
        await pass_time(1)
        here.broker.fill(here.last(Role.EXIT).intent.ref, 50, "102")
        filled_s = now_s()

        assert (await taking).status is CloseStatus.FLAT

        assert now_s() - filled_s < 1
        position = here.books.position("SPY")
        assert position is not None
        assert position.stop_price == 100.0  # also for the next stop, should this one vanish
        at_broker = here.broker.held(stop)
        assert (at_broker.intent.stop_price, at_broker.remaining) == (100.0, 50)
        assert [h.intent.ref for h in here.broker.open(Role.STOP)] == [stop]


@virtual
async def test_without_such_a_plan_the_stop_stays_where_it_was(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()

        await here.reduce()

        assert here.last(Role.STOP).intent.stop_price == 99.0


@virtual
async def test_a_break_even_that_the_broker_refused_is_asked_for_again(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(plan=BREAKEVEN)
        here.broker.unfilled = {Role.ENTRY, Role.EXIT}
        taking = asyncio.ensure_future(here.reduce())
        await pass_time(1)
        here.broker.refuse_changes = True
        here.broker.fill(here.last(Role.EXIT).intent.ref, 50, "102")
        await taking
        assert here.last(Role.STOP).intent.stop_price == 99.0  # the broker's word, not our wish

        here.broker.refuse_changes = False
        assert await here.executor.protect("SPY", here.spy)

        assert here.broker.open(Role.STOP)[0].intent.stop_price == 100.0


@virtual
async def test_a_partial_that_does_not_fill_is_taken_back_and_the_stop_grows_again(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.unfilled = {Role.ENTRY, Role.EXIT}

        result = await here.reduce()

        assert result.status is CloseStatus.NOT_FLAT
        assert here.state_of(Role.EXIT) == [OrderState.CANCELLED]
        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (100, 100)
        assert len(here.state_of(Role.STOP)) == 1


@virtual
async def test_a_partial_that_fills_in_part_leaves_the_stop_on_what_remains(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.unfilled = {Role.ENTRY, Role.EXIT}
        taking = asyncio.ensure_future(here.reduce())
        await pass_time(1)
        here.broker.fill(here.last(Role.EXIT).intent.ref, 20)

        assert (await taking).status is CloseStatus.NOT_FLAT

        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (80, 80)


@virtual
async def test_a_refused_partial_leaves_position_and_stop_as_they_were(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.refuse = {Role.EXIT}

        result = await here.reduce()

        assert result.status is CloseStatus.NOT_FLAT
        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (100, 100)


@virtual
async def test_no_partial_is_sent_while_the_stop_cannot_be_shrunk(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.refuse_changes = True

        result = await here.reduce()

        assert result.status is CloseStatus.NOT_FLAT
        assert here.state_of(Role.EXIT) == []
        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (100, 100)


@virtual
async def test_no_partial_is_sent_while_the_fate_of_the_stop_is_unknown(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        await here.books.post(FateUnknown(here.last(Role.STOP).intent.ref, "nobody knows", here.desk.now()))

        result = await here.reduce()

        assert result.status is CloseStatus.NOT_FLAT
        assert here.state_of(Role.EXIT) == []


@virtual
async def test_a_partial_first_ends_the_working_rest_of_the_entry(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(filled=40)

        assert (await here.reduce()).status is CloseStatus.FLAT

        assert here.state_of(Role.ENTRY) == [OrderState.CANCELLED]
        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (20, 20)


@virtual
@pytest.mark.req("REQ-POS-002")
async def test_more_than_is_left_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        await here.reduce(0.5)
        sent = list(here.broker.sent)

        result = await here.reduce(0.6)

        assert result.status is CloseStatus.NOT_FLAT
        assert "60 of 100" in result.text
        assert here.broker.sent == sent
        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (50, 50)


@virtual
@pytest.mark.req("BUG-002")
async def test_half_of_one_share_is_nothing_and_no_order_of_zero_is_sent(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(1)

        assert (await here.reduce()).status is CloseStatus.NOTHING

        assert all(h.intent.quantity > 0 for h in here.broker.orders.values())
        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (1, 1)


@virtual
@pytest.mark.req("BUG-002")
async def test_a_partial_of_all_that_is_left_closes_the_position_and_makes_a_trade(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        await here.reduce()

        assert (await here.reduce()).status is CloseStatus.FLAT

        assert (here.broker.positions["SPY"], here.broker.open()) == (0, [])
        assert here.books.position("SPY") is None
        assert len(here.books.ledger.positions.trades()) == 1
        assert (await here.close()).status is CloseStatus.NOTHING  # closing nothing sends nothing


@virtual
async def test_a_stop_that_fires_while_it_is_shrunk_leaves_no_partial_to_flip_the_position(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        stop = here.last(Role.STOP).intent.ref
        taking = asyncio.ensure_future(here.reduce())
        await asyncio.sleep(0)
        here.broker.fill(stop, 60, "99")

        await taking
        await here.executor.protect("SPY", here.spy)
        await pass_time(1)

        assert here.broker.positions["SPY"] >= 0
        assert here.stops_at_broker() == here.broker.positions["SPY"]


@given(entered=st.integers(1, 1000), taken=st.integers(0, 999), fraction=st.floats(0.01, 1.0))
def test_a_partial_is_a_whole_number_never_more_than_is_left(
    entered: int, taken: int, fraction: float
) -> None:
    held = max(1, entered - taken)
    try:
        quantity = partial_quantity(entered=entered, held=held, fraction=fraction)
    except ValueError:
        assert fraction * entered >= held
        return
    assert 0 <= quantity <= held
    assert quantity <= fraction * entered + 1e-6


def test_twenty_nine_percent_of_a_hundred_is_twenty_nine() -> None:
    assert partial_quantity(entered=100, held=100, fraction=0.29) == 29
    with pytest.raises(ValueError, match="fraction"):
        partial_quantity(entered=100, held=100, fraction=1.5)
