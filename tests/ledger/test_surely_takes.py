"""What the ledger says it will take it takes: only then may the disk have an entry before it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import OrderIntent, Role, Side
from engine.domain.plan import Plan
from engine.ledger.events import Registered
from engine.ledger.ledger import Ledger
from tests.ledger.building import T0, executed, fill, intent

ODD = st.sampled_from((None, 0.0, 99.5, 100, -1.0, math.nan, math.inf, "100"))
PLANS = st.builds(Plan, pivot=ODD, target1=ODD, target2=ODD)
TIMES = st.sampled_from((T0, T0.astimezone(timezone(timedelta(hours=2))), T0.replace(tzinfo=None)))
ENTRIES = st.builds(
    replace,
    st.just(intent("in")),
    limit_price=ODD,
    stop_price=ODD,
    quantity=st.sampled_from((1, 100, 0, -5, 2.5)),
    key=st.sampled_from(("SPY", "QQQ", "", " ")),
    plan=PLANS,
)
STOPS = st.builds(
    replace,
    st.just(intent("out", role=Role.STOP, side=Side.SELL, parent_ref="in")),
    stop_price=ODD,
)


def _ledger(*, held: bool) -> Ledger:
    ledger = Ledger()
    if held:
        ledger.apply(executed(fill("e1", 100, "100", key="QQQ")))
    return ledger


@given(ENTRIES, STOPS, TIMES, st.booleans())
def test_what_it_surely_takes_raises_nothing(
    entry: OrderIntent, stop: OrderIntent, at: datetime, held: bool
) -> None:
    event, ledger = Registered((entry, stop), at), _ledger(held=held)

    if ledger.surely_takes(event):
        ledger.apply(event)
        assert [o.intent for o in ledger.orders.all()] == [entry, stop]


def test_an_ordinary_bracket_is_surely_taken_and_one_beside_a_position_has_to_be_tried() -> None:
    stop = intent("out", role=Role.STOP, side=Side.SELL, parent_ref="in", stop_price=99.0)

    assert _ledger(held=True).surely_takes(Registered((intent("in"), stop), T0))
    assert not _ledger(held=True).surely_takes(Registered((intent("in", key="QQQ"), stop), T0))


@pytest.mark.parametrize("price", [math.nan, math.inf, -math.inf])
def test_a_price_that_is_no_number_is_never_surely_taken(price: float) -> None:
    stop = intent("out", role=Role.STOP, side=Side.SELL, parent_ref="in", stop_price=price)

    assert not Ledger().surely_takes(Registered((intent("in"), stop), T0))
