"""What others find out reaches the gate: regime, themes, tiers, funds, ages, sizes; each at its boundary."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Side
from engine.domain.plan import Plan
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.domain.terms import Terms
from engine.risk.caps import caps_of
from engine.risk.exposure import Holding
from engine.risk.gate import check_again, check_entry
from engine.risk.limits import RiskLimits
from engine.risk.losses import Losses
from engine.risk.order_check import OrderRules
from engine.risk.pace import Pace
from engine.risk.refusal import Refusal
from engine.risk.selection import Objection, ProductStatus, Selection
from engine.risk.world import Budget, GateWorld
from engine.runtime.inputs import GateInputs
from tests.builders import LIMITS, TEN, future, intent, order, proposal, quote, stock, world

WIDE = replace(
    LIMITS,
    risk_per_trade_pct=100.0,
    max_gross_exposure_usd=1e6,
    symbol_notional_cap_usd=1e9,
    symbol_margin_cap_usd=1e9,
    max_order_value_usd=1e9,
    max_total_at_risk_pct=15.0,
    max_position_size_pct=5.0,
    max_order_shares=10**9,
    entry_ticks_through=0,
    max_spread_bps=1e9,
)
"""Only the caps in percent hold: 50,000 a position and 150,000 in all, of a million."""


def _asked(wanted: int | None, limits: RiskLimits = WIDE, **changes: object) -> EntryTicket | Refusal:
    here = world(quote=quote(bid=100.0, ask=100.0), **changes)
    return check_entry(proposal(stop_price=99.0), here, limits, wanted=wanted)


def _code(verdict: EntryTicket | Refusal | None) -> Reason | None:
    return verdict.reason if isinstance(verdict, Refusal) else None


# --- regime -------------------------------------------------------------------------------------


@pytest.mark.req("REQ-U3", "REQ-E1")
@pytest.mark.parametrize(("factor", "position_pct"), [(1.2, 6.0), (1.0, 5.0), (0.6, 3.0), (7.0, 6.0)])
def test_a_regime_moves_the_cap_of_a_position_and_never_above_its_hard_cap(
    factor: float, position_pct: float
) -> None:
    units = round(position_pct * 100)
    there = {"selection": Selection(regime_multiplier=factor)}

    assert isinstance(_asked(units, **there), EntryTicket)
    over = _asked(units + 1, **there)
    assert isinstance(over, Refusal)
    assert over.reason is Reason.POSITION_SIZE
    assert over.limit == pytest.approx(position_pct * 10_000)
    assert over.value == pytest.approx((units + 1) * 100)


@pytest.mark.req("REQ-U3", "REQ-E1")
@pytest.mark.parametrize(("factor", "total_pct"), [(1.2, 18.0), (1.0, 15.0), (0.6, 9.0)])
def test_a_regime_moves_the_cap_in_all_alike(factor: float, total_pct: float) -> None:
    held = total_pct * 10_000 - 10_000  # room for a hundred units more
    there = {
        "selection": Selection(regime_multiplier=factor),
        "holdings": (Holding("AMD", 1),),
        "unit_usd": {"AMD": held},
    }

    assert isinstance(_asked(100, **there), EntryTicket)
    assert _code(_asked(101, **there)) is Reason.TOTAL_AT_RISK


@pytest.mark.req("REQ-U3")
def test_a_crash_enters_nothing_and_says_so() -> None:
    assert _code(_asked(1, selection=Selection(regime_multiplier=0.0))) is Reason.REGIME


# --- themes and tiers ---------------------------------------------------------------------------


@pytest.mark.req("REQ-U2", "REQ-E2")
def test_ten_percent_of_a_theme_pass_and_a_hundredth_more_is_refused_pending_orders_counted() -> None:
    working = order("AMD", quantity=900)  # 90,000 of 100,000
    there = {
        "selection": Selection(themes={"SPY": "index", "AMD": "index", "KO": "drinks"}),
        "orders": (working,),
        "holdings": (Holding("KO", 300),),
        "unit_usd": {"AMD": 100.0, "KO": 100.0},
    }

    assert isinstance(_asked(100, **there), EntryTicket)
    over = _asked(101, **there)
    assert isinstance(over, Refusal)
    assert over.reason == "theme_cap"
    assert (over.limit, over.value) == (100_000.0, 100_100.0)


@pytest.mark.req("REQ-U1")
@pytest.mark.parametrize(("tier", "room_usd"), [(1, 600_000.0), (2, 300_000.0), (3, 100_000.0)])
def test_each_tier_has_its_share_of_the_gross_limit(tier: int, room_usd: float) -> None:
    limits = replace(WIDE, max_total_at_risk_pct=1000.0, max_position_size_pct=100.0)
    there = {
        "selection": Selection(tiers={"SPY": tier, "AMD": tier, "KO": tier % 3 + 1}),
        "holdings": (Holding("AMD", 1), Holding("KO", 1)),
        "unit_usd": {"AMD": room_usd - 10_000.0, "KO": 50_000.0},
        "available_funds_usd": 1e9,
    }

    assert isinstance(_asked(100, limits, **there), EntryTicket)
    assert _code(_asked(101, limits, **there)) is Reason.TIER_CAP


def test_a_tier_that_does_not_exist_has_no_room() -> None:
    for tier in (0, 4, -1):
        assert _code(_asked(1, selection=Selection(tiers={"SPY": tier}))) is Reason.TIER_CAP


# --- the account --------------------------------------------------------------------------------


def test_entries_never_tie_up_more_than_the_account_has_free() -> None:
    there = {
        "orders": (order("AMD", quantity=100),),
        "holdings": (Holding("KO", 500),),  # what is held is out of the free funds already
        "unit_usd": {"AMD": 100.0, "KO": 100.0},
        "available_funds_usd": 20_000.0,
    }

    assert isinstance(_asked(100, **there), EntryTicket)
    over = _asked(101, **there)
    assert isinstance(over, Refusal)
    assert (over.reason, over.limit, over.value) == (Reason.FUNDS, 20_000.0, 20_100.0)


@pytest.mark.parametrize("funds", [math.nan, math.inf, -math.inf])
def test_funds_that_are_no_number_refuse(funds: float) -> None:
    assert _code(_asked(1, available_funds_usd=funds)) is Reason.NOT_FINITE


@pytest.mark.parametrize(("age_s", "reason"), [(60.0, None), (60.001, Reason.STALE_ACCOUNT)])
def test_equity_and_margin_are_too_old_after_a_minute(age_s: float, reason: Reason | None) -> None:
    es = {"instrument": future(), "quote": quote("ESZ6", 5800.0, 5800.25), "margin_usd": 20_000.0}
    wish = proposal("ESZ6", stop_price=5790.0)

    assert _code(_asked(2, equity_age_s=age_s)) is reason
    assert _code(check_entry(wish, world(**es, margin_age_s=age_s), WIDE)) is reason
    assert _code(_asked(2, margin_age_s=math.nan)) is None, "a stock asks for no margin"


def test_what_the_broker_never_named_is_too_old() -> None:
    verdict = _asked(1, equity_age_s=math.nan)

    assert isinstance(verdict, Refusal)
    assert verdict.reason is Reason.STALE_ACCOUNT
    assert "not known yet" in verdict.text


def test_a_position_without_a_price_is_named() -> None:
    verdict = _asked(
        2, holdings=(Holding("AMD", 1), Holding("KO", 1)), unit_usd={"KO": 10.0, "AMD": math.nan}
    )

    assert isinstance(verdict, Refusal)
    assert verdict.reason is Reason.NOT_FINITE
    assert verdict.text.endswith("AMD")


# --- size ---------------------------------------------------------------------------------------


def test_an_order_has_at_most_so_many_units() -> None:
    limits = replace(WIDE, max_order_shares=120)

    assert isinstance(_asked(120, limits), EntryTicket)
    over = _asked(121, limits)
    assert isinstance(over, Refusal)
    assert (over.reason, over.limit, over.value) == (Reason.ORDER_SIZE, 120, 121)
    own = _asked(None, limits)
    assert isinstance(own, EntryTicket)
    assert own.quantity == 120, "a strategy's is cut"


def test_contracts_have_a_size_of_their_own() -> None:
    es = world(instrument=future(), quote=quote("ESZ6", 5800.0, 5800.25), margin_usd=10_000.0)
    limits = replace(WIDE, max_order_contracts=2)

    verdict = check_entry(proposal("ESZ6", stop_price=5790.0), es, limits)

    assert isinstance(verdict, EntryTicket)
    assert verdict.quantity == 2


FULL = tuple(Holding(key, 1) for key in "ABC")


# --- the last look ------------------------------------------------------------------------------


@pytest.mark.req("247-NFR-SAFE")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"selection": Selection(status=ProductStatus.CLOSED)}, Reason.PRODUCT_HALTED),
        ({"selection": Selection(outlier=Objection("9 sigma"))}, Reason.OUTLIER),
        ({"selection": Selection(stale=Objection("95 s"))}, Reason.STALE_DATA),
        ({"selection": Selection(regime_multiplier=0.0)}, Reason.REGIME),
        ({"equity_age_s": 61.0}, Reason.STALE_ACCOUNT),
        ({"available_funds_usd": 9_999.0}, Reason.FUNDS),
        (
            {"holdings": tuple(Holding(k, 1) for k in "ABC"), "unit_usd": dict.fromkeys("ABC", 1.0)},
            Reason.MAX_POSITIONS,
        ),
        ({"selection": Selection(themes={"SPY": "index"}, regime_multiplier=0.01)}, Reason.POSITION_SIZE),
    ],
)
def test_the_last_look_knows_every_input(changes: dict[str, object], reason: Reason | None) -> None:
    assert _code(check_again(intent(limit_price=100.0, quantity=100), world(**changes), LIMITS)) is reason


# --- how inputs come together -------------------------------------------------------------------


def test_inputs_are_read_per_instrument_and_change_nothing_unless_somebody_says_so() -> None:
    inputs = GateInputs()

    assert inputs.selection("SPY") == Selection()
    inputs.status["SPY"] = ProductStatus.HALTED
    inputs.outliers["AMD"] = Objection("9 sigma", 6.0, 9.0)
    inputs.stale["AMD"] = Objection("95 s old", 90.0, 95.0)
    inputs.tiers["SPY"], inputs.themes["SPY"], inputs.regime_multiplier = 2, "index", 0.6
    assert inputs.selection("SPY").status is ProductStatus.HALTED
    assert inputs.selection("SPY").outlier is None
    assert inputs.selection("AMD").outlier == Objection("9 sigma", 6.0, 9.0)
    assert inputs.selection("AMD").stale == Objection("95 s old", 90.0, 95.0)
    assert (inputs.selection("AMD").tiers, inputs.selection("AMD").themes) == ({"SPY": 2}, {"SPY": "index"})
    assert inputs.selection("AMD").regime_multiplier == 0.6


# --- nothing gets through that breaks a cap -----------------------------------------------------

numbers = st.one_of(st.floats(0.0, 2e6), st.sampled_from([math.nan, math.inf, -math.inf, -1.0, 0.0]))


@given(
    nlv=numbers,
    funds=numbers,
    unit=numbers,
    factor=numbers,
    age=numbers,
    margin=st.none() | numbers,
    stop=numbers,
    wanted=st.none() | st.integers(-5, 5000),
    side=st.sampled_from(Side),
    is_future=st.booleans(),
)
def test_whatever_the_figures_are_the_gate_answers_and_a_yes_fits_into_every_cap(
    nlv: float,
    funds: float,
    unit: float,
    factor: float,
    age: float,
    margin: float | None,
    stop: float,
    wanted: int | None,
    side: Side,
    is_future: bool,
) -> None:
    instrument = future("SPYZ6") if is_future else stock()
    here: GateWorld = world(
        instrument=instrument,
        quote=quote(instrument.key, 100.0, 100.25 if is_future else 100.01),
        net_liquidation_usd=nlv,
        available_funds_usd=funds,
        equity_age_s=age,
        margin_age_s=age,
        margin_usd=margin,
        holdings=(Holding("AMD", 10),),
        unit_usd={"AMD": unit},
        selection=Selection(
            regime_multiplier=factor, themes={instrument.key: "x"}, tiers={instrument.key: 1}
        ),
    )
    limits = replace(LIMITS, allow_short_stock=True)

    verdict = check_entry(proposal(instrument.key, side, stop_price=stop), here, limits, wanted=wanted)

    if isinstance(verdict, EntryTicket):
        figures = (nlv, funds, unit, factor, age, verdict.limit_price, verdict.stop_price, verdict.risk_usd)
        assert all(math.isfinite(figure) for figure in figures)
        assert age <= limits.max_account_age_s
        assert verdict.quantity == (wanted or verdict.quantity) >= 1
        caps = caps_of(instrument, here, limits)
        assert not isinstance(caps, Refusal)
        assert all(used + verdict.exposure_usd <= limit * (1 + 1e-6) for _, limit, used in caps)
        assert verdict.exposure_usd + 10 * unit <= min(100_000.0, nlv * 0.15 * min(factor, 1.2)) * (1 + 1e-6)
        assert verdict.risk_usd <= nlv * 0.005 * min(factor, 1.2) * (1 + 1e-6)


# --- what a refusal says ------------------------------------------------------------------------


@pytest.mark.req("REQ-E1")
@pytest.mark.parametrize(
    ("changes", "limits"),
    [
        ({"quote": quote(bid=99.0, ask=100.0)}, LIMITS),
        ({"quote": quote(at=TEN - timedelta(seconds=6))}, LIMITS),
        ({"equity_age_s": 61.0}, LIMITS),
        ({"losses": Losses(-2.5)}, LIMITS),
        ({"losses": Losses(0.0, -1.5)}, LIMITS),
        ({"losses": Losses(0.0, 0.0, 3.5)}, LIMITS),
        ({"holdings": FULL, "unit_usd": dict.fromkeys("ABC", 1.0)}, LIMITS),
        ({"pace": Pace(orders_last_minute=61)}, LIMITS),
        ({"pace": Pace(strategy_fills=6)}, LIMITS),
        ({"attempts": 2}, LIMITS),
        ({"available_funds_usd": 50.0}, LIMITS),
        ({}, replace(LIMITS, max_order_value_usd=50.0)),
        ({}, replace(LIMITS, symbol_notional_cap_usd=50.0)),
        ({}, replace(LIMITS, risk_per_trade_pct=0.00001)),
        ({}, replace(LIMITS, min_conviction=2.0)),
        ({}, replace(LIMITS, price_collar_pct=0.01)),
        ({}, replace(LIMITS, order_rules=OrderRules(min_order_value_usd=1e6))),
    ],
)
def test_a_refusal_by_a_figure_names_code_limit_and_value_in_its_fields_and_its_words(
    changes: dict[str, object], limits: RiskLimits
) -> None:
    verdict = check_entry(proposal(plan=Plan(pivot=100.0)), world(**changes), limits)

    assert isinstance(verdict, Refusal)
    assert verdict.limit is not None
    assert verdict.value is not None
    said = verdict.text.replace(",", "")
    for figure in (verdict.limit, verdict.value):
        assert any(f"{figure:{form}}" in said for form in ("g", ".0f", ".1f", ".2f")), (figure, said)


# --- what a rule asks for, and what a strategy may have out ---------------------------------------


@pytest.mark.req("REQ-R2", "REQ-U3")
@pytest.mark.parametrize(("factor", "most"), [(1.0, 200), (0.6, 120), (1.2, 240)])
def test_a_rule_gets_no_more_than_the_notional_it_asks_for_times_the_regime(factor: float, most: int) -> None:
    terms = Terms(notional_pct=2.0, stop_loss_pct=1.0, take_profit_pct=2.0)
    here = world(quote=quote(bid=100.0, ask=100.0), selection=Selection(regime_multiplier=factor))
    wish = proposal(stop_price=99.0, terms=terms)

    sized = check_entry(wish, here, WIDE)
    assert isinstance(sized, EntryTicket)
    assert sized.quantity == most
    assert _code(check_entry(wish, here, WIDE, wanted=most + 1)) is Reason.NOTIONAL


@pytest.mark.req("REQ-E1")
def test_a_strategy_stays_within_its_budget_whatever_others_hold() -> None:
    owners = {"AMD": "ma", "KO": "other"}
    there = {
        "budget": Budget("ma", 8.0, owners),
        "holdings": (Holding("AMD", 500), Holding("KO", 300)),
        "unit_usd": {"AMD": 100.0, "KO": 100.0},
    }

    assert isinstance(_asked(300, **there), EntryTicket)  # 80,000 of its own, 50,000 are out
    over = _asked(301, **there)
    assert isinstance(over, Refusal)
    assert (over.reason, over.limit, over.value) == (Reason.STRATEGY_BUDGET, 80_000.0, 80_100.0)
    assert "budget of ma" in over.text


@pytest.mark.req("REQ-U1")
@pytest.mark.parametrize(("tier", "most"), [(1, 500), (2, 300), (3, 100)])
def test_a_position_is_no_larger_than_the_base_size_of_its_tier(tier: int, most: int) -> None:
    limits = replace(WIDE, max_position_size_pct=100.0)
    there = {"selection": Selection(tiers={"SPY": tier})}

    assert isinstance(_asked(most, limits, **there), EntryTicket)
    assert _code(_asked(most + 1, limits, **there)) is Reason.TIER_SIZE
