"""An exit that is lost, late or silent on a real wire: its position keeps a stop and never flips."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.api import CommandKind, Snapshot
from tests.e2e.live import Live, live
from tests.storm.wire import WirePlace
from tests.waiting import eventually_async

pytestmark = pytest.mark.slow

WITHIN_S = 10.0


def _covered(shown: Snapshot) -> bool:
    return bool(shown.positions) and shown.positions[0].protected_quantity == abs(shown.positions[0].quantity)


async def _stops(place: WirePlace) -> list[dict[str, Any]]:
    report = await place.drill({"do": "report"})
    return [o for o in report["orders"] if o["type"] == "STP" and o["remaining"]]


async def _flatten_badly(here: Live, place: WirePlace, fault: dict[str, object]) -> tuple[int, float]:
    """The order that closes a position of ours meets the fault. Returns what was held, and when it began."""
    await here.ready()
    held = (await here.until(_covered, why="no covered position")).positions[0].quantity
    await place.drill({**fault, "ref": "-flatten"})
    began_s = asyncio.get_running_loop().time()
    closing = asyncio.ensure_future(here.command(CommandKind.FLATTEN, target="SPY"))
    await eventually_async(lambda: _none(place), within_s=60, why="its first stop was not cancelled")
    await closing
    return held, began_s


async def _none(place: WirePlace) -> bool:
    return not await _stops(place)


@pytest.mark.req("REQ-POS-005")
@pytest.mark.parametrize("seconds", [13.0, 0.0], ids=["late", "lost"])
async def test_beside_an_exit_that_does_not_arrive_a_stop_stands_and_they_never_both_fill(
    tmp_path: Path, seconds: float
) -> None:
    async with live(tmp_path) as here:
        place, loop = WirePlace(here), asyncio.get_running_loop()
        held, began_s = await _flatten_badly(here, place, {"do": "hold_next", "seconds": seconds})

        async def stands() -> bool:
            return [o["remaining"] for o in await _stops(place)] == [held]

        await eventually_async(stands, within_s=WITHIN_S, why="no stop beside the exit")
        assert loop.time() - began_s < WITHIN_S
        if not seconds:
            return
        await here.until(lambda s: not s.positions, within_s=20, why="the late exit closed nothing")
        await eventually_async(lambda: _none(place), within_s=60, why="the stop outlived the exit's fill")
        report = await place.drill({"do": "report"})
        assert report["positions"] == {}
        assert [row[3] for row in report["executions"] if row[2] == "SELL"] == [held]


@pytest.mark.req("REQ-POS-005")
async def test_an_exit_that_fills_in_silence_lets_no_stop_in_beside_it(tmp_path: Path) -> None:
    async with live(tmp_path) as here:
        place = WirePlace(here)
        await _flatten_badly(here, place, {"do": "silent_next", "seconds": 13.0})
        await here.until(lambda s: not s.positions, within_s=30, why="the fill was never booked")

        report = await place.drill({"do": "report"})
        assert report["positions"] == {}
        assert [o for o in report["orders"] if o["type"] == "STP"] == []
