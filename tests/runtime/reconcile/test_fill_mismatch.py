"""Fills that are not what was asked for or told: the books follow the broker, the stop follows the books."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from engine.broker.port import BrokerPosition
from tests.execution.recovering import recovering
from tests.execution.rig import Rig
from tests.runtime.kept import kept
from tests.virtual_time import pass_time, virtual

pytestmark = pytest.mark.req("FUT-EDGE-8")


def _listed(here: Rig) -> BrokerPosition:
    """The position event in which the broker says what it holds."""
    held = Decimal(here.broker.positions["SPY"])
    return BrokerPosition("DU1", here.spy.con_id, "SPY", held, 100.0, "SPY", "STK")


@virtual
async def test_more_than_was_asked_for_is_held_at_once_and_its_stop_grows_with_it(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        entry = await it.here.enter(10, filled=0)
        order = it.here.broker.held(entry.ref)
        order.intent = replace(order.intent, quantity=13)
        it.here.broker.fill(entry.ref, 13)
        await pass_time(1)
        assert it.here.books.quantity("SPY") == it.here.broker.positions["SPY"] == 13

        await pass_time(2)

        assert it.here.stops_at_broker() == 13


@virtual
async def test_fills_that_nobody_told_are_booked_within_a_second_and_the_stop_is_corrected(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as it:
        entry = await it.here.enter(10, filled=0)
        recovery = recovering(it.here)
        assert await recovery.account.compare()
        it.here.spawn("reconciler", recovery.reconciler.run)
        heard, it.here.broker.emit = it.here.broker.emit, lambda _: None
        it.here.broker.fill(entry.ref, 7)
        it.here.broker.end(entry.ref)
        it.here.broker.emit = heard

        recovery.reconciler.on_position(_listed(it.here))
        await pass_time(1)
        assert it.here.books.quantity("SPY") == it.here.broker.positions["SPY"] == 7

        await pass_time(2)

        assert it.here.stops_at_broker() == 7
