"""The gate lets through what is safe, sizes it, and says no with a stable code to everything else."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import OrderState, Role, Side
from engine.domain.plan import Plan
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.brakes import Brake, BrakeLevel, BrakeScope, BrakeSet
from engine.risk.exposure import Holding
from engine.risk.gate import check_entry, clamp_exit
from engine.risk.refusal import Refusal
from tests.builders import LIMITS, TEN, future, order, proposal, quote, stock, world


def _refused(result: EntryTicket | Refusal) -> Reason:
    assert isinstance(result, Refusal), result
    assert result.text
    return result.reason


def _brake(level: BrakeLevel, scope: BrakeScope = BrakeScope.ACCOUNT, name: str = "") -> BrakeSet:
    return BrakeSet((Brake("b1", level, scope, name, "because", "operator", TEN),))


def test_an_ordinary_entry_passes_two_ticks_through_the_touch_with_its_stop_on_the_grid() -> None:
    ticket = check_entry(proposal(stop_price=98.994), world(), LIMITS)

    assert isinstance(ticket, EntryTicket)
    assert ticket.limit_price == 100.03
    assert ticket.stop_price == 98.99
    assert ticket.quantity == 249, "25,000 USD per symbol over 100.03"


def test_size_is_risk_per_trade_over_stop_distance_when_no_cap_is_nearer() -> None:
    ticket = check_entry(proposal(stop_price=60.03), world(), replace(LIMITS, risk_per_trade_pct=0.2))

    assert isinstance(ticket, EntryTicket)
    assert ticket.quantity == 49, "2,000 USD of risk, less 2 USD of fees, over 40 USD a share"
    assert ticket.fees_usd == pytest.approx(2.0)
    assert ticket.risk_usd == pytest.approx(49 * 40.0 + 2.0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"blocked": Reason.NOT_READY, "blocked_text": "still booting"}, Reason.NOT_READY),
        ({"brakes": _brake(BrakeLevel.PAUSE)}, Reason.PAUSED),
        ({"brakes": _brake(BrakeLevel.HALT, BrakeScope.STRATEGY, "ma")}, Reason.HALTED),
        ({"brakes": _brake(BrakeLevel.KILL, BrakeScope.SYMBOL, "SPY")}, Reason.KILLED),
        ({"signals_used": frozenset({"ma-SPY-1"})}, Reason.DUPLICATE_SIGNAL),
        ({"instrument": None}, Reason.UNKNOWN_INSTRUMENT),
        ({"instrument": stock(liquid_hours=())}, Reason.SESSION_CLOSED),
        ({"now": TEN - timedelta(minutes=20)}, Reason.ENTRY_WINDOW),
        ({"quote": None}, Reason.NO_QUOTE),
        ({"quote": quote(bid=math.nan)}, Reason.NO_QUOTE),
        ({"quote": quote(bid=101.0, ask=100.0)}, Reason.NO_QUOTE),
        ({"quote": quote(at=TEN - timedelta(seconds=6))}, Reason.STALE_QUOTE),
        ({"is_live_data": False}, Reason.DELAYED_DATA),
        ({"holdings": (Holding("SPY", 10),)}, Reason.DUPLICATE_POSITION),
        ({"orders": (order("SPY", Role.ENTRY),)}, Reason.DUPLICATE_POSITION),
        ({"orders": (order("SPY", Role.STOP, state=OrderState.UNKNOWN),)}, Reason.DUPLICATE_POSITION),
        ({"net_liquidation_usd": math.nan}, Reason.NOT_FINITE),
        ({"holdings": (Holding("AMD", 10),)}, Reason.NOT_FINITE),
    ],
)
def test_each_rule_refuses_with_its_own_code(changes: dict[str, object], expected: Reason) -> None:
    assert _refused(check_entry(proposal(), world(**changes), LIMITS)) is expected


def test_brakes_of_another_strategy_or_symbol_do_not_hold() -> None:
    other = BrakeSet(
        (
            *_brake(BrakeLevel.KILL, BrakeScope.SYMBOL, "QQQ").brakes,
            *_brake(BrakeLevel.KILL, BrakeScope.STRATEGY, "x").brakes,
        )
    )

    assert isinstance(check_entry(proposal(), world(brakes=other), LIMITS), EntryTicket)


@pytest.mark.req("REQ-R1")
def test_shorts_need_asset_class_and_strategy_to_agree() -> None:
    short = proposal(side=Side.SELL)
    assert _refused(check_entry(short, world(), LIMITS)) is Reason.SHORT_NOT_ALLOWED
    es = world(instrument=future(), quote=quote("ESZ6", 5800.0, 5800.25), margin_usd=20_000.0)
    short_es = proposal("ESZ6", Side.SELL, stop_price=5810.1)

    ticket = check_entry(short_es, es, LIMITS)

    assert isinstance(ticket, EntryTicket)
    assert (ticket.limit_price, ticket.stop_price) == (5799.5, 5810.25)
    assert (
        _refused(check_entry(short_es, replace(es, strategy_allows_short=False), LIMITS))
        is Reason.SHORT_NOT_ALLOWED
    )


def test_a_future_without_a_known_margin_is_refused_not_guessed() -> None:
    es = world(instrument=future(), quote=quote("ESZ6", 5800.0, 5800.25), margin_usd=None)

    assert _refused(check_entry(proposal("ESZ6", stop_price=5790.0), es, LIMITS)) is Reason.NOT_FINITE


@pytest.mark.parametrize("stop", [None, math.nan, 0.0, -1.0, 100.03, 105.0])
def test_an_entry_without_a_sane_stop_is_refused(stop: float | None) -> None:
    assert _refused(check_entry(proposal(stop_price=stop), world(), LIMITS)) is Reason.STOP_INVALID


@pytest.mark.parametrize("plan", [Plan(pivot=math.nan), Plan(target1=math.inf), Plan(target2=-math.inf)])
def test_an_entry_with_a_level_that_is_no_number_is_refused(plan: Plan) -> None:
    assert _refused(check_entry(proposal(plan=plan), world(), LIMITS)) is Reason.NOT_FINITE


def test_positions_and_working_entries_fill_the_same_slots() -> None:
    busy = world(
        holdings=(Holding("AMD", 1), Holding("QQQ", 1)),
        orders=(order("TSLA", state=OrderState.UNKNOWN),),
        unit_usd={"AMD": 1.0, "QQQ": 1.0, "TSLA": 1.0},
    )

    assert _refused(check_entry(proposal(), busy, LIMITS)) is Reason.MAX_POSITIONS


@pytest.mark.req("REQ-CD1")
@pytest.mark.parametrize(("what", "minutes"), [("last_fill_at", 1), ("last_stop_out_at", 5)])
def test_a_cooldown_ends_exactly_when_its_minutes_are_over(what: str, minutes: int) -> None:
    over = TEN - timedelta(minutes=minutes)
    running = over + timedelta(microseconds=1)

    assert _refused(check_entry(proposal(), world(**{what: running}), LIMITS)) is Reason.COOLDOWN
    assert isinstance(check_entry(proposal(), world(**{what: over}), LIMITS), EntryTicket)


@pytest.mark.req("REQ-CD1")
def test_no_cooldown_is_configured_as_zero_minutes() -> None:
    none = replace(LIMITS, cooldown_s=0.0, cooldown_after_stop_s=0.0)

    just_now = world(last_fill_at=TEN, last_stop_out_at=TEN)
    assert isinstance(check_entry(proposal(), just_now, none), EntryTicket)


@pytest.mark.req("RECOVERY-ATTEMPTS", "RECOVERY-STATE-ATTEMPTS", "RECOVERY-TEST-3")
def test_the_third_attempt_at_a_pivot_is_refused() -> None:
    at_pivot = proposal(plan=Plan(pivot=444.77))

    refusal = check_entry(at_pivot, world(attempts=2), LIMITS)

    assert _refused(refusal) is Reason.MAX_ATTEMPTS
    assert isinstance(refusal, Refusal)
    assert refusal.text == "SPY: 2 of 2 attempts at 444.77 made today"
    assert isinstance(check_entry(at_pivot, world(attempts=1), LIMITS), EntryTicket)
    assert isinstance(check_entry(proposal(), world(attempts=9), LIMITS), EntryTicket), "it has no pivot"


def test_orders_of_unknown_fate_count_in_gross_exposure() -> None:
    crowded = world(orders=(order("TSLA", state=OrderState.UNKNOWN),), unit_usd={"TSLA": 999.0})

    assert _refused(check_entry(proposal(), crowded, LIMITS)) is Reason.GROSS_EXPOSURE


prices = st.floats(min_value=5.0, max_value=5000.0)


@given(
    bid=prices,
    spread=st.floats(min_value=0.0, max_value=1.0),
    distance=st.floats(min_value=0.001, max_value=0.5),
    side=st.sampled_from(Side),
    held=st.integers(min_value=0, max_value=2000),
)
def test_whatever_passes_respects_every_cap(
    bid: float, spread: float, distance: float, side: Side, held: int
) -> None:
    limits = replace(LIMITS, allow_short_stock=True)
    touch = quote(bid=round(bid, 2), ask=round(bid + spread, 2))
    stop = bid * (1 - side.sign * distance)
    here = world(quote=touch, holdings=(Holding("AMD", held),), unit_usd={"AMD": 50.0})

    result = check_entry(proposal(side=side, stop_price=stop), here, limits)

    if isinstance(result, EntryTicket):
        assert result.quantity >= 1
        assert result.exposure_usd <= limits.symbol_notional_cap_usd + 0.01
        assert result.exposure_usd + held * 50.0 <= limits.max_gross_exposure_usd + 0.01
        assert result.risk_usd <= 1_000_000.0 * limits.risk_per_trade_pct / 100 + 0.01
        assert (result.limit_price - result.stop_price) * side.sign > 0


@given(position=st.integers(-500, 500), side=st.sampled_from(Side), wanted=st.none() | st.integers(1, 1000))
def test_an_exit_never_opens_or_enlarges(position: int, side: Side, wanted: int | None) -> None:
    quantity = clamp_exit(position=position, side=side, wanted=wanted)

    after = position + side.sign * quantity
    assert 0 <= quantity <= abs(position)
    assert abs(after) <= abs(position)
    assert after * position >= 0
