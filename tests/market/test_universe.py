"""The universe: who is in, in which tier, and why others are out."""

from __future__ import annotations

import math

import pytest

from engine.market.universe import Exclusion, Liquidity, TierRule, Universe, judge

RULES = (
    TierRule(1, 50e6, 10.0, allocation_pct=60, base_size_pct=5),
    TierRule(2, 5e6, 30.0, allocation_pct=30, base_size_pct=3),
)


@pytest.mark.req("REQ-U1")
@pytest.mark.parametrize(
    ("value_usd", "spread_bps", "tier", "why"),
    [
        (50e6, 10.0, 1, None),
        (50e6 - 1, 10.0, 2, None),
        (50e6, 10.1, 2, None),
        (5e6, 30.0, 2, None),
        (5e6 - 1, 5.0, 0, Exclusion.MIN_VOLUME),
        (60e6, 30.1, 0, Exclusion.MAX_SPREAD),
        (math.nan, 5.0, 0, Exclusion.UNKNOWN_LIQUIDITY),
        (60e6, math.inf, 0, Exclusion.UNKNOWN_LIQUIDITY),
    ],
)
def test_each_threshold_includes_its_own_value(
    value_usd: float, spread_bps: float, tier: int, why: Exclusion | None
) -> None:
    member = judge("SPY", Liquidity(value_usd, spread_bps), RULES)
    assert (member.tier, member.exclusion) == (tier, why)
    assert bool(member.text) is (why is not None)


@pytest.mark.req("REQ-EX1")
def test_a_product_that_is_halted_is_out_however_liquid() -> None:
    member = judge("SPY", Liquidity(1e9, 1.0, is_trading=False), RULES)
    assert member.exclusion is Exclusion.NOT_TRADING


def test_it_lists_who_is_in_and_who_is_out_with_the_numbers() -> None:
    universe = Universe(
        [
            judge("B", Liquidity(60e6, 5), RULES, theme="index"),
            judge("A", Liquidity(60e6, 5), RULES),
            judge("Z", Liquidity(10e6, 5), RULES),
            judge("OUT", Liquidity(1e6, 5), RULES, theme="metals"),
        ],
        RULES,
    )
    assert universe.eligible() == ("A", "B", "Z")
    assert universe.tiers() == {"A": 1, "B": 1, "Z": 2}
    assert universe.themes() == {"B": "index", "OUT": "metals"}
    (out,) = universe.excluded()
    assert "1,000,000" in out.text
    assert "5,000,000" in out.text
    assert universe.rule_of("Z") is RULES[1]
    assert universe.rule_of("OUT") is None
