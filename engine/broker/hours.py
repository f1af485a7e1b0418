"""Reads the broker's session strings: what an exchange's week looks like, in aware UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.domain.instrument import SessionHours

_OLD_NAMES: Final = {
    "EST": "America/New_York",
    "EST5EDT": "America/New_York",
    "CST": "America/Chicago",
    "CST6CDT": "America/Chicago",
    "MST": "America/Denver",
    "PST": "America/Los_Angeles",
    "GB-Eire": "Europe/London",
    "JST": "Asia/Tokyo",
    "MET": "Europe/Berlin",
}


def zone(name: str) -> ZoneInfo:
    """The time zone the broker means. Raises ValueError for a name nobody knows.

    Older servers write `EST (Eastern Standard Time)` and mean the place with its daylight saving.
    """
    short = name.split(" ", 1)[0].strip()
    try:
        return ZoneInfo(_OLD_NAMES.get(short, short))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}") from error


def parse_hours(text: str, time_zone: str) -> tuple[SessionHours, ...]:
    """Sessions of a tradingHours or liquidHours string, in order, aware UTC.

    Both forms are read: `20240722:0400-20240722:2000` and the older `20240722:0400-2000,2030-2200`;
    `20240721:CLOSED` has no session. Raises ValueError naming the piece that cannot be read.
    """
    tz = zone(time_zone)
    sessions: set[SessionHours] = set()
    for day in text.split(";"):
        if not day.strip() or day.strip().endswith("CLOSED"):
            continue
        sessions.update(_sessions_of(day.strip(), tz))
    return tuple(sorted(sessions))


def _sessions_of(day: str, tz: ZoneInfo) -> list[SessionHours]:
    found: list[SessionHours] = []
    date, colon, _ = day.partition(":")
    for piece in day.split(","):
        first, dash, last = piece.strip().partition("-")
        if not dash or not colon:
            raise ValueError(f"session {day!r} has no opening and closing time")
        opens = _moment(first if ":" in first else f"{date}:{first}", tz)
        closes = _moment(
            last if ":" in last else f"{first.partition(':')[0] if ':' in first else date}:{last}", tz
        )
        if closes <= opens and ":" not in last:
            # The older form names no closing date: a session that ends before it begins ends tomorrow.
            closes += timedelta(days=1)
        if closes <= opens:
            raise ValueError(f"session {day!r} closes before it opens")
        found.append(SessionHours(opens, closes))
    return found


def _moment(text: str, tz: ZoneInfo) -> datetime:
    date, _, clock = text.partition(":")
    if len(date) != 8 or len(clock) != 4 or not (date + clock).isdigit():
        raise ValueError(f"{text!r} is not YYYYMMDD:HHMM")
    # 2400 is the end of a day, which strptime does not know.
    extra = timedelta(days=1) if clock == "2400" else timedelta()
    local = datetime.strptime(date + ("0000" if clock == "2400" else clock), "%Y%m%d%H%M").replace(tzinfo=tz)
    return (local + extra).astimezone(UTC)
