"""The gate of a drill lets one unit through, far below the market, and nothing else."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.drill import FAR_PCT, drill_ticket
from engine.risk.refusal import Refusal
from tests.builders import quote, stock


@given(
    bid=st.floats(0.02, 5000.0), unit_usd=st.floats(0.0, 1e6) | st.just(math.nan), most=st.floats(1.0, 1e6)
)
def test_a_test_order_is_one_unit_far_below_the_bid_and_never_larger_than_allowed(
    bid: float, unit_usd: float, most: float
) -> None:
    found = drill_ticket(stock(), quote(bid=bid, ask=bid + 0.02), unit_usd=unit_usd, max_value_usd=most)

    if isinstance(found, EntryTicket):
        assert found.quantity == 1
        assert 0 < found.limit_price <= bid * (1 - FAR_PCT / 100) + 1e-9
        assert unit_usd <= most
    else:
        assert found.reason in (Reason.NOT_FINITE, Reason.ORDER_VALUE)


def test_without_a_bid_there_is_nothing_to_stay_away_from() -> None:
    for seen in (None, quote(bid=math.nan), quote(bid=0.0)):
        found = drill_ticket(stock(), seen, unit_usd=1.0, max_value_usd=1000.0)
        assert isinstance(found, Refusal)
        assert found.reason is Reason.NO_QUOTE
