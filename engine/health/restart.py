"""When a real gateway restarts: the daily window and the weekly login, on the New York clock. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import NamedTuple

from engine.domain.market import NEW_YORK

LOGIN_LASTS_S = 3600.0
"""How long the weekly login counts as a restart."""


class RestartPlan(NamedTuple):
    """The gateway's habits."""

    start: time
    end: time
    no_entry_s: float
    login_weekday: int
    """Monday is 0."""
    login_at: time


class Restart(NamedTuple):
    """Where a moment stands between two restarts; seconds of the exchange's clock."""

    inside: bool
    near: bool
    """The next window is so close that no entry is made any more."""
    starts_in_s: float
    ends_in_s: float
    """Of the window we are in; 0 outside."""
    login_in_s: float


def restart_at(now: datetime, plan: RestartPlan) -> Restart:
    """Where `now` (aware) stands."""
    local = now.astimezone(NEW_YORK)
    daily = [_daily(local, plan, days) for days in (-1, 0, 1)]
    weekly = [_weekly(local, plan, weeks) for weeks in (-1, 0, 1)]
    windows = sorted([*daily, *weekly])
    here = [(begin, end) for begin, end in windows if begin <= now < end]
    ahead_s = min((begin - now).total_seconds() for begin, _ in windows if begin > now)
    login_s = min((begin - now).total_seconds() for begin, _ in weekly if begin > now)
    ends_s = max(((end - now).total_seconds() for _, end in here), default=0.0)
    return Restart(bool(here), not here and ahead_s <= plan.no_entry_s, ahead_s, ends_s, login_s)


def _daily(local: datetime, plan: RestartPlan, days: int) -> tuple[datetime, datetime]:
    day = local.date() + timedelta(days=days)
    over_midnight = plan.end <= plan.start
    begin = datetime.combine(day, plan.start, NEW_YORK)
    return begin, datetime.combine(day + timedelta(days=over_midnight), plan.end, NEW_YORK)


def _weekly(local: datetime, plan: RestartPlan, weeks: int) -> tuple[datetime, datetime]:
    ahead = (plan.login_weekday - local.weekday()) % 7
    day = local.date() + timedelta(days=ahead + 7 * weeks)
    begin = datetime.combine(day, plan.login_at, NEW_YORK)
    return begin, begin + timedelta(seconds=LOGIN_LASTS_S)
