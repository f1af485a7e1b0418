"""Verdicts on the way to the market: link, data, halts, margin, the gateway's restart, calendar. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from engine.domain.reasons import Reason
from engine.health.restart import Restart
from engine.health.verdicts import Check, Verdict, bad, note, ok, warn

_NAMED = 4
"""Symbols named before the rest is only counted."""


class LinkPulse(NamedTuple):
    """The line to the broker."""

    up: bool
    state: str
    """In words, with what is being done about it."""
    round_trip_ms: float | None
    detect_s: float


class DataAges(NamedTuple):
    """Quote ages of what is traded, in exchange seconds."""

    ages_s: Mapping[str, float | None]
    """By symbol, where its session has been open for a moment; None before the first quote."""
    closed: int = 0
    """How many have no session now."""


class Margins(NamedTuple):
    """Figures of the account, USD; NaN where the broker did not say."""

    net_liquidation_usd: float
    excess_usd: float
    buying_power_usd: float


class Calendar(NamedTuple):
    """Sessions of what is traded."""

    unknown: tuple[str, ...]
    """Symbols whose hours the broker did not tell, or whose told hours have all passed."""
    is_open: bool
    closes_in_s: float | None
    opens_in_s: float | None


def judge_link(pulse: LinkPulse) -> Verdict:
    """A line that is not up blocks by itself; here it also waits until it has been up for a while."""
    limit = f"silent {pulse.detect_s:g} s"
    if not pulse.up:
        return bad(Check.LINK, Reason.LINK_DOWN, pulse.state, value="down", limit=limit)
    if pulse.round_trip_ms is None:
        return ok(Check.LINK, "up", value="up", limit=limit)
    shown = f"{pulse.round_trip_ms:.1f} ms"
    return ok(Check.LINK, f"rtt {shown}", value=shown, limit=limit)


def judge_data(data: DataAges, *, max_age_s: float) -> Verdict:
    """Each stale symbol is blocked at the gate; all of them stale blocks everything."""
    limit = f"{max_age_s:g} s"
    known = {key: age for key, age in data.ages_s.items() if age is not None}
    stale = sorted(key for key, age in known.items() if not age <= max_age_s)
    fresh = len(known) - len(stale)
    oldest = max(known.values(), default=None)
    value = "" if oldest is None else f"{oldest:.1f} s"
    text = f"{fresh} live, {len(stale)} stale" + (f", {data.closed} closed" if data.closed else "")
    if stale and not fresh:
        said = f"no price of {_named(stale)} moved for {limit}"
        return bad(Check.DATA, Reason.DATA_SILENT, said, value=value, limit=limit)
    if stale:
        return warn(Check.DATA, f"{text}: {_named(stale)}", value=value, limit=limit)
    if not known:
        waiting = "waiting for prices" if data.ages_s else "nothing subscribed"
        return note(Check.DATA, text if data.closed else waiting, limit=limit)
    return ok(Check.DATA, text, value=value, limit=limit)


def judge_entitlement(kinds: Mapping[str, str]) -> Verdict:
    """`kinds`: symbol -> what is delivered instead of real-time prices. The gate blocks each of them."""
    if not kinds:
        return ok(Check.ENTITLEMENT, "real time", value="real time", limit="real time")
    words = sorted(set(kinds.values()))
    text = "; ".join(f"{word}: {_named(sorted(k for k, v in kinds.items() if v == word))}" for word in words)
    return warn(Check.ENTITLEMENT, text, value=", ".join(words), limit="real time")


def judge_halts(halted: Mapping[str, str]) -> Verdict:
    """`halted`: symbol -> why it is not traded. The gate blocks each of them, the others go on."""
    if not halted:
        return ok(Check.HALTS, "none", value="0", limit="0")
    text = ", ".join(f"{key} {why}" for key, why in sorted(halted.items())[:_NAMED])
    more = len(halted) - _NAMED
    return warn(
        Check.HALTS, f"{text} and {more} more" if more > 0 else text, value=str(len(halted)), limit="0"
    )


def judge_margin(margins: Margins, *, min_pct: float) -> Verdict:
    """Excess liquidity as a share of net liquidation; unknown figures are the gate's to refuse."""
    limit = f"{min_pct:g} %"
    nlv, excess = margins.net_liquidation_usd, margins.excess_usd
    if not (math.isfinite(nlv) and math.isfinite(excess) and nlv > 0):
        return note(Check.MARGIN, "—", limit=limit)
    pct = 100.0 * excess / nlv
    shown = f"{pct:.0f} %"
    power = margins.buying_power_usd
    text = f"{shown} free" + (f", buying power {power:,.0f}" if math.isfinite(power) else "")
    if pct < min_pct:
        return bad(Check.MARGIN, Reason.MARGIN_LOW, text, value=shown, limit=limit)
    if pct < 4 * min_pct:
        return warn(Check.MARGIN, text, value=shown, limit=limit)
    return ok(Check.MARGIN, text, value=shown, limit=limit)


def judge_restart(restart: Restart | None) -> Verdict:
    """Blocks in the gateway's restart window and shortly before; counts down to it and to the next login."""
    if restart is None:
        return note(Check.RESTART, "none: embedded", value="none")
    if restart.inside:
        text = f"restart window, over in {_until(restart.ends_in_s)}"
        return bad(Check.RESTART, Reason.GATEWAY_RESTART, text, value="now")
    shown = _until(restart.starts_in_s)
    text = f"restart in {shown}, login in {_until(restart.login_in_s)}"
    if restart.near:
        return bad(Check.RESTART, Reason.GATEWAY_RESTART, text, value=shown)
    return ok(Check.RESTART, text, value=shown)


def judge_calendar(calendar: Calendar) -> Verdict:
    """Sessions must be known; that the market is shut is no trouble."""
    if calendar.unknown:
        text = f"no session hours for {_named(calendar.unknown)}"
        return warn(Check.CALENDAR, text, value="unknown", limit="known")
    if calendar.is_open:
        left = "" if calendar.closes_in_s is None else f", closes in {_until(calendar.closes_in_s)}"
        return ok(Check.CALENDAR, f"open{left}", value="open", limit="known")
    left = "" if calendar.opens_in_s is None else f", opens in {_until(calendar.opens_in_s)}"
    return note(Check.CALENDAR, f"closed{left}", value="closed", limit="known")


def judge_model(text: str) -> Verdict:
    """What the confidence panel says of the model; without one there is nothing to judge."""
    return note(Check.MODEL, text)


def _named(keys: list[str] | tuple[str, ...]) -> str:
    more = len(keys) - _NAMED
    return ", ".join(keys[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _until(seconds: float) -> str:
    """`2 d 5 h`, `5 h 56 m`, `12 m`, `40 s`."""
    whole = max(0, round(seconds))
    days, hours, minutes = whole // 86_400, whole % 86_400 // 3600, whole % 3600 // 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} m"
    return f"{minutes} m" if minutes else f"{whole} s"
