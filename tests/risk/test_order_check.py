"""The last look at an order: whole units, on the grid, worth its fees, and of one mind with the gate."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.fees import FeeSchedule
from engine.domain.instrument import SecType
from engine.domain.order import OrderIntent, OrderType, Role, Side, Tif
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.order_check import OrderRules, check_order
from engine.risk.refusal import Refusal
from tests.builders import LIMITS, TEN, future, intent, proposal, quote, stock, world

RULES = OrderRules(FeeSchedule(), min_order_value_usd=100.0)
FREE = OrderRules(FeeSchedule(), min_order_value_usd=0.0)


def reason_of(result: EntryTicket | Refusal | None) -> Reason | None:
    return result.reason if isinstance(result, Refusal) else None


@pytest.mark.req("PLAN-M4-LIFECYCLE")
def test_orders_are_for_the_day_unless_somebody_says_otherwise() -> None:
    made = OrderIntent("r", "ma", "SPY", 1, Role.ENTRY, Side.BUY, 1, OrderType.LIMIT, TEN)

    assert made.tif is Tif.DAY


@pytest.mark.req("PLAN-M4-LIFECYCLE")
@pytest.mark.parametrize(
    ("side", "stop", "expected_limit", "expected_stop"),
    [(Side.BUY, 4500.13, 4510.5, 4500.0), (Side.SELL, 4520.13, 4509.5, 4520.25)],
)
def test_a_proposal_is_rounded_to_the_safe_side(
    side: Side, stop: float, expected_limit: float, expected_stop: float
) -> None:
    # The touch lies between two steps, as a quote in other steps than ours may.
    es = world(instrument=future(), quote=quote("ESZ6", 4510.0 - 0.1, 4510.0 + 0.1), margin_usd=20_000.0)

    ticket = check_entry(proposal("ESZ6", side, stop_price=stop), es, LIMITS)

    assert isinstance(ticket, EntryTicket)
    assert (ticket.limit_price, ticket.stop_price) == (expected_limit, expected_stop)


@pytest.mark.req("PLAN-M4-LIFECYCLE")
@pytest.mark.parametrize("changes", [{"limit_price": 4500.13}, {"limit_price": None, "stop_price": 4500.13}])
def test_an_order_between_two_price_steps_is_refused(changes: dict[str, float | None]) -> None:
    refusal = check_order(intent("ESZ6", **changes), future(), RULES)

    assert refusal is not None
    assert (refusal.reason, refusal.value, refusal.limit) == (Reason.MIN_INCREMENT, 4500.13, 4500.25)


@pytest.mark.req("PLAN-M4-LIFECYCLE")
@pytest.mark.parametrize("role", Role)
def test_an_order_for_nothing_is_refused_whatever_it_is_for(role: Role) -> None:
    assert reason_of(check_order(intent(role=role, quantity=0), stock(), RULES)) is Reason.SIZE_ZERO


def test_a_price_that_is_no_number_is_refused() -> None:
    assert reason_of(check_order(intent(limit_price=math.nan), stock(), RULES)) is Reason.NOT_FINITE


def test_what_reduces_risk_need_not_be_worth_its_fee() -> None:
    small = intent(role=Role.STOP, quantity=1, stop_price=1.0)

    assert check_order(small, stock(), RULES) is None
    assert (
        reason_of(check_order(intent(quantity=1, limit_price=1.0), stock(), RULES)) is Reason.MIN_ORDER_VALUE
    )


@pytest.mark.req("REQ-X3")
def test_what_an_entry_is_worth_is_reckoned_after_its_fee() -> None:
    below = check_order(intent(quantity=1, limit_price=100.99), stock(), RULES)

    assert reason_of(below) is Reason.MIN_ORDER_VALUE
    assert check_order(intent(quantity=1, limit_price=101.0), stock(), RULES) is None


@given(st.floats(0.01, 5000), st.integers(1, 5000))
def test_every_price_the_grid_allows_passes(price: float, quantity: int) -> None:
    on_grid = math.floor(price * 100) / 100

    assert check_order(intent(quantity=quantity, limit_price=on_grid), stock(), FREE) is None


@pytest.mark.req("REQ-X3")
@pytest.mark.parametrize(
    ("sec_type", "quantity", "value", "fee"),
    [
        (SecType.STOCK, 100, 10_000.0, 1.0),
        (SecType.STOCK, 1000, 10_000.0, 5.0),
        (SecType.STOCK, 1, 20.0, 0.2),
        (SecType.FUTURE, 3, 870_000.0, 6.75),
    ],
)
def test_fees_by_hand(sec_type: SecType, quantity: int, value: float, fee: float) -> None:
    assert FeeSchedule().order_fee_usd(sec_type, quantity=quantity, value_usd=value) == pytest.approx(fee)


@pytest.mark.req("REQ-X3")
def test_gate_and_last_look_agree_on_10_000_orders_around_the_minimum() -> None:
    draw = random.Random(20261120)
    refused = 0
    for _ in range(10_000):
        bid = round(draw.uniform(2.0, 120.0), 2)
        cap = draw.uniform(90.0, 112.0)
        here = world(quote=quote(bid=bid, ask=round(bid + 0.01, 2)))
        wish = proposal(stop_price=bid * 0.9)
        limits = replace(LIMITS, symbol_notional_cap_usd=max(cap, bid + 1.0), order_rules=RULES)

        unchecked = check_entry(wish, here, replace(limits, order_rules=FREE))
        at_gate = check_entry(wish, here, limits)
        assert isinstance(unchecked, EntryTicket)
        entry = intent(quantity=unchecked.quantity, limit_price=unchecked.limit_price)
        at_last = check_order(entry, stock(), RULES)

        assert reason_of(at_gate) == reason_of(at_last)
        refused += at_last is not None
    assert 1_000 < refused < 9_000, "both sides of the minimum were seen"


@pytest.mark.req("REQ-X3")
@given(
    bid=st.floats(1.0, 900.0),
    distance=st.floats(0.001, 0.3),
    risk_pct=st.floats(0.001, 1.0),
    is_future=st.booleans(),
)
def test_the_loss_at_the_stop_with_both_fees_stays_within_the_risk_of_a_trade(
    bid: float, distance: float, risk_pct: float, is_future: bool
) -> None:
    price = round(bid * 4) / 4
    here = world(
        instrument=future() if is_future else stock("ESZ6"),
        quote=quote("ESZ6", price, price + 0.25),
        margin_usd=500.0,
    )
    wish = proposal("ESZ6", stop_price=price * (1 - distance))

    ticket = check_entry(wish, here, replace(LIMITS, risk_per_trade_pct=risk_pct))

    if isinstance(ticket, EntryTicket):
        assert ticket.risk_usd <= 1_000_000.0 * risk_pct / 100 + 1e-6
        assert ticket.fees_usd > 0
