"""A person moves a protective stop in TWS, over the real wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.api import Snapshot
from tests.e2e.live import live
from tests.storm.wire import WirePlace
from tests.waiting import eventually_async

pytestmark = pytest.mark.slow


def _covered(shown: Snapshot) -> bool:
    return bool(shown.positions) and shown.positions[0].protected_quantity == abs(shown.positions[0].quantity)


async def _stops(place: WirePlace) -> list[Any]:
    report = await place.drill({"do": "report"})
    return [o["stop"] for o in report["orders"] if o["type"] == "STP" and o["remaining"]]


@pytest.mark.req("REQ-POS-005")
async def test_nearer_to_the_market_it_stays_and_further_away_it_comes_back(tmp_path: Path) -> None:
    async with live(tmp_path) as here:
        place = WirePlace(here)
        meant = (await here.until(_covered, why="no covered position")).positions[0].stop_price
        assert meant is not None
        nearer, further = round(meant + 2.0, 2), round(meant - 5.0, 2)

        assert (await place.drill({"do": "external_change", "ref": "-stop", "stop": nearer}))["ok"]
        await here.until(lambda s: s.positions[0].stop_price == nearer, why="it was not taken over")
        assert await _stops(place) == [nearer]

        assert (await place.drill({"do": "external_change", "ref": "-stop", "stop": further}))["ok"]
        await here.until(
            lambda s: any("further away than meant" in e.text for e in s.events), why="nobody was told"
        )

        async def is_back() -> bool:
            return await _stops(place) == [nearer]

        await eventually_async(is_back, within_s=10, why="it was not put back")
        await here.until(lambda s: s.positions[0].stop_price == nearer and _covered(s), why="not as meant")
