"""What is visible of a market reaches the gate: its book where there is one, and how thick its touch is."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.domain.market import Depth, Level
from engine.domain.order import Side
from engine.domain.reasons import Reason
from engine.market.touch_sizes import LEAST
from engine.risk.liquidity import check_depth
from engine.runtime.running import Running
from engine.runtime.setups.waiting import WhyRows
from tests.builders import future, proposal, quote
from tests.runtime.learning.running import running_of
from tests.runtime.selection.test_universe import code, verdict, watched
from tests.strategy.learned_market import made
from tests.virtual_time import virtual

pytestmark = pytest.mark.req("FUT-EDGE-4")


@virtual
async def test_a_future_whose_touch_thins_out_below_what_it_nearly_always_shows_is_illiquid(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path, BIG=90e6, ESZ6=90e6) as (here, universe):
        here.desk.instruments["ESZ6"] = future()
        for _ in range(LEAST // 2):
            await universe.round()

        assert here.desk.inputs.depth_floors == {"BIG": 0, "ESZ6": 300}, "of stocks it is not asked"
        thin = quote("ESZ6", at=here.desk.now())._replace(ask_size=299)
        here.desk.quotes.on_quote(thin)
        world = here.desk.gate_world(proposal("ESZ6"), allow_short=True)
        refusal = check_depth(Side.BUY, 1, 5000.0, world, here.desk.limits())

        assert refusal is not None
        assert (refusal.reason, refusal.limit, refusal.value) == (Reason.ILLIQUID, 300, 299)


@virtual
async def test_a_book_that_was_emptied_refuses_until_it_is_full_again(tmp_path: Path) -> None:
    async with watched(tmp_path, BIG=90e6) as (here, universe):
        await universe.prepare()
        at = here.desk.now().timestamp()
        bids, asks = (Level(99.99, 900),), (Level(100.01, 900),)

        here.desk.quotes.on_depth(Depth("BIG", (), (), at))
        assert code(verdict(here, proposal("BIG"))) == Reason.ILLIQUID.value

        here.desk.quotes.on_depth(Depth("BIG", bids, asks, at))
        assert code(verdict(here, proposal("BIG"))) == "passed"


@virtual
async def test_a_contract_with_too_little_depth_is_skipped_and_both_screens_say_why(tmp_path: Path) -> None:
    async with watched(tmp_path, ESZ6=90e6) as (here, universe):
        here.desk.instruments["ESZ6"] = future()
        await universe.prepare()
        running = running_of(made("ESZ6"))
        running.keys, running.warm = {"ESZ6"}, {"ESZ6"}
        rows, at = WhyRows(here.desk, failed=_told), here.desk.now().timestamp()

        def said() -> list[tuple[str, str]]:
            universe.look()
            (waits,), (row,) = rows.rows([running]), here.desk.selection.universe
            return [(waits.code, waits.text), (row.code, row.text)]

        assert [one for one, _ in said()] == ["no_signal", ""]
        here.desk.quotes.on_depth(Depth("ESZ6", (Level(99.75, 9),), (), at))
        assert said() == [("illiquid", "ESZ6: its book shows no asks")] * 2

        here.desk.quotes.on_depth(Depth("ESZ6", (Level(99.75, 9),), (Level(100.0, 9),), at))
        for _ in range(LEAST):
            await universe.round()
        here.desk.quotes.on_quote(quote("ESZ6")._replace(bid_size=2, ask_size=3))
        assert said() == [("illiquid", "ESZ6: 3 at the touch, which nearly always shows 300 or more")] * 2
        here.desk.quotes.on_quote(quote("ESZ6"))
        assert [one for one, _ in said()] == ["no_signal", ""]


def _told(running: Running, key: str, error: Exception) -> None:
    raise error
