"""The engine keeps its promises through every kind of bad weather, and a seed tells the same story twice."""

from __future__ import annotations

import os
import secrets

import pytest

from engine.api import Mode
from engine.domain.order import Role
from tests.storm.campaign import ever_failed, fresh_start, judge, run_for
from tests.storm.weather import CALM, Blow, Moment, Weather
from tests.storm.world import Storm

FRESH_S = float(os.environ.get("COCKPIT_STORM_S", "8"))
EVERY = int(os.environ.get("COCKPIT_STORM_EVERY", "3"))
"""Each run judges every third seed that ever failed, other ones each time; the long campaign all of them."""


@pytest.mark.req("FUT-F9", "REQ-X1", "PS60-PATH-1")
def test_fresh_seeds_break_no_promise(capsys: pytest.CaptureFixture[str]) -> None:
    first = fresh_start()
    verdicts = list(run_for(FRESH_S, first=first))
    broken = [v for v in verdicts if v.violations]
    with capsys.disabled():
        print(f"\nstorm: {len(broken)} violating of seeds {first}..{first + len(verdicts) - 1}")
    assert not broken, "\n\n".join(v.report for v in broken[:3])


@pytest.mark.req("FUT-F9")
def test_seeds_that_ever_failed_break_no_promise() -> None:
    chosen = ever_failed()[secrets.randbelow(EVERY) :: EVERY]
    broken = [v for v in map(judge, chosen) if v.violations]
    assert not broken, "\n\n".join(v.report for v in broken)


def test_the_same_seed_tells_the_same_story() -> None:
    assert Storm(0).run().journal_hash == Storm(0).run().journal_hash


def test_in_calm_weather_it_trades_and_nothing_is_wrong() -> None:
    storm = Storm(1, weather=CALM).run()
    assert storm.violations == []
    assert sum(" filled " in line for line in storm.journal) >= 6


@pytest.mark.req("247-GATE-5")
def test_in_canary_one_half_sized_position_is_all_there_ever_is_in_any_weather() -> None:
    entries = 0
    for seed in range(3):
        storm = Storm(seed, mode=Mode.LIVE).run()  # I18 counts positions at every entry
        assert storm.violations == [], seed
        for held in storm.exchange.orders.values():
            if held.intent is not None and held.role is Role.ENTRY and held.intent.limit_price is not None:
                entries += 1
                assert held.intent.quantity * held.intent.limit_price <= 12_500.0 * (1 + 1e-9)
    assert entries >= 3


@pytest.mark.req("PLAN-M3-IDMAP", "REQ-X1")
def test_ten_lost_acknowledgements_leave_one_order_per_signal() -> None:
    drops = tuple(Moment(5.0 * n + 5.06, Blow.DROP, n) for n in range(10))
    weather = Weather(lost_send=0.5, no_status=1.0, duplicate=1.0, blows=drops, horizon_s=60.0)
    for seed in range(2):
        storm = Storm(seed, weather=weather).run()
        assert storm.violations == []
        entries = [
            h.intent.signal_id for h in storm.exchange.orders.values() if h.intent and h.role == "entry"
        ]
        assert len(entries) == len(set(entries)) > 0
