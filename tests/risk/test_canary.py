"""CANARY: one position, tier 1 only, every cap cut to at most one half, whatever the limits are."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.canary import CUT, canary_limits
from engine.risk.exposure import Holding
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from engine.risk.selection import Selection
from tests.builders import LIMITS, proposal, world

CANARY = canary_limits(LIMITS, factor=0.5)
TIER_ONE = Selection(tiers={"SPY": 1})


@pytest.mark.req("247-GATE-5")
def test_the_caps_of_the_requirement_are_halved() -> None:
    assert (CANARY.max_position_size_pct, CANARY.max_total_at_risk_pct) == (2.5, 7.5)
    assert CANARY.max_positions == 1


@pytest.mark.req("247-GATE-5")
@given(st.floats(1e-3, 1e9), st.floats(0.0, 10.0), st.integers(0, 50))
def test_no_cap_is_more_than_half_and_nothing_else_changes(cap: float, factor: float, most: int) -> None:
    limits = replace(LIMITS, max_positions=most, **dict.fromkeys(CUT, cap))

    canary = canary_limits(limits, factor=factor)

    assert all(getattr(canary, name) <= cap * 0.5 for name in CUT)
    assert canary.max_positions == min(1, most)
    sizes = zip(canary.tier_sizes_pct, limits.tier_sizes_pct, strict=True)
    assert all(size <= was * 0.5 for size, was in sizes)
    changed = {*CUT, "max_positions", "only_tier", "tier_sizes_pct"}
    for field in fields(limits):
        if field.name not in changed:
            assert getattr(canary, field.name) == getattr(limits, field.name)


@pytest.mark.req("247-GATE-5")
@pytest.mark.parametrize("tiers", [{}, {"SPY": 2}, {"QQQ": 1}])
def test_only_tier_one_passes_the_gate(tiers: dict[str, int]) -> None:
    said = check_entry(proposal(), world(selection=Selection(tiers=tiers)), CANARY)

    assert isinstance(said, Refusal)
    assert (said.reason, said.limit) == (Reason.CANARY_TIER, 1)
    assert isinstance(check_entry(proposal(), world(selection=TIER_ONE), CANARY), EntryTicket)


@pytest.mark.req("247-GATE-5")
def test_a_second_position_is_refused_and_the_first_is_half_as_large() -> None:
    second = check_entry(
        proposal(), world(selection=TIER_ONE, holdings=(Holding("AMD", 1),), unit_usd={"AMD": 1.0}), CANARY
    )
    assert isinstance(second, Refusal)
    assert second.reason is Reason.MAX_POSITIONS

    full = check_entry(proposal(), world(selection=TIER_ONE), LIMITS)
    first = check_entry(proposal(), world(selection=TIER_ONE), CANARY)
    assert isinstance(full, EntryTicket)
    assert isinstance(first, EntryTicket)
    assert 0 < first.quantity <= full.quantity // 2
