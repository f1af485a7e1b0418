"""The exchange's clock runs at its speed, stands still when told, and steps only in lockstep."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gateway.assembly import choose_start
from engine.gateway.clock import ExchangeClock
from engine.gateway.model import GatewaySettings
from engine.gateway.wire_text import EXCHANGE_ZONE, parse_time, time_text
from tests.gateway.wire.world import ManualMonotonic


@given(st.floats(0.1, 1000), st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=10))
def test_time_passes_at_speed_except_while_frozen(speed: float, parts: list[tuple[float, bool]]) -> None:
    monotonic = ManualMonotonic()
    clock = ExchangeClock(5000.0, monotonic=monotonic, speed=speed)
    expected = 5000.0
    for seconds, is_frozen in parts:
        clock.freeze() if is_frozen else clock.resume()
        monotonic.now_s += seconds
        expected += 0 if is_frozen else seconds * speed

    assert clock.now() == pytest.approx(expected, abs=1e-3)


def test_a_lockstep_clock_moves_by_steps_alone() -> None:
    monotonic = ManualMonotonic()
    clock = ExchangeClock(100.0, monotonic=monotonic, lockstep=True)
    monotonic.now_s += 50

    assert clock.now() == 100.0
    assert clock.step() == 101.0
    assert clock.speed == 0.0


def test_a_clock_of_real_time_refuses_to_be_stepped() -> None:
    with pytest.raises(ValueError, match="lockstep"):
        ExchangeClock(0.0, monotonic=ManualMonotonic()).step()


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=EXCHANGE_ZONE).timestamp()


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        (None, "2026-11-20T10:00"),
        ("2026-11-18T11:30", "2026-11-18T11:30"),
        ("2026-11-18T16:00", "2026-11-19T10:00"),
        ("2026-11-20T17:00", "2026-11-23T10:00"),
        ("2026-11-21T12:00", "2026-11-23T10:00"),
        ("2026-11-25T16:30", "2026-11-27T10:00"),
        ("2026-11-27T13:00", "2026-11-30T10:00"),
    ],
    ids=[
        "fresh",
        "mid-session",
        "at the close",
        "over a weekend",
        "on a Saturday",
        "over Thanksgiving",
        "early close",
    ],
)
def test_a_start_continues_the_journal_or_moves_to_the_next_session(saved: str | None, expected: str) -> None:
    settings = GatewaySettings(state_dir="unused")
    start = choose_start(settings, saved=None if saved is None else at(saved), today=dt.date(2026, 11, 22))

    assert start.epoch == at(expected)
    assert start.session_date.isoformat() == expected[:10]


def test_an_explicit_later_session_wins_over_the_journal() -> None:
    settings = GatewaySettings(state_dir="unused", session_date="2026-11-20", start_at="11:00")

    assert choose_start(settings, saved=at("2026-11-18T11:30"), today=dt.date(2026, 11, 22)).epoch == at(
        "2026-11-20T11:00"
    )
    assert choose_start(settings, saved=at("2026-11-20T12:30"), today=dt.date(2026, 11, 22)).epoch == at(
        "2026-11-20T12:30"
    )


@given(st.integers(1_400_000_000, 1_900_000_000))
def test_written_times_read_back_at_both_spellings(ts: int) -> None:
    assert parse_time(time_text(ts, version=178), name="time") == pytest.approx(ts, abs=3600.0)
    local = dt.datetime.fromtimestamp(ts, EXCHANGE_ZONE)
    if local.fold == 0:
        assert parse_time(time_text(ts, version=178), name="time") == ts
        assert parse_time(time_text(ts, version=157), name="time") == ts
    assert parse_time(f"{dt.datetime.fromtimestamp(ts, dt.UTC):%Y%m%d-%H:%M:%S}", name="time") == ts
