"""The market screen on a real engine and gateway, over the socket: a book of ten levels and a tape come."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cockpit.screens.market import MarketScreen
from cockpit.spans import text_of
from cockpit.widgets.lines_view import LinesView
from engine.api import Snapshot
from engine.api_market import MarketView
from tests.e2e.screen import Cockpit, cockpit
from tests.waiting import eventually_async

pytestmark = pytest.mark.slow


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path: a socket's may have only 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="ck-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def view(snapshot: Snapshot) -> MarketView | None:
    """What is looked at."""
    return next(iter(snapshot.markets), None)


def is_whole(snapshot: Snapshot) -> bool:
    """Ten levels a side, trades and bars."""
    one = view(snapshot)
    return one is not None and len(one.bids) == len(one.asks) == 10 and bool(one.prints and one.bars)


async def shows(here: Cockpit, *words: str) -> None:
    """Everything is in the snapshot, and on the screen."""
    await here.until(is_whole, why="no book, tape or bars came")
    chart = here.pilot.app.screen.query_one("#chart", LinesView)
    await eventually_async(
        lambda: all(word in "\n".join(map(text_of, chart.lines)) for word in words), why="not on the chart"
    )


@pytest.mark.req("CARD-SNAPSHOT")
async def test_a_market_is_looked_at_with_its_book_tape_and_our_stop_and_let_go_again(place: Path) -> None:
    async with cockpit(place, link="socket") as here:
        await here.in_position("SPY")
        assert here.snapshot.markets == ()
        await here.press("4")
        await here.shows(MarketScreen)
        await shows(here, "avg", "stop")

        one = view(here.snapshot)
        assert one is not None
        assert (one.symbol, one.book_text, one.tape_text) == ("SPY", "", "")
        prices = [level.price for level in (*reversed(one.asks), *one.bids)]
        assert prices == sorted(prices, reverse=True)

        await here.press("escape")
        await here.until(lambda s: not s.markets, why="it was not let go")
