"""What is out and exceeds a cap is named; what prices alone carried a little beyond it is not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.reasons import Reason
from engine.risk.exposure import Commitments, exposure
from engine.risk.overrun import DRIFT, Overrun, overruns
from tests.builders import LIMITS

CAPS = replace(
    LIMITS,
    symbol_notional_cap_usd=25_000.0,
    symbol_margin_cap_usd=50_000.0,
    max_gross_exposure_usd=100_000.0,
    max_position_size_pct=5.0,
    max_total_at_risk_pct=15.0,
)


def look(worst: dict[str, int], *, owned: str = "SPY ES1 ES2", nlv_usd: float = 1e6) -> tuple[Overrun, ...]:
    return overruns(
        exposure(Commitments(worst), lambda key: 20_000.0 if key.startswith("ES") else 100.0),
        owned=frozenset(owned.split()),
        roots={key: "ES@CME" for key in worst if key.startswith("ES")},
        net_liquidation_usd=nlv_usd,
        limits=CAPS,
    )


@pytest.mark.req("PS60-ALERTS", "REQ-AL1")
def test_each_exceeded_cap_is_named_with_its_figures() -> None:
    assert look({"SPY": 250}) == ()
    assert look({"SPY": 275}) == ()
    assert look({"SPY": 276}) == (Overrun(Reason.SYMBOL_NOTIONAL, "SPY", 25_000.0, 27_600.0),)
    assert look({"SPY": 200}, nlv_usd=250_000.0)[0].reason is Reason.POSITION_SIZE
    assert [o.key for o in look({"QQQ": 1101}, owned="")] == [""], "what is foreign counts in the sums only"


def test_expiries_of_one_future_count_together() -> None:
    assert look({"ES1": 1, "ES2": 1}) == ()
    assert {o.reason for o in look({"ES1": 1, "ES2": 2})} == {Reason.SYMBOL_MARGIN}


def test_what_is_not_known_exceeds_nothing_here() -> None:
    assert look({"SPY": 1000}, nlv_usd=math.nan) == (
        Overrun(Reason.SYMBOL_NOTIONAL, "SPY", 25_000.0, 100_000.0),
    )
    assert look({}) == ()


@given(st.integers(0, 250), st.floats(1.0, 1.0 + DRIFT))
def test_no_price_within_the_drift_makes_a_breach_of_what_was_within_its_caps(
    quantity: int, move: float
) -> None:
    found = overruns(
        exposure(Commitments({"SPY": quantity} if quantity else {}), lambda _: 100.0 * move),
        owned=frozenset({"SPY"}),
        roots={},
        net_liquidation_usd=1e6,
        limits=CAPS,
    )
    assert found == ()
