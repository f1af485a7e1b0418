"""What is there to be bought decides whether anything is: an entry is not larger than the market it meets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import Depth, Level
from engine.domain.order import Side
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.liquidity import check_depth
from engine.risk.refusal import Refusal
from tests.builders import LIMITS as ROOMY
from tests.builders import TEN, future, proposal, quote, stock, world

pytestmark = pytest.mark.req("FUT-EDGE-4")
LIMITS = replace(ROOMY, depth_share_stock=4.0, depth_share_future=1.0)
ASKS = (Level(5000.25, 3), Level(5000.50, 9), Level(5001.0, 50))
BIDS = (Level(5000.0, 2), Level(4999.75, 8))


def _book(*, bids: tuple[Level, ...] = BIDS, asks: tuple[Level, ...] = ASKS, age_s: float = 0.0) -> Depth:
    return Depth("ESZ6", bids, asks, TEN.timestamp() - age_s)


def _es(depth: Depth | None = None, **changes: object) -> object:
    price = quote("ESZ6", 5000.0, 5000.25)._replace(bid_size=2, ask_size=3)
    return world(
        **{"instrument": future(), "quote": price, "depth": depth, "margin_usd": 12_000.0, **changes}
    )


def _judged(
    quantity: int, depth: Depth | None = None, *, side: Side = Side.BUY, limit: float = 5000.5
) -> object:
    return check_depth(side, quantity, limit, _es(depth), LIMITS)  # type: ignore[arg-type]  # a world


@pytest.mark.parametrize(
    ("quantity", "depth", "passes"),
    [
        (3, None, True),
        (4, None, False),
        (12, _book(), True),
        (13, _book(), False),
        (1, _book(asks=()), False),
        (1, _book(bids=()), False),
        (1, _book(bids=(), asks=()), False),
        (1, _book(age_s=4.9), True),
        (1, _book(age_s=5.1), False),
    ],
    ids=[
        "all of the touch",
        "more than the touch",
        "every level up to the limit",
        "and no level beyond it",
        "nobody sells",
        "nobody buys",
        "an empty book",
        "a book that is still fresh",
        "a book that is old",
    ],
)
def test_an_entry_in_a_future_is_no_larger_than_what_it_could_take(
    quantity: int, depth: Depth | None, passes: bool
) -> None:
    refusal = _judged(quantity, depth)

    assert (refusal is None) is passes
    assert refusal is None or refusal.reason is Reason.ILLIQUID  # type: ignore[attr-defined]  # a refusal


def test_a_short_looks_at_the_bids() -> None:
    assert _judged(10, _book(), side=Side.SELL, limit=4999.75) is None
    assert _judged(11, _book(), side=Side.SELL, limit=4999.75) is not None


def test_a_stock_may_take_more_than_is_seen_of_it_as_configured() -> None:
    seen = world(quote=quote()._replace(ask_size=50))
    wish = proposal(stop_price=90.0)

    assert isinstance(check_entry(wish, seen, replace(LIMITS, depth_share_stock=10.0)), EntryTicket)
    refusal = check_entry(wish, seen, replace(LIMITS, depth_share_stock=1.0))

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.ILLIQUID
    assert refusal.limit == 50
    assert "50 visible at the touch; an entry may be 100% of that" in refusal.text


def test_nothing_at_the_touch_is_entered_by_nobody_and_a_person_neither() -> None:
    gone = world(quote=quote()._replace(ask_size=0))

    for wanted in (None, 5):
        refusal = check_entry(proposal(), gone, LIMITS, wanted=wanted)
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.ILLIQUID


def test_a_touch_that_is_thinner_than_its_own_nearly_ever_is_waits() -> None:
    thin = _es(depth_floor=4)

    refusal = check_depth(Side.BUY, 1, 5000.5, thin, LIMITS)  # type: ignore[arg-type]  # a world

    assert refusal is not None
    assert (refusal.reason, refusal.limit, refusal.value) == (Reason.ILLIQUID, 4, 3)
    assert "nearly always shows 4 or more" in refusal.text


def test_where_it_is_not_asked_only_the_own_quantile_counts() -> None:
    off = replace(LIMITS, depth_share_stock=0.0, depth_share_future=0.0)
    empty = _es(_book(asks=(), bids=()))

    assert check_depth(Side.BUY, 50, 5000.5, empty, off) is None  # type: ignore[arg-type]  # a world


@given(
    sizes=st.lists(st.integers(0, 500), min_size=1, max_size=5),
    quantity=st.integers(1, 2000),
    share=st.floats(0.1, 10.0),
)
def test_what_passes_never_exceeds_its_share_of_the_levels_within_its_limit(
    sizes: list[int], quantity: int, share: float
) -> None:
    asks = tuple(Level(100.01 + n * 0.01, size) for n, size in enumerate(sizes))
    book = Depth("SPY", (Level(100.0, 5),), asks, TEN.timestamp())
    seen = world(instrument=stock(), quote=quote(), depth=book)

    refusal = check_depth(Side.BUY, quantity, 100.03, seen, replace(LIMITS, depth_share_stock=share))

    assert (refusal is None) == (quantity <= share * sum(sizes[:3]) + 1e-9)
