"""The confidence panel: how sure, how much is proven, by how many trades, and why there is no trade."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.frame import Frame
from cockpit.panels.confidence import ConfidencePanel
from cockpit.spans import Tone, text_of
from engine.api import ConfidenceView
from tests.cockpit.learning import LEARNING
from tests.cockpit.scripted import NORMAL, NOW

PROVEN = ConfidenceView(
    "ESZ6",
    1,
    0.61,
    0.58,
    420,
    "may trade",
    evidence=412.0,
    evidence_needed=40.0,
    shadow_trades=33,
    live_trades=2,
)


def lines(*rows: ConfidenceView) -> list[str]:
    frame = Frame(replace(NORMAL, confidence=rows), NOW)
    return [text_of(line) for line in ConfidencePanel().build(frame, width=120, height=6)]


@pytest.mark.req("CARD-PANELS", "FUT-F6")
def test_a_proven_contract_shows_its_evidence_and_trades() -> None:
    (shown,) = lines(PROVEN)
    for part in (
        "ESZ6",
        "0.61",
        "needs 0.58",
        "evidence 412.00 of 40.00",
        "shadow 33",
        "live 2",
        "may trade",
    ):
        assert part in shown


@pytest.mark.req("FUT-F6")
def test_without_enough_data_it_says_so_and_makes_up_nothing() -> None:
    few = ConfidenceView("ZNZ6", 0, None, None, 4, "not enough data: 4 of 30 outcomes")
    (shown,) = lines(few)
    assert "not enough data: 4 of 30" in shown
    assert "0.0" not in shown


@pytest.mark.req("FUT-QA-UI-2", "FUT-DO-4")
def test_it_shows_confidence_now_over_time_and_by_contract_regime_and_half_hour() -> None:
    frame = Frame(LEARNING, NOW)
    first, second, *_ = (text_of(one) for one in ConfidencePanel().build(frame, width=120, height=6))
    assert "0.61 needs 0.58  ▂▆▁▂█▅▂█  evidence" in first
    assert second.split("  ") == [" right", "ESH6 0.62 n 388", "lively 0.64 n 178", "+0:30 0.63 n 28"]
    low = [text_of(one) for one in ConfidencePanel().build(frame, width=120, height=3)]
    assert [one.split()[0] for one in low] == ["ESH6", "NQH6", "ZNH6"]


def test_exploring_and_drift_are_marked() -> None:
    rows = replace(PROVEN, explored=3, drift="drift (errors); trust revoked, a challenger learns")
    frame = Frame(replace(NORMAL, confidence=(rows,)), NOW)
    (shown,) = ConfidencePanel().build(frame, width=120, height=6)
    assert "+3 exploring" in text_of(shown)
    assert [span.text.strip() for span in shown if span.tone is Tone.WARN] == [rows.drift]
