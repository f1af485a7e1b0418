"""Too many messages, the same entry twice, a strategy that fills too often, and what must not be traded."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Order, OrderState, Role, Side
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.pace import Pace, RecentOrders
from engine.risk.refusal import Refusal
from engine.risk.selection import Objection, ProductStatus, Selection
from tests.builders import LIMITS, TEN, order, proposal, quote, world


def _made(
    age_s: float, key: str = "SPY", role: Role = Role.ENTRY, filled: int = 0, **changes: object
) -> Order:
    return order(key, role, filled=filled, created_at=TEN - timedelta(seconds=age_s), **changes)


def _pace(recent: RecentOrders, at_s: float = 0.0) -> Pace:
    now = TEN + timedelta(seconds=at_s)
    return recent.pace(now, strategy="ma", key="SPY", side=Side.BUY, limits=LIMITS)


def test_every_role_counts_for_a_minute_and_only_own_filled_entries_as_repeats() -> None:
    recent = RecentOrders(
        (
            _made(60.0, filled=100),
            _made(59.9, "AMD", filled=100),
            _made(7.0, filled=10, strategy="other"),
            _made(6.0),
            _made(5.0, filled=10),
            _made(1.0, role=Role.STOP),
        )
    )

    assert _pace(recent) == Pace(5, 2, TEN - timedelta(seconds=5))


def test_an_order_is_counted_once_however_often_it_changes() -> None:
    recent, made = RecentOrders(), _made(5.0, state=OrderState.PENDING)

    for changed in (made, made, replace(made, state=OrderState.WORKING), replace(made, filled=10)):
        recent.note(changed)

    assert _pace(recent) == Pace(1, 1, TEN - timedelta(seconds=5))
    assert _pace(recent, 54.9).orders_last_minute == 1
    assert _pace(recent, 55.0) == Pace(0, 0, TEN - timedelta(seconds=5))


@given(
    st.lists(st.tuples(st.floats(0.0, 30.0), st.sampled_from("AB"), st.sampled_from(Role), st.booleans())),
    st.floats(0.0, 200.0),
)
def test_what_is_kept_up_order_by_order_is_what_counting_all_of_them_gives(
    steps: list[tuple[float, str, Role, bool]], later_s: float
) -> None:
    recent, made, at_s = RecentOrders(), [], 0.0
    for number, (pause_s, key, role, fills) in enumerate(steps):
        at_s += pause_s
        filled = 10 if fills and role is Role.ENTRY else 0
        made.append(_made(-at_s, key, role, filled, ref=f"o{number}", state=OrderState.PENDING))
        recent.note(made[-1])
        recent.pace(TEN + timedelta(seconds=at_s), strategy="ma", key=key, side=Side.BUY, limits=LIMITS)

    now = TEN + timedelta(seconds=at_s + later_s)
    young = [o for o in made if (now - o.intent.created_at).total_seconds() < 60.0]
    entries = [o.intent for o in made if (o.intent.key, o.intent.role) == ("A", Role.ENTRY)]

    assert recent.pace(now, strategy="ma", key="A", side=Side.BUY, limits=LIMITS) == Pace(
        len(young), sum(o.filled > 0 for o in young), entries[-1].created_at if entries else None
    )


@pytest.mark.parametrize(
    ("pace", "reason"),
    [
        (Pace(orders_last_minute=60), Reason.MESSAGE_RATE),
        (Pace(strategy_fills=6), Reason.REPEATED_EXECUTION),
        (Pace(same_entry_at=TEN - timedelta(seconds=1.999)), Reason.DUPLICATE_ENTRY),
    ],
)
def test_each_pace_refuses_with_its_own_code(pace: Pace, reason: Reason) -> None:
    refusal = check_entry(proposal(signal_id=""), world(pace=pace), LIMITS)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason
    assert refusal.limit is not None
    assert refusal.value is not None


def test_at_the_edge_of_each_pace_an_entry_still_passes() -> None:
    edge = Pace(59, 5, TEN - timedelta(seconds=2))

    assert isinstance(check_entry(proposal(signal_id=""), world(pace=edge), LIMITS), EntryTicket)
    again = Pace(same_entry_at=TEN)
    assert isinstance(check_entry(proposal(), world(pace=again), LIMITS), EntryTicket), "a new signal"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"selection": Selection(regime_multiplier=0.0)}, Reason.REGIME),
        ({"selection": Selection(regime_multiplier=float("nan"))}, Reason.NOT_FINITE),
        *(
            ({"selection": Selection(status=status)}, Reason.PRODUCT_HALTED)
            for status in ProductStatus
            if status is not ProductStatus.TRADING
        ),
        ({"selection": Selection(outlier=Objection("jumped 9 sigma", 6.0, 9.0))}, Reason.OUTLIER),
        ({"selection": Selection(stale=Objection("last bar is 95 s old", 90.0, 95.0))}, Reason.STALE_DATA),
        ({"quote": quote(bid=99.0, ask=100.0)}, Reason.SPREAD),
    ],
)
def test_each_input_of_universe_and_market_refuses_with_its_own_code(
    changes: dict[str, object], reason: Reason
) -> None:
    refusal = check_entry(proposal(), world(**changes), LIMITS)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason


def test_the_restricted_list_and_a_low_conviction_refuse() -> None:
    listed = check_entry(proposal(), world(), replace(LIMITS, restricted=frozenset({"SPY"})))
    unsure = check_entry(proposal(conviction=0.49), world(), replace(LIMITS, min_conviction=0.5))

    assert isinstance(listed, Refusal)
    assert listed.reason is Reason.RESTRICTED
    assert isinstance(unsure, Refusal)
    assert unsure.reason is Reason.LOW_CONVICTION


def test_a_regime_scales_the_risk_of_a_trade_and_never_above_its_cap() -> None:
    limits = replace(LIMITS, risk_per_trade_pct=0.02)

    def size(factor: float) -> int:
        ticket = check_entry(proposal(), world(selection=Selection(regime_multiplier=factor)), limits)
        assert isinstance(ticket, EntryTicket)
        return ticket.quantity

    whole = size(1.0)
    assert size(0.6) == pytest.approx(whole * 0.6, abs=3)
    assert size(5.0) == pytest.approx(whole * 1.2, abs=3), "the hard cap of a regime"


def test_one_step_of_the_price_is_never_too_wide() -> None:
    penny = world(quote=quote(bid=2.00, ask=2.01))

    assert isinstance(check_entry(proposal(stop_price=1.9), penny, LIMITS), EntryTicket)
