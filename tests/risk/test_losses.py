"""Losses and drawdowns block at their limit, shrink entries before it, and unknown is not zero."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.losses import Losses, account_breach, conviction_needed, drawdown_pct, size_factor
from engine.risk.refusal import Refusal
from tests.builders import LIMITS, proposal, world

ROOMY = replace(
    LIMITS,
    symbol_notional_cap_usd=1e9,
    max_gross_exposure_usd=1e9,
    max_order_value_usd=1e9,
    max_position_size_pct=100.0,
    max_total_at_risk_pct=100.0,
)


def _with(**losses: float) -> EntryTicket | Refusal:
    return check_entry(proposal(), world(losses=Losses(**losses)), LIMITS)


@pytest.mark.req("REQ-DD1", "PLAN-STRETCH-LOSS", "PLAN-M2-RISK")
@pytest.mark.parametrize(
    ("what", "limit", "sign", "reason"),
    [
        ("day_pct", 2.0, -1, Reason.DAILY_LOSS),
        ("symbol_day_pct", 1.0, -1, Reason.SYMBOL_DAILY_LOSS),
        ("session_drawdown_pct", 3.0, 1, Reason.DRAWDOWN),
        ("rolling_drawdown_pct", 10.0, 1, Reason.DRAWDOWN),
    ],
)
def test_a_loss_of_exactly_the_limit_blocks_and_a_hair_less_does_not(
    what: str, limit: float, sign: int, reason: Reason
) -> None:
    refusal = _with(**{what: sign * limit})

    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.limit, refusal.value) == (reason, limit, pytest.approx(limit))
    less = Losses(**{what: sign * (limit - 0.001)})
    keen = replace(ROOMY, risk_per_trade_pct=5.0)
    passed = check_entry(proposal(), world(losses=less), replace(keen, derisk_start=1.0))
    assert isinstance(passed, EntryTicket)


@pytest.mark.parametrize("what", Losses._fields)
def test_a_loss_that_is_not_known_is_not_no_loss(what: str) -> None:
    refusal = _with(**{what: math.nan})

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.NOT_FINITE


@pytest.mark.req("FUT-EDGE-5")
def test_half_of_the_drawdown_limit_halves_the_size_and_raises_the_least_conviction() -> None:
    limits = replace(ROOMY, min_conviction=0.5)
    whole = check_entry(proposal(), world(), limits)
    half = check_entry(proposal(), world(losses=Losses(session_drawdown_pct=1.5)), limits)
    recovered = check_entry(proposal(), world(losses=Losses(session_drawdown_pct=1.4)), limits)

    assert isinstance(whole, EntryTicket)
    assert isinstance(half, EntryTicket)
    assert half.quantity == pytest.approx(whole.quantity / 2, abs=1)
    assert recovered == whole
    unsure = proposal(conviction=0.7)
    assert isinstance(check_entry(unsure, world(), limits), EntryTicket)
    refusal = check_entry(unsure, world(losses=Losses(session_drawdown_pct=1.5)), limits)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.limit) == (Reason.LOW_CONVICTION, pytest.approx(0.75))


@pytest.mark.req("FUT-EDGE-5")
@given(deep=st.floats(0.0, 3.0), deeper=st.floats(0.0, 3.0))
def test_a_deeper_drawdown_never_makes_an_entry_larger_or_easier(deep: float, deeper: float) -> None:
    less, more = (Losses(session_drawdown_pct=d) for d in sorted((deep, deeper)))

    assert 0.0 <= size_factor(more, LIMITS) <= size_factor(less, LIMITS) <= 1.0
    assert conviction_needed(less, LIMITS) <= conviction_needed(more, LIMITS) <= 1.0


@pytest.mark.req("REQ-DD1")
def test_an_equity_path_breaks_the_limit_at_the_crossing_and_not_before() -> None:
    path = [100_000.0, 101_000.0, 99_000.0, 98_000.0, 97_970.0, 97_969.0]

    breached = [
        account_breach(Losses(session_drawdown_pct=drawdown_pct(path[: i + 1], equity)), LIMITS) is not None
        for i, equity in enumerate(path)
    ]

    assert breached == [False, False, False, False, True, True], "3 % below 101,000 is 97,970"


@pytest.mark.parametrize("now", [math.nan, math.inf, -1.0])
def test_a_drawdown_without_a_sane_equity_is_not_known(now: float) -> None:
    assert math.isnan(drawdown_pct([math.nan] if now < 0 else [], now))


@given(drawdown_pct=st.floats(0.0, 2.9), least=st.floats(0.0, 1.0))
def test_full_conviction_is_enough_in_every_drawdown_that_lets_anything_in(
    drawdown_pct: float, least: float
) -> None:
    here = world(losses=Losses(session_drawdown_pct=drawdown_pct))

    assert conviction_needed(here.losses, replace(LIMITS, min_conviction=least)) <= 1.0
    assert isinstance(check_entry(proposal(), here, replace(LIMITS, min_conviction=least)), EntryTicket)
