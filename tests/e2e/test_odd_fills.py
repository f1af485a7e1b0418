"""Fills as brokers send them on bad days, over the real wire: too large, or what they cost comes later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.api import CommandKind, Level, Snapshot
from tests.e2e.live import ONE_STOCK, Live, live
from tests.storm.wire import WirePlace
from tests.waiting import eventually_async

pytestmark = pytest.mark.slow

LATER: dict[str, Any] = {"strategies": {"script": {**ONE_STOCK, "params": {"enter_at": 3}}}}
"""Time to arm a drill before the entry."""


def _covered(shown: Snapshot) -> bool:
    return bool(shown.positions) and shown.positions[0].protected_quantity == abs(shown.positions[0].quantity)


def _charged(place: WirePlace) -> list[str | None]:
    return [row[0] for row in place.rows("SELECT commission FROM fill WHERE replaced_by IS NULL")]


def _fees(place: WirePlace) -> list[float]:
    return [float(row[0]) for row in place.rows("SELECT fees_usd FROM trade")]


async def _enter(here: Live, fault: dict[str, object]) -> tuple[WirePlace, int]:
    """The entry meets the fault; what is held then, covered."""
    place = WirePlace(here)
    await here.ready()
    assert (await place.drill(fault))["ok"]
    shown = await here.until(_covered, why="no covered position")
    return place, shown.positions[0].quantity


@pytest.mark.req("REQ-DATA-003", "RECOVERY-STATE-SESSION")
async def test_a_commission_that_comes_after_its_trade_has_ended_is_charged_to_it(tmp_path: Path) -> None:
    async with live(tmp_path, **LATER) as here:
        place, _ = await _enter(here, {"do": "delay_commissions", "seconds": 600})
        await here.command(CommandKind.FLATTEN, target="SPY")
        await here.until(lambda s: s.pnl.trades == 1, why="no trade")
        assert set(_charged(place)) == {None}, "it is too early for a commission"
        guessed = here.snapshot.pnl.fees_usd
        assert guessed, "what is not charged yet is estimated"

        await place.drill({"do": "delay_commissions", "seconds": 0})
        await eventually_async(lambda: None not in _charged(place), within_s=10, why="never charged")

        cost = float(sum(e.commission_usd for e in place.record().executions))
        await eventually_async(lambda: _fees(place) == [cost], within_s=10, why="not in the trade")
        assert sum(float(c or 0) for c in _charged(place)) == pytest.approx(cost)
        await here.until(lambda s: s.pnl.fees_usd == pytest.approx(cost), why="not in the day's P&L")


@pytest.mark.req("REQ-DATA-003", "RECOVERY-STATE-SESSION")
async def test_a_commission_that_nobody_told_before_a_restart_is_learned_after_it(tmp_path: Path) -> None:
    async with live(tmp_path, **LATER) as here:
        place, held = await _enter(here, {"do": "delay_commissions", "seconds": 600})
        await here.command(CommandKind.STOP, target="keep")
        await here.task
        assert set(_charged(place)) == {None}

    async with live(tmp_path, strategies={"script": {**ONE_STOCK, "params": {"enter_at": 0}}}) as again:
        await again.ready()
        place = WirePlace(again)
        (position,) = again.snapshot.positions
        cost = float(sum(e.commission_usd for e in place.record().executions))
        assert (position.quantity, position.protected_quantity) == (held, held)
        assert sum(float(c or 0) for c in _charged(place)) == pytest.approx(cost) != 0.0
        await again.until(lambda s: s.pnl.fees_usd == pytest.approx(cost), why="the day's fees are not right")


@pytest.mark.req("REQ-POS-005")
async def test_more_filled_than_ordered_is_booked_told_and_protected_whole(tmp_path: Path) -> None:
    async with live(tmp_path, **LATER) as here:
        place, _ = await _enter(here, {"do": "overfill_next", "quantity": 7, "ref": "-entry"})
        truth = place.record().holdings["SPY"]
        await here.until(lambda s: _covered(s) and s.positions[0].quantity == truth, why="not as the broker")

        ((ordered, filled),) = place.rows("SELECT quantity, filled FROM intent WHERE role = 'entry'")
        assert (filled, filled - ordered) == (truth, 7)
        told = [a for a in here.snapshot.alerts if a.code == "overfill"]
        assert [(a.level, a.symbol) for a in told] == [(Level.CRITICAL, "SPY")]
        report = await place.drill({"do": "report"})
        assert [o["remaining"] for o in report["orders"] if o["type"] == "STP"] == [truth]

        done = await here.command(CommandKind.FLATTEN, target="SPY")
        assert done.text
        await here.until(lambda s: not s.positions, why="not flat")
        assert place.record().holdings["SPY"] == 0
