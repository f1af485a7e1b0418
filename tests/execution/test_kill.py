"""A KILL ends with nothing of ours at the broker, or with a record that names each thing that is left."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from engine.broker.port import BrokerPosition, LinkState
from engine.domain.order import OrderState, Role
from engine.execution.kill import Reach
from tests.execution.rig import rig
from tests.virtual_time import now_s, pass_time, virtual


@virtual
@pytest.mark.req("CARD-KILL")
async def test_a_kill_flattens_everything_and_proves_it_at_the_broker(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=("SPY", "QQQ", "IWM")) as here:
        await here.enter()
        await here.enter(key="QQQ", filled=30)
        await here.enter(key="IWM", filled=0)

        proof = await here.kill_switch.kill(Reach(), flatten=True)

        assert proof.flat, proof
        assert proof.text.startswith("PROVEN FLAT")
        assert here.broker.open() == []
        assert set(here.broker.positions.values()) == {0}
        assert here.broker.log[-1] == "state"


@virtual
async def test_a_refused_cancel_ends_not_proven_and_is_named(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        here.broker.refuse_cancels_of = {Role.ENTRY}

        proof = await here.kill_switch.kill(Reach(), flatten=True)

        assert not proof.flat
        assert proof.text.startswith("NOT FLAT ")
        assert entry.ref in proof.text
        assert any(entry.ref in line for line in proof.lines)


@virtual
async def test_an_entry_that_no_one_cancels_is_given_up_after_its_time(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        here.broker.deaf_to_cancels_of = {Role.ENTRY}
        began_s = now_s()

        left = await here.kill_switch.cancel_risk(Reach())

        assert left == (entry.ref,)
        assert 10 <= now_s() - began_s < 14


@virtual
async def test_a_late_fill_within_the_watch_is_closed(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        killing = asyncio.ensure_future(here.kill_switch.kill(Reach(), flatten=True))
        await pass_time(5)
        late = here.broker.held(entry.ref)
        assert late.status == "Cancelled"

        here.broker.fill(entry.ref, 100)  # its cancel and its fill crossed
        proof = await killing

        assert proof.flat, proof
        assert here.broker.positions["SPY"] == 0
        assert any("closed by" in line for line in proof.lines)


@virtual
async def test_a_fill_that_reopens_what_was_slow_to_close_is_closed_too(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=40)
        here.broker.unfilled = {Role.ENTRY, Role.FLATTEN}
        killing = asyncio.ensure_future(here.kill_switch.kill(Reach(), flatten=True))
        await pass_time(6)  # the exit was sent and did not fill in time
        here.broker.fill(here.last(Role.FLATTEN).intent.ref, 40)
        await pass_time(1)
        here.broker.unfilled = {Role.ENTRY}

        here.broker.fill(entry.ref, 60)
        proof = await killing

        assert proof.flat, proof
        assert here.broker.positions["SPY"] == 0


@virtual
async def test_a_position_that_only_the_broker_knows_of_is_not_proven_flat(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        killing = asyncio.ensure_future(here.kill_switch.kill(Reach(), flatten=True))
        await pass_time(1)
        con_id = here.spy.con_id
        here.broker.foreign_positions = [
            BrokerPosition("DU1", con_id, "SPY", Decimal(100), 100.0, "SPY", "STK")
        ]

        proof = await killing

        assert not proof.flat
        assert "SPY: 100 left" in proof.text


@virtual
async def test_an_order_of_ours_that_the_books_lost_is_named_and_a_foreign_one_is_spared(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        await here.enter(filled=0)
        lost = here.broker.listed(here.broker.open()[0])
        ours = lost._replace(claim=lost.claim._replace(order_ref="ck-older", perm_id=77))
        foreign = ours._replace(claim=ours.claim._replace(perm_id=88), is_ours=False)
        here.broker.foreign_orders = [ours, foreign]

        proof = await here.kill_switch.kill(Reach(), flatten=True)

        assert not proof.flat
        assert "permId 77" in proof.text
        assert "permId 88" not in proof.text


@virtual
async def test_without_an_answer_nothing_is_proven(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.state_error = "completed orders: no answer within 10 s"

        proof = await here.kill_switch.kill(Reach(), flatten=True)

        assert not proof.flat
        assert "no answer within 10 s" in proof.text


@virtual
async def test_a_line_lost_in_the_middle_ends_not_proven(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.lose()

        proof = await here.kill_switch.kill(Reach(), flatten=True)

        assert not proof.flat
        assert here.broker.positions["SPY"] == 100
        assert here.stops_at_broker() == 100
        here.broker.link = here.desk.link = LinkState.UP
        assert (await here.kill_switch.kill(Reach(), flatten=True)).flat


@virtual
async def test_one_position_that_breaks_does_not_keep_the_others_open(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=("SPY", "QQQ")) as here:
        await here.enter()
        await here.enter(key="QQQ")
        here.broker.breaks_with = ValueError("bad size")

        proof = await here.kill_switch.kill(Reach(key="SPY"), flatten=True)
        here.broker.breaks_with = None
        other = await here.kill_switch.kill(Reach(key="QQQ"), flatten=True)

        assert not proof.flat
        assert "bad size" in " ".join(proof.lines)
        assert here.state_of(Role.FLATTEN) == [OrderState.UNKNOWN]
        assert other.flat
        assert here.broker.positions["QQQ"] == 0


@virtual
async def test_a_second_kill_waits_for_the_proof_of_the_first(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()

        first, second = await asyncio.gather(
            here.kill_switch.kill(Reach(), flatten=True), here.kill_switch.kill(Reach(), flatten=True)
        )

        assert first is second
        assert here.broker.log.count("state") == 1


@virtual
async def test_a_kill_that_may_not_flatten_keeps_the_stop_and_cancels_what_adds_risk(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(filled=40)

        proof = await here.kill_switch.kill(Reach(), flatten=False)

        assert proof.flat
        assert proof.text.startswith("NOT FLATTENED")
        assert here.broker.open(Role.ENTRY) == []
        assert here.stops_at_broker() >= here.broker.positions["SPY"] == 40


@virtual
async def test_a_kill_that_may_not_flatten_names_a_cancel_it_could_not_prove(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        here.broker.deaf_to_cancels_of = {Role.ENTRY}

        proof = await here.kill_switch.kill(Reach(), flatten=False)

        assert not proof.flat
        assert entry.ref in proof.text


@virtual
async def test_a_kill_of_one_strategy_spares_the_positions_of_another(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=("SPY", "QQQ")) as here:
        await here.enter()

        proof = await here.kill_switch.kill(Reach(strategy="other"), flatten=True)

        assert proof.flat
        assert here.broker.positions["SPY"] == 100
        assert here.stops_at_broker() == 100
