"""Random wishes over a random account: the gate and a judge with sums of its own always agree."""

from __future__ import annotations

import pytest

from tests.storm.campaign import fresh_start
from tests.storm.gate_flow import GateFlow

SEEDS = 150


@pytest.mark.req("REQ-E1", "REQ-E2", "PLAN-M2-RISK", "REQ-R1", "247-NFR-SAFE")
def test_nothing_passes_that_breaks_a_rule_and_nothing_is_refused_that_breaks_none() -> None:
    first = fresh_start()
    flows = {seed: GateFlow(seed).run() for seed in range(first, first + SEEDS)}

    assert {seed: flow.violations for seed, flow in flows.items() if flow.violations} == {}
    assert sum(flow.passed for flow in flows.values()) > 3 * SEEDS
    assert sum(flow.refused for flow in flows.values()) > 30 * SEEDS


def test_the_same_seed_asks_the_same() -> None:
    one, other = GateFlow(7).run(), GateFlow(7).run()

    assert (one.passed, one.refused) == (other.passed, other.refused)
    assert one.account.ever == other.account.ever
