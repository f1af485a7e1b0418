"""A stop that somebody moved at the broker: kept where it risks less, put back where it risks more."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import Level
from engine.domain.order import Role
from engine.ledger.events import StopMoved
from tests.runtime.kept import Kept, kept
from tests.virtual_time import pass_time, virtual


def _stops(it: Kept) -> list[float | None]:
    return [held.intent.stop_price for held in it.here.broker.open(Role.STOP)]


def _told(it: Kept) -> list[str]:
    return [e.text for e in it.here.desk.notices.events if e.level is Level.WARNING and "its stop" in e.text]


@virtual
@pytest.mark.req("REQ-POS-005")
async def test_a_stop_moved_nearer_to_the_market_is_meant_there_from_then_on(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.move(it.here.last(Role.STOP).intent.ref, 99.6)
        await pass_time(5)

        assert _stops(it) == [99.6]
        (position,) = it.here.books.positions()
        assert position.stop_price == 99.6
        (told,) = _told(it)
        assert "moved to 99.6 at the broker" in told
        moves = await it.here.rows("SELECT key, price, why FROM stop_move")
        assert moves == [("SPY", 99.6, "moved_at_broker")]

        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        await pass_time(3)
        assert _stops(it) == [99.6], "it comes back where it was meant last"


@virtual
@pytest.mark.req("REQ-POS-005")
async def test_a_stop_moved_further_away_is_put_back_and_told(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.move(it.here.last(Role.STOP).intent.ref, 97.0)
        await pass_time(3)

        assert _stops(it) == [99.0]
        (told,) = _told(it)
        assert "stands at 97 at the broker, further away than meant" in told


@virtual
async def test_a_change_of_our_own_is_nobody_elses(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        await it.here.books.post(StopMoved("SPY", 99.5, "breakeven", it.here.desk.now()))
        await pass_time(3)

        assert _stops(it) == [99.5]
        assert _told(it) == []
