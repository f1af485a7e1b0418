"""Which session a gateway starts in, and with which market."""

from __future__ import annotations

import datetime as dt

import pytest

from engine.gateway.market_factory import choose_session, make_market, start_time
from engine.gateway.model import GatewaySettings
from engine.gateway.synthetic import SyntheticMarket
from tests.gateway.market.markets import SPY, at


@pytest.mark.parametrize(
    ("today", "session"),
    [
        ("2026-11-20", "2026-11-20"),
        ("2026-11-22", "2026-11-20"),
        ("2026-11-26", "2026-11-25"),
        ("2026-11-27", "2026-11-27"),
        ("2027-01-01", "2026-12-31"),
    ],
)
def test_a_newcomer_on_a_closed_day_gets_the_last_open_one(today: str, session: str) -> None:
    chosen = choose_session(GatewaySettings(state_dir=""), dt.date.fromisoformat(today))

    assert chosen == dt.date.fromisoformat(session)


def test_a_date_asked_for_wins_and_a_closed_one_is_refused() -> None:
    asked = GatewaySettings(state_dir="", session_date="2025-03-10")
    closed = GatewaySettings(state_dir="", session_date="2026-11-26")

    assert choose_session(asked, dt.date(2026, 11, 20)) == dt.date(2025, 3, 10)
    with pytest.raises(ValueError, match="2026-11-26 is a weekend or a holiday"):
        choose_session(closed, dt.date(2026, 11, 20))


@pytest.mark.parametrize("date", ["2025-03-07", "2025-03-10"])
def test_the_start_is_ten_in_new_york_on_both_sides_of_the_clock_change(date: str) -> None:
    settings = GatewaySettings(state_dir="")

    assert start_time(settings, dt.date.fromisoformat(date)) == at(f"{date} 10:00")


def test_a_new_market_is_open_with_quotes_and_history_behind_it() -> None:
    settings = GatewaySettings(state_dir="", seed=5)
    market = make_market(settings, session_date=dt.date(2026, 11, 20))

    for con_id in market.contracts:
        assert market.quote(con_id) is not None
        assert market.last_trade(con_id) is not None
        assert market.previous_close(con_id) > 0
    bars = market.bars(SPY, end=at("2026-11-20 10:00"), count=720, seconds=5, what="TRADES", rth=True)
    assert len(bars) == 720


def test_a_restart_continues_where_it_is_told_to() -> None:
    settings = GatewaySettings(state_dir="", seed=5)
    at_noon = make_market(settings, session_date=dt.date(2026, 11, 20), start=at("2026-11-20 12:00:02"))

    due = at_noon.next_time()
    assert isinstance(at_noon, SyntheticMarket)
    assert due is not None
    assert at("2026-11-20 12:00:02") < due < at("2026-11-20 12:00:04")


def test_an_unknown_world_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="world 'void' is unknown"):
        make_market(GatewaySettings(state_dir="", world="void"), session_date=dt.date(2026, 11, 20))
