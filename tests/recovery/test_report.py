"""The restart report: every start says what it found, in the same words on screen and in the log."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from engine.domain.position import Trade
from engine.recovery.compare import compare_positions
from engine.recovery.report import Found, age_text, restart_report
from engine.recovery.rows import Known, closed_row, finding_row
from tests.builders import TEN
from tests.recovery.building import held, listed

_TODAY = date(2026, 11, 20)


def _found(**changes: object) -> Found:
    values: dict[str, object] = {
        "connection": "PAPER DU1, 127.0.0.1:7497, client id 1",
        "now": TEN + timedelta(minutes=21),
        "state_at": TEN + timedelta(minutes=20, seconds=4),
        "day": _TODAY,
        "today": _TODAY,
        "crashed": True,
        "positions": 3,
        "day_usd": 341.48,
        "setups": 2,
    }
    return Found(**{**values, **changes})  # type: ignore[arg-type]  # fields by name


@pytest.mark.req("RECOVERY-LOG-1")
def test_a_restart_says_state_age_pnl_connection_and_a_line_per_symbol() -> None:
    ours = [held("TSLA", 50, con_id=1), held("NVDA", 30, con_id=2)]
    findings = compare_positions(
        ours, [listed("TSLA", "50", con_id=1), listed("NVDA", "30", con_id=2)], at=TEN
    )
    rows = [
        finding_row(f, Known(protected=50), position=p) for f, p in zip(findings, ours[::-1], strict=True)
    ]
    amd = Trade(
        "AMD", "ma", 200, Decimal("165"), Decimal("164.02"), TEN, TEN, Decimal(-17), Decimal(1), "stop"
    )

    closed = closed_row(held("AMD", 200, con_id=3), amd, Known())
    lines = restart_report(_found(agreed=True, booked=frozenset({closed.row_id})), [*rows, closed])

    text = "\n".join(lines)
    assert lines[0].startswith("State of 10:20:04 ET, 56 s ago; the session ended without saying goodbye.")
    assert "Day P&L +341.48 continues" in lines[0]
    assert "connected: PAPER DU1, 127.0.0.1:7497, client id 1" in text
    assert "TSLA: we knew 50 long, broker has 50 long; none · stop alive; restored" in text
    assert "AMD: we knew 200 long, broker has flat; closed while away; stop 164.02 booked -18.00" in text
    assert "recovered positions: 2 (NVDA, TSLA)" in text
    assert lines[-1] == "recovery complete: 1 changed in the books (AMD: closed while away)"


@pytest.mark.req("RECOVERY-LOG-1")
def test_agreement_is_said_only_where_the_last_comparison_found_nothing_different() -> None:
    (same,) = compare_positions([held("TSLA", 50)], [listed("TSLA", "50")], at=TEN)
    row = finding_row(same, Known(protected=50), position=held("TSLA", 50))

    assert restart_report(_found(agreed=True), [row])[-1] == "recovery complete: books and broker agree"
    assert "found differences" in restart_report(_found(agreed=False), [row])[-1]


@pytest.mark.req("RECOVERY-LOG-1")
def test_what_was_booked_and_what_was_left_alone_is_counted_and_named() -> None:
    (taken,) = compare_positions([held("TSLA", 50, con_id=1)], [listed("TSLA", "60", con_id=1)], at=TEN)
    (left,) = compare_positions([], [listed("META", "-30", con_id=2)], at=TEN, foreign={2: Decimal(-30)})
    rows = [finding_row(taken, Known()), finding_row(left, Known())]
    found = _found(agreed=False, booked=frozenset({rows[0].row_id}))

    assert restart_report(found, rows)[-1] == (
        "recovery complete: 1 changed in the books (TSLA: other quantity); 1 left alone (META: foreign)"
    )


def test_a_row_of_ours_and_a_foreign_one_of_the_same_instrument_have_ids_of_their_own() -> None:
    both = compare_positions([held("SPY", 100)], [listed("SPY", "130")], at=TEN, foreign={1: Decimal(30)})

    assert [finding_row(f, Known()).row_id for f in both] == ["foreign 1", "restored 1"]


@pytest.mark.req("RECOVERY-LOG-2")
def test_a_first_start_says_so_and_how_much_is_loaded() -> None:
    lines = restart_report(_found(state_at=None, positions=0), [])

    assert lines[:2] == ("No previous state found (clean start)", "Loaded 2 strategies")


@pytest.mark.req("RECOVERY-RISK-3")
def test_state_of_another_day_says_what_is_dropped() -> None:
    found = _found(day=date(2026, 11, 19), state_at=TEN - timedelta(hours=20))
    lines = restart_report(found, [])

    assert "Day P&L starts at 0" in lines[0]
    assert "2026-11-19" in lines[0]
    assert any("attempts, session P&L, bars and analytics of that day are dropped" in line for line in lines)


def test_what_waits_is_counted_at_the_end() -> None:
    (orphan,) = compare_positions([], [listed("META", "-30")], at=TEN)

    lines = restart_report(_found(), [finding_row(orphan, Known())])

    assert lines[-1] == "recovery waits: 1 to settle; entries are blocked until then"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(40, "40 s"), (720, "12 min"), (11_100, "3 h 5 min"), (200_000, "2 days"), (-5, "0 s")],
)
def test_ages_are_told_in_one_or_two_units(seconds: int, text: str) -> None:
    assert age_text(timedelta(seconds=seconds)) == text
