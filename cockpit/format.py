"""Numbers, times and foreign text as the screen shows them. Pure; unknown is a dash, never a zero."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import datetime
from zoneinfo import ZoneInfo

UNKNOWN = "—"
MINUS = "−"
LIVE = "live"
"""What is younger than a person can tell."""
_UNITS = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
_FRACTIONS = {0.5: "½", 0.25: "¼", 0.75: "¾", 0.33: "⅓", 0.67: "⅔"}


_UNUSUAL = re.compile(
    "[^ -\u02ff\u2000-\u20cf\u2100-\u2bff\u2e80-\u3029\u3030-\u3098\u309b-\ua4cf\uac00-\ud7a3]"
)
"""Where marks without a width of their own may be; letters, signs and boxes of ours are not."""
_MOST_MARKS = 2
"""Marks over one letter; more of them paint over the lines above and below."""
_PRESENTATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Change how wide some terminals paint the sign before them."""


def clean(text: str) -> str:
    """`text` without anything a terminal could obey: control, format and separator characters go.

    What is left takes on screen the cells it is counted as. The last step before the terminal; the engine
    cleans too, but the screen trusts nobody.
    """
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return text if text.isascii() or not _UNUSUAL.search(text) else _bare(text)


def _bare(text: str) -> str:
    """Without signs that change another's width, and with few marks over each letter."""
    kept: list[str] = []
    marks = 0
    for char in _PRESENTATION.sub("", text):
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        if marks <= _MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def is_known(value: float | None) -> bool:
    """False for None, NaN and infinities: none of them is a number to show."""
    return value is not None and math.isfinite(value)


def number(value: float | None, *, decimals: int = 2) -> str:
    """`1,000,341.48`, negative with a real minus sign."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    # Hardly any number is so long that it has a separator, and looking for its place is dear.
    text = f"{value:.{decimals}f}" if -999.0 < value < 999.0 else f"{value:,.{decimals}f}"
    return _with_real_minus(text) if text[0] == "-" else text


def price(value: float | None, *, decimals: int) -> str:
    """A price per unit, without separators so that columns of them stay narrow: `5801.25`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{value:.{decimals}f}"
    return _with_real_minus(text) if text[0] == "-" else text


def signed(value: float | None, *, decimals: int = 2) -> str:
    """Like `number`, with a plus sign where it is a gain; zero has no sign."""
    text = number(value, decimals=decimals)
    if value is None or not 0.0 < value < math.inf:
        return text
    return f"+{text}" if value >= 1.0 or _is_not_zero(text) else text


def _with_real_minus(text: str) -> str:
    return f"{MINUS}{text[1:]}" if _is_not_zero(text) else text[1:]


def _is_not_zero(text: str) -> bool:
    return bool(text.strip("-0.,"))


def arrow(value: float | None) -> str:
    """▲ gain, ▼ loss, · neither or unknown."""
    if value is None or not math.isfinite(value) or value == 0:
        return "·"
    return "▲" if value > 0 else "▼"


def arrowed(value: float | None, *, decimals: int = 2) -> str:
    """Arrow and signed amount: `▲ +132.50`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{'▲' if value > 0 else '▼' if value else '·'} {signed(value, decimals=decimals)}"


def compact(value: float | None) -> str:
    """A sum at a glance: `912`, `44.2k`, `1.3M`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    for limit, unit in _UNITS:
        if not -limit < value < limit:
            return f"{number(value / limit, decimals=1)}{unit}"
    return number(value, decimals=0)


def share(part: float | None, whole: float | None, *, decimals: int = 2) -> str:
    """`part` as a percentage of `whole`: `0.05 %`."""
    if part is None or whole is None or not whole:
        return UNKNOWN
    return f"{number(100.0 * part / whole, decimals=decimals)} %"


def part(share_left: float) -> str:
    """A fraction of one: `½`, `30 %`."""
    return _FRACTIONS.get(round(share_left, 2)) or f"{100 * share_left:.0f} %"


def age(seconds: float | None) -> str:
    """How old something is: `0.2 s`, `12 s`, `3:10`, `2 h 05 m`."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{int(seconds)} s"
    if seconds < 3600:
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
    return duration(seconds)


def freshness(seconds: float | None) -> str:
    """Age for quiet titles, in whole seconds so that it seldom repaints: `live`, `3 s old`."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    return LIVE if seconds < 2 else f"{age(float(int(seconds)))} old".replace(".0 s", " s")


def duration(seconds: float | None) -> str:
    """How long something lasts: `45 s`, `12 m`, `5 h 56 m`, `2 d 03 h`."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, hours = whole // 60, whole // 3600
    if hours < 1:
        return f"{minutes} m"
    return f"{hours} h {minutes % 60:02d} m" if hours < 24 else f"{hours // 24} d {hours % 24:02d} h"


def held(since: datetime | None, *, now: datetime) -> str:
    """Hours and minutes since: `0:12`, `26:05`."""
    if since is None:
        return UNKNOWN
    minutes = max(0, int((now - since).total_seconds()) // 60)
    return f"{minutes // 60}:{minutes % 60:02d}"


def wall_time(moment: datetime | None, *, time_zone: str = "America/New_York") -> str:
    """Time of day at the exchange: `10:03:27`."""
    return UNKNOWN if moment is None else f"{moment.astimezone(ZoneInfo(time_zone)):%H:%M:%S}"


def moment(when: datetime | None, *, now: datetime, time_zone: str = "America/New_York") -> str:
    """Time of day at the exchange, with the date before it where that is not today's: `09 Mar 15:58`."""
    if when is None:
        return UNKNOWN
    zone = ZoneInfo(time_zone)
    there = when.astimezone(zone)
    same_day = there.date() == now.astimezone(zone).date()
    return f"{there:%H:%M:%S}" if same_day else f"{there:%d %b %H:%M}"


def day(moment: datetime, *, time_zone: str = "America/New_York") -> str:
    """The date there: `2026-11-20`."""
    return moment.astimezone(ZoneInfo(time_zone)).date().isoformat()


def zone_name(moment: datetime, *, time_zone: str = "America/New_York") -> str:
    """Short name of the exchange's time zone: `ET`, else what the zone calls itself."""
    return "ET" if time_zone == "America/New_York" else f"{moment.astimezone(ZoneInfo(time_zone)):%Z}"
