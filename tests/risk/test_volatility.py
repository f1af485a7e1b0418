"""Size by volatility: twice the range, half the units; off unless switched on, and never above a cap."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.canary import canary_limits
from engine.risk.gate import check_entry
from engine.risk.losses import NOTHING_LOST
from engine.risk.refusal import Refusal
from tests.builders import LIMITS, future, proposal, quote, world

ON = replace(LIMITS, volatility_target_pct=0.02)
"""200 USD of a million in a session."""


def _size(day_range: float | None, limits: object = ON, **changes: object) -> int | Refusal:
    ticket = check_entry(proposal(day_range=day_range), world(**changes), limits)  # type: ignore[arg-type]  # limits
    return ticket.quantity if isinstance(ticket, EntryTicket) else ticket


@pytest.mark.req("PLAN-STRETCH-VOL")
def test_twice_the_range_is_half_the_size() -> None:
    assert (_size(1.0), _size(2.0), _size(4.0)) == (200, 100, 50)


@pytest.mark.req("PLAN-STRETCH-VOL")
def test_it_is_off_unless_switched_on() -> None:
    assert LIMITS.volatility_target_pct == 0
    assert _size(1.0, LIMITS) == _size(4.0, LIMITS) == _size(None, LIMITS) == 249


@pytest.mark.req("PLAN-STRETCH-VOL")
@given(
    day_range=st.floats(0.001, 50.0),
    target=st.floats(0.001, 20.0),
    risk=st.floats(0.05, 5.0),
)
def test_whatever_the_range_no_cap_is_exceeded(day_range: float, target: float, risk: float) -> None:
    plain = replace(LIMITS, risk_per_trade_pct=risk)
    without = _size(day_range, plain)
    size = _size(day_range, replace(plain, volatility_target_pct=target))

    if not isinstance(size, Refusal):
        assert not isinstance(without, Refusal)
        assert size <= without
        assert size * day_range <= target / 100.0 * 1_000_000.0 * (1 + 1e-9)


@pytest.mark.parametrize("unknown", [None, math.nan, math.inf, 0.0, -1.0])
def test_a_range_that_is_not_known_refuses(unknown: float | None) -> None:
    refusal = _size(unknown)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.NOT_FINITE
    assert "volatility" in refusal.text


def test_a_contract_that_moves_too_much_for_one_is_refused_with_both_figures() -> None:
    moves = check_entry(
        proposal("ESZ6", stop_price=4995.0, day_range=60.0),
        world(instrument=future(), quote=quote("ESZ6", bid=5000.0, ask=5000.25), margin_usd=15_000.0),
        ON,
    )

    assert isinstance(moves, Refusal)
    assert (moves.reason, moves.limit, moves.value) == (Reason.SIZE_ZERO, pytest.approx(200.0), 3000.0)


def test_a_drawdown_and_the_canary_stage_shrink_it_like_every_other_size() -> None:
    deep = NOTHING_LOST._replace(session_drawdown_pct=0.75 * LIMITS.session_drawdown_pct)

    assert _size(1.0, losses=deep) == 50, "a quarter is left at three quarters of the limit"
    assert _size(1.0, replace(canary_limits(ON, factor=0.5), only_tier=None)) == 100


def test_a_person_decides_the_size_of_an_order_of_ones_own() -> None:
    ticket = check_entry(proposal(day_range=None), world(), ON, wanted=10)

    assert isinstance(ticket, EntryTicket)
    assert ticket.quantity == 10
