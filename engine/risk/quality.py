"""Is there a price to trade at: session, window, age, kind and spread of the quote, collar, account. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from engine.domain.instrument import SecType, SessionHours
from engine.domain.market import NEW_YORK, Quote
from engine.domain.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal
from engine.risk.world import GateWorld

_FUTURE = SecType.FUTURE
NONE_ANY_MORE: Final = datetime.min.replace(tzinfo=UTC)
"""End of entries of a contract that ends within days."""


def check_session(world: GateWorld, limits: RiskLimits) -> Refusal | None:
    """The instrument is known, its regular session is open, and entries are allowed at this hour."""
    instrument = world.instrument
    if instrument is None:
        return Refusal(Reason.UNKNOWN_INSTRUMENT, "the broker has not described this instrument")
    now = world.now
    session = instrument.liquid_session(now)
    if session is None:
        return Refusal(Reason.SESSION_CLOSED, f"{instrument.key}: its regular session is not open")
    if limits.open_delay_s and (open_s := (now - session.open).total_seconds()) < limits.open_delay_s:
        text = f"{instrument.key}: open for {open_s:.1f} s, entries begin after {limits.open_delay_s:g} s"
        return Refusal(Reason.SESSION_CLOSED, text, limits.open_delay_s, open_s)
    for begins, ends in _entry_windows(session, limits.entry_start, limits.entry_end):
        if begins <= now < ends:
            break
    else:
        window = f"{limits.entry_start:%H:%M}-{limits.entry_end:%H:%M} ET"
        clock = f"{now.astimezone(NEW_YORK):%H:%M} ET"
        return Refusal(Reason.ENTRY_WINDOW, f"{clock} is outside the entry window {window}")
    if world.entries_end is not None and now >= world.entries_end:
        if world.entries_end is NONE_ANY_MORE:
            text = (
                f"{instrument.key}: it ends on {instrument.last_trade_date}, the next contract is traded now"
            )
            return Refusal(Reason.EXPIRY, text)
        text = f"{instrument.key}: its market closes soon, no entry since {world.entries_end:%H:%M} UTC"
        return Refusal(Reason.NEAR_CLOSE, text)
    return None


@lru_cache(maxsize=4096)
def _entry_windows(session: SessionHours, start: time, end: time) -> tuple[tuple[datetime, datetime], ...]:
    """The entry window on each of New York's days that a session touches, UTC; the last one first.

    Worked out once per session: the zone's rules cost more than all the comparisons of a decision.
    """
    first, day = (at.astimezone(NEW_YORK).date() for at in session)
    windows = []
    while day >= first:
        begins, ends = (datetime.combine(day, at, NEW_YORK).astimezone(UTC) for at in (start, end))
        windows.append((begins, ends))
        day -= timedelta(days=1)
    return tuple(windows)


def check_quote(key: str, world: GateWorld, limits: RiskLimits) -> Refusal | None:
    """A live, fresh, two-sided quote that is not too wide."""
    quote = world.quote
    # One comparison says: both there, positive, finite and not crossed.
    if quote is None or not 0.0 < (bid := quote.bid) <= (ask := quote.ask) < math.inf:
        return Refusal(Reason.NO_QUOTE, f"{key}: no two-sided quote")
    instrument, age_s, most_s = world.instrument, world.now.timestamp() - quote.at, limits.max_quote_age_s
    if limits.max_quote_age_of and instrument is not None:
        most_s = limits.quote_age_s(instrument.sec_type)
    if not age_s <= most_s:
        text = f"{key}: quote is {age_s:.1f} s old, {most_s:g} s are allowed"
        return Refusal(Reason.STALE_QUOTE, text, most_s, age_s)
    if not world.is_live_data:
        return Refusal(Reason.DELAYED_DATA, f"{key}: the broker delivers delayed or frozen data")
    spread_bps = 20_000.0 * (ask - bid) / (ask + bid)
    if spread_bps > limits.max_spread_bps:
        # One step of the price is as narrow as a market can be, whatever share of the price it is.
        if instrument is not None and ask - bid <= instrument.min_tick * 1.000001:
            return None
        text = f"{key}: the spread is {spread_bps:.1f} bps of {limits.max_spread_bps:g} bps"
        return Refusal(Reason.SPREAD, text, limits.max_spread_bps, spread_bps)
    return None


def check_account(key: str, world: GateWorld, limits: RiskLimits) -> Refusal | None:
    """What the broker said of the account, and of a future's margin, is fresh; never heard is not."""
    most_s = limits.max_account_age_s
    if not world.equity_age_s <= most_s:
        text = f"the account's figures are {_age(world.equity_age_s)}, {most_s:g} s are allowed"
        return Refusal(Reason.STALE_ACCOUNT, text, most_s, world.equity_age_s)
    instrument = world.instrument
    if instrument is None or instrument.sec_type is not _FUTURE or world.margin_usd is None:
        return None  # a margin that is not known at all is refused where it is needed
    if not world.margin_age_s <= most_s:
        text = f"{key}: its margin is {_age(world.margin_age_s)}, {most_s:g} s are allowed"
        return Refusal(Reason.STALE_ACCOUNT, text, most_s, world.margin_age_s)
    return None


def _age(age_s: float) -> str:
    return "not known yet" if math.isnan(age_s) else f"{age_s:.0f} s old"


def check_collar(key: str, price: float, quote: Quote, limits: RiskLimits) -> Refusal | None:
    """An order's limit is near the fresh price. The caller has checked the quote."""
    away_pct = 100.0 * abs(2.0 * price / (quote.bid + quote.ask) - 1.0)
    if price > 0 and away_pct <= limits.price_collar_pct + 1e-9:  # which NaN is not
        return None
    text = f"{key}: {price:g} is {away_pct:.2f} % of {limits.price_collar_pct:g} % away from {quote.mid:g}"
    return Refusal(Reason.PRICE_COLLAR, text, limits.price_collar_pct, away_pct)
