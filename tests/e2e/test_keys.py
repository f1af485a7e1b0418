"""Keys pressed on the screen, obeyed at the gateway: over the direct link and over the socket."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.api import BrakeKind
from tests.e2e.live import ONE_STOCK
from tests.e2e.screen import Cockpit, Link, cockpit

pytestmark = pytest.mark.slow

both_links = pytest.mark.parametrize("link", ["direct", "socket"])
TWO = {"script": {**ONE_STOCK, "symbols": ["SPY", "QQQ"]}}


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path: a socket's may have only 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="ck-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


async def _held(here: Cockpit) -> set[str]:
    return {p.key for p in (await here.at_broker()).positions if p.quantity}


@both_links
@pytest.mark.req("CARD-PAUSE", "CARD-KEYS")
async def test_p_keeps_the_next_entry_out_and_resume_lets_trading_go_on(place: Path, link: Link) -> None:
    script = {**ONE_STOCK, "params": {"enter_at": 4}}
    async with cockpit(place, link=link, strategies={"script": script}) as here:
        await here.press("p")
        await here.until(lambda s: s.brakes, why="no brake")
        await here.until(lambda s: any(w.code == "paused" for w in s.why_not), why="no refusal shown")
        assert here.snapshot.brakes[0].kind is BrakeKind.PAUSE
        assert (await here.at_broker()).open_orders == ()

        await here.press("p")
        await here.type("back")
        await here.press("enter")
        await here.until(lambda s: not s.brakes, why="the pause was not lifted")


@both_links
@pytest.mark.req("CARD-KEYS")
async def test_f_closes_the_position_under_the_cursor_at_the_broker(place: Path, link: Link) -> None:
    async with cockpit(place, link=link, strategies=TWO) as here:
        await here.in_position("SPY")
        await here.in_position("QQQ")

        await here.press("g", "f", "y")
        await here.until(lambda s: len(s.positions) == 1, why="nothing was closed")

        assert await _held(here) == {here.snapshot.positions[0].symbol}
        stops = (await here.at_broker()).open_orders
        assert [o.key for o in stops] == [here.snapshot.positions[0].symbol]


@pytest.mark.req("CARD-KEYS")
async def test_capital_f_closes_everything(place: Path) -> None:
    async with cockpit(place, link="direct", strategies=TWO) as here:
        await here.in_position("SPY")
        await here.in_position("QQQ")

        await here.press("F", "y")
        await here.until(lambda s: not s.positions, why="not flat")

        assert await _held(here) == set()
        assert (await here.at_broker()).open_orders == ()


@both_links
@pytest.mark.req("CARD-KILL")
async def test_kill_halts_at_once_and_flattens_after_the_word(place: Path, link: Link) -> None:
    async with cockpit(place, link=link) as here:
        await here.in_position("SPY")

        await here.press("K")
        await here.until(lambda s: any(b.kind is BrakeKind.HALT for b in s.brakes), why="no halt")
        assert await _held(here) == {"SPY"}, "the word has not been given yet"

        await here.type("FLATTEN")
        await here.press("enter")
        await here.until(lambda s: any("PROVEN FLAT" in b.proof for b in s.brakes), why="no proof")

        assert await _held(here) == set()
        assert (await here.at_broker()).open_orders == ()


@pytest.mark.req("CARD-KEYS")
async def test_x_on_the_stop_cancels_it_and_the_engine_covers_the_position_again(place: Path) -> None:
    async with cockpit(place, link="direct") as here:
        await here.in_position("SPY")
        before = [o.claim.order_ref for o in (await here.at_broker()).open_orders]

        await here.press("tab", "g", "x", "y")
        await here.until(
            lambda s: {o.order_ref for o in s.orders if o.status == "working"}.isdisjoint(before),
            why="the stop was not cancelled",
        )
        await here.in_position("SPY")

        after = [o.claim.order_ref for o in (await here.at_broker()).open_orders]
        assert len(after) == 1
        assert after != before


@both_links
@pytest.mark.req("CARD-RISK")
async def test_the_risk_keys_change_what_the_next_entry_may_risk(place: Path, link: Link) -> None:
    async with cockpit(place, link=link) as here:
        await here.press("minus")
        await here.until(
            lambda s: any(v.key == "risk.risk_per_trade_pct" and v.overridden for v in s.runtime),
            why="risk per trade did not change",
        )

        shown = {v.key: v.value for v in here.snapshot.runtime}
        assert shown["risk.risk_per_trade_pct"] < 0.5
