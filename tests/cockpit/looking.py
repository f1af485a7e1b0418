"""Markets to look at: one that trades with all there is, and those that lack something."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

from engine.api import SetupView, Snapshot, StrategyView
from engine.api_market import BarPoint, BookLevel, MarketView, TapePrint
from engine.api_selection import LinesRow, RegimeRow, SelectionView, UniverseRow
from tests.cockpit.scripted import DISCONNECTED, EMPTY, HALTED, NORMAL, NOW

_END = NOW.timestamp() - 7


def _price(x: int) -> float:
    return 446.2 + 1.4 * math.sin(x / 19) + 0.5 * math.sin(x / 4.1)


def bars(count: int = 160, *, seconds: int = 20) -> tuple[BarPoint, ...]:
    """A market that goes up and down."""
    made = []
    for x in range(count):
        first, last = _price(x), _price(x + 1)
        wick = 0.08 + 0.06 * (x % 5)
        end = _END - (count - 1 - x) * seconds
        low, high = min(first, last) - wick, max(first, last) + wick
        made.append(BarPoint(end, first, round(high, 2), round(low, 2), last, 100 + x))
    return tuple(made)


def _levels(best: float, step: float) -> tuple[BookLevel, ...]:
    sizes = (300, 700, 200, 1200, 900, 400, 1500, 800, 600, 2100)
    return tuple(BookLevel(round(best + step * n, 2), size) for n, size in enumerate(sizes))


def _prints() -> tuple[TapePrint, ...]:
    at = NOW.timestamp()
    sides = (1, 1, -1, 0, 1, -1, -1, 1)
    return tuple(
        TapePrint(at - 2 - 3 * n, 447.9 + 0.01 * sides[n % 8], 100 + 50 * (n % 7), sides[n % 8])
        for n in range(45)
    )


TSLA = MarketView(
    symbol="TSLA",
    decimals=2,
    bar_s=20,
    tick=0.01,
    bid=447.89,
    ask=447.91,
    bid_size=300,
    ask_size=300,
    last=447.90,
    last_size=100,
    quote_age_s=0.2,
    bids=_levels(447.89, -0.01),
    asks=_levels(447.91, 0.01),
    book_age_s=0.1,
    prints=_prints(),
    bars=bars(),
    targets=(448.9,),
)
SELECTED = SelectionView(
    universe=(
        UniverseRow("SPY", 1, "index", 41.5e9, 0.2),
        UniverseRow("TSLA", 1, "auto", 21.5e9, 0.5),
        UniverseRow("NVDA", 1, "chips", 32.1e9, 0.3),
        UniverseRow(
            "TINY", 0, "", 399_700.0, 12.3, "min_volume", "399,700 USD traded in 24 h, tier 3 asks 500,000"
        ),
    ),
    regime=RegimeRow("bull", 1.0, "bull", text="bull, trend 2.4; factor 1"),
    lines=LinesRow(100, 20),
)
LEVELS = SetupView(
    "TSLA", "pivots", 449.2, 444.1, 80.0, 0.3, 0.8, "armed", "armed", 0, 0, 2, "way", "0.3 % under", "scan"
)
LOOKING = replace(NORMAL, selection=SELECTED, setups=(LEVELS,), markets=(TSLA,))
TOUCH_ONLY = replace(
    TSLA,
    bids=(),
    asks=(),
    book_age_s=None,
    book_text="no depth line is free: 3 of 3 are used",
    prints=(),
    tape_text="3 tapes are read already",
)
STALE = replace(TSLA, quote_age_s=42.0, book_age_s=41.0)
UNSEEN = MarketView(
    "TSLA",
    2,
    20,
    data_text="no data line: its prices are not followed",
    book_text="no data line",
    tape_text="no data line",
)

MARKETS: dict[str, Snapshot] = {
    "normal": LOOKING,
    "empty": EMPTY,
    "touch": replace(LOOKING, markets=(TOUCH_ONLY,)),
    "stale": replace(LOOKING, markets=(STALE,)),
    "unseen": replace(LOOKING, markets=(UNSEEN,)),
    "halted": replace(HALTED, selection=SELECTED, markets=(TSLA,)),
    "disconnected": replace(DISCONNECTED, selection=SELECTED, markets=(replace(STALE, quote_age_s=95.0),)),
    "silent": replace(LOOKING, as_of=NOW - timedelta(seconds=12)),
    "waiting": replace(LOOKING, markets=()),
}

THIN = "399,700 USD traded in 24 h, tier 3 asks 500,000"
JUDGED = replace(
    NORMAL,
    positions=(),
    orders=(),
    fills=(),
    selection=SelectionView(
        universe=(
            UniverseRow("SPY", 1, "index", 41.5e9, 0.2),
            UniverseRow("ESZ6", 1, "index", 562e9, 0.5),
            UniverseRow("XYZ", 2, "", 7.2e6, None),
            UniverseRow("TINY", 0, "[b]x\x1b[31m", 399_700.0, 12.3, "min_volume", THIN),
        ),
        regime=RegimeRow("bear", 0.6, "bear", text="bear, trend -2.4, volatility above 71%; factor 0.6"),
        lines=LinesRow(4, 4, ("TINY", "OLD")),
    ),
    strategies=(StrategyView("index", "ma_crossover", ("SPY", "TINY"), "1m", "live"),),
)
