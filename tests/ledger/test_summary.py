"""The day in figures: every key with its exact type, whatever happened or did not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from engine.domain.position import Partial, Trade
from engine.ledger.changes import BookedFill
from engine.ledger.positions import PositionManager
from engine.ledger.summary import trade_record, trades_json
from tests.ledger.building import at, fill

TYPES = {
    "total_trades": int,
    "daily_pnl": float,
    "winners": int,
    "losers": int,
    "win_rate": float,
    "avg_winner": float,
    "avg_loser": float,
    "trades": list,
}


def traded(*nets: int) -> PositionManager:
    """A day with one round trip of one share per net result."""
    manager = PositionManager()
    for number, net in enumerate(nets):
        for step, (size, price) in enumerate([(1, 500), (-1, 500 + net)]):
            booked = fill(f"e{number}-{step}.01", size, str(price), seconds=10 * number + step)
            manager.apply_fill(BookedFill(booked, "signal", None))
    return manager


@pytest.mark.req("REQ-DATA-001", "BUG-001", "REQ-TEST-001")
@pytest.mark.parametrize("nets", [(), (5,), (5, -3, 0, 7, -9)])
def test_the_summary_has_exactly_its_keys_and_types(nets):
    summary = traded(*nets).get_daily_summary()

    assert {name: type(value) for name, value in summary.items()} == TYPES
    assert summary["total_trades"] == len(nets) == len(summary["trades"])
    assert summary["daily_pnl"] == sum(nets)


@pytest.mark.req("REQ-DATA-001", "REQ-TEST-001")
def test_the_summary_of_five_trades_by_hand():
    summary = traded(5, -3, 0, 7, -9).get_daily_summary()

    assert (summary["winners"], summary["losers"], summary["win_rate"]) == (2, 2, 0.4)
    assert (summary["avg_winner"], summary["avg_loser"]) == (6.0, -6.0)


@pytest.mark.req("REQ-DATA-001")
def test_a_day_without_trades_divides_by_nothing():
    summary = PositionManager().get_daily_summary()

    assert [summary[name] for name in TYPES] == [0, 0.0, 0, 0, 0.0, 0.0, 0.0, []]


def test_the_days_result_is_after_fees_and_has_what_partials_of_open_positions_made():
    manager = PositionManager()
    manager.apply_fill(BookedFill(fill("a.01", 100, "10", commission="1"), "signal", None))
    manager.apply_fill(BookedFill(fill("b.01", -40, "12", commission="1", seconds=1), "PARTIAL_50", None))

    summary = manager.get_daily_summary()

    assert (summary["total_trades"], summary["daily_pnl"]) == (0, 78.0)


@pytest.mark.req("REQ-ARCH-008", "REQ-DATA-003")
def test_trades_are_saved_as_json_with_their_partials_and_times_in_utc():
    eastern = timezone(timedelta(hours=-4))
    trade = Trade(
        key="TSLA",
        owner="pivot",
        quantity=-100,
        entry_price=Decimal("445.25"),
        exit_price=Decimal("444.25"),
        opened_at=datetime(2025, 10, 6, 10, 5, 47, tzinfo=eastern),
        closed_at=at(0),
        gross_usd=Decimal(100),
        fees_usd=Decimal("2.5"),
        reason="stop",
        partials=(Partial(at(-60), Decimal("444.5"), 50, "PARTIAL_50", "ck-1"),),
    )

    (record,) = json.loads(trades_json([trade]))

    assert record == json.loads(json.dumps(trade_record(trade)))
    assert (record["side"], record["shares"], record["pnl"]) == ("SHORT", 100, 97.5)
    assert record["entry_time"] == "2025-10-06T14:05:47+00:00"
    assert datetime.fromisoformat(record["exit_time"]).tzinfo == UTC
    assert record["partials"] == [
        {"time": "2026-11-20T14:59:00+00:00", "price": 444.5, "shares": 50, "reason": "PARTIAL_50"}
    ]
    assert json.loads(trades_json([])) == []
