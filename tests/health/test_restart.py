"""The restart window and weekly login of a gateway, on the New York clock, over midnight."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import NEW_YORK
from engine.health.restart import RestartPlan, restart_at

PLAN = RestartPlan(time(23, 40), time(0, 10), no_entry_s=300.0, login_weekday=6, login_at=time(1, 0))


def eastern(day: int, hour: int, minute: int = 0, *, month: int = 11) -> datetime:
    """A moment of 2026 in New York; 16 November is a Monday."""
    return datetime(2026, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "inside", "near"),
    [
        (eastern(16, 10), False, False),
        (eastern(16, 23, 34), False, False),
        (eastern(16, 23, 35), False, True),
        (eastern(16, 23, 40), True, False),
        (eastern(17, 0, 9), True, False),
        (eastern(17, 0, 10), False, False),
        (eastern(22, 0, 54), False, False),
        (eastern(22, 0, 55), False, True),
        (eastern(22, 1, 0), True, False),
        (eastern(22, 2, 0), False, False),
        (eastern(23, 1, 0), False, False),
    ],
)
def test_the_window_goes_over_midnight_and_the_login_comes_on_sunday(
    at: datetime, inside: bool, near: bool
) -> None:
    found = restart_at(at, PLAN)

    assert (found.inside, found.near) == (inside, near)


def test_it_counts_down() -> None:
    found = restart_at(eastern(16, 22, 40), PLAN)

    assert found.starts_in_s == 3600.0
    assert found.login_in_s == (eastern(22, 1) - eastern(16, 22, 40)).total_seconds()
    assert restart_at(eastern(17, 0, 0), PLAN).ends_in_s == 600.0


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)))
def test_the_next_window_is_always_ahead_and_never_more_than_a_day_away(naive: datetime) -> None:
    found = restart_at(naive.replace(tzinfo=UTC), PLAN)

    assert 0 < found.starts_in_s <= timedelta(hours=25).total_seconds()
    assert 0 < found.login_in_s <= timedelta(days=7, hours=1).total_seconds()
    assert found.inside == (found.ends_in_s > 0)
    assert not (found.inside and found.near)
