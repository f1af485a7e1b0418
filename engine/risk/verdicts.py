"""What each check of the gate says to one entry, with its figures, for people who ask first. Pure.

The gate stops at its first refusal; whoever decides wants to see them all. Nothing is let through by this:
what is sent is judged by the gate itself, and the first refusal here is the gate's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from engine.domain.instrument import Instrument
from engine.domain.market import NEW_YORK
from engine.domain.order import Proposal
from engine.domain.preview import EntryTicket
from engine.risk.caps import Cap, caps_of, first_exceeded, regime_factor
from engine.risk.exposure import unit_exposure_usd
from engine.risk.gate import check_engine, check_holdings, check_pauses
from engine.risk.limits import RiskLimits
from engine.risk.liquidity import check_depth
from engine.risk.losses import check_losses, size_factor
from engine.risk.profile import check_profile
from engine.risk.quality import check_account, check_quote, check_session
from engine.risk.refusal import Refusal
from engine.risk.selection import check_selection
from engine.risk.sizing import entry_limit, risk_budget_usd, size_entry
from engine.risk.world import GateWorld


class Verdict(NamedTuple):
    """One check: what it looked at, and its refusal; None where it passes."""

    name: str
    refusal: Refusal | None
    figures: str = ""
    """What was compared with what; empty where there is nothing to say beside the refusal."""
    is_asked: bool = True
    """False where it could not be asked: what it needs is refused by a check before it."""


def verdicts(
    proposal: Proposal,
    world: GateWorld,
    limits: RiskLimits,
    *,
    wanted: int | None = None,
    limit_price: float | None = None,
) -> tuple[Verdict, ...]:
    """Every check in the order of the gate. Arguments as of `check_entry`."""
    standing = tuple(_standing(proposal, world, limits))
    instrument, priced = world.instrument, check_quote(proposal.key, world, limits) is None
    if instrument is None or not priced:
        return (*standing, Verdict("size", None, "not asked: it needs a price", is_asked=False))
    sized = size_entry(proposal, world, limits, wanted=wanted, limit_price=limit_price)
    price = _price(proposal, instrument, world, limits, limit_price)
    unit_usd = unit_exposure_usd(instrument, price, world.margin_usd)
    return (*standing, *_sizes(proposal, instrument, world, limits, sized, unit_usd, wanted or 1))


def _price(
    proposal: Proposal,
    instrument: Instrument,
    world: GateWorld,
    limits: RiskLimits,
    limit_price: float | None,
) -> float:
    """What the gate reckons the caps with: the order's own limit. 0 without a quote."""
    if world.quote is None:
        return 0.0
    return entry_limit(proposal.side, instrument, world.quote, limits.entry_ticks_through, limit_price)


def _standing(proposal: Proposal, world: GateWorld, limits: RiskLimits) -> Iterator[Verdict]:
    """What is asked before there is a size."""
    key, instrument, busy = proposal.key, world.instrument, len(world.commitments.busy)
    symbol = key if instrument is None else instrument.symbol
    yield Verdict("engine", check_engine(proposal.strategy, key, world), "takes entries, no brake holds it")
    profile = check_profile(
        key, proposal.side, profile=world.profile, instrument=instrument, is_paper=world.is_paper
    )
    yield Verdict("profile", profile, world.profile.value)
    window = f"{limits.entry_start:%H:%M}-{limits.entry_end:%H:%M} ET"
    yield Verdict("session", check_session(world, limits), f"{_clock(world.now)}, entries {window}")
    factor = f"regime factor {regime_factor(world, limits):g}, {world.selection.status.value}"
    yield Verdict("universe", check_selection(key, symbol, world.selection, limits), factor)
    yield Verdict("quote", check_quote(key, world, limits), _quote_figures(world, limits))
    yield Verdict(
        "account",
        check_account(key, world, limits),
        f"figures {world.equity_age_s:.0f} s old of {limits.max_account_age_s:g} s",
    )
    yield Verdict("losses", check_losses(key, world.losses, limits), _loss_figures(world, limits))
    slots = f"nothing held or out in it, {busy} of {limits.max_positions} positions in use"
    yield Verdict("position", check_holdings(proposal, world, limits), slots)
    pace = f"{world.pace.orders_last_minute} of {limits.orders_per_minute} orders in the last minute"
    yield Verdict("pace", check_pauses(proposal, world, limits), f"no cooldown, {pace}")


def _sizes(
    proposal: Proposal,
    instrument: Instrument,
    world: GateWorld,
    limits: RiskLimits,
    sized: EntryTicket | Refusal,
    unit_usd: float,
    least: int,
) -> Iterator[Verdict]:
    """Price, stop, size, every cap with what the order makes of it, and the book.

    `least` are the units, each of `unit_usd`, that the caps are shown for where there is no size.
    """
    caps = caps_of(instrument, world, limits)
    found = () if isinstance(caps, Refusal) else caps
    of_caps = {cap[0][0] for cap in found}
    if isinstance(sized, Refusal):
        own = None if sized.reason in of_caps else sized
        yield Verdict("size", own, f"{least} would be more than a cap below leaves")
        yield from _caps(instrument.key, found, least * unit_usd)
        return
    budget_usd = risk_budget_usd(world, limits)
    risk = f"{sized.quantity} at {sized.limit_price:g} with its stop at {sized.stop_price:g}"
    yield Verdict("size", None, f"{risk}: risks {sized.risk_usd:,.2f} of {budget_usd:,.2f} USD")
    yield from _caps(instrument.key, found, sized.exposure_usd)
    depth = check_depth(proposal.side, sized.quantity, sized.limit_price, world, limits)
    asked = bool(limits.depth_share_stock or limits.depth_share_future)
    yield Verdict("depth", depth, "the book holds enough" if asked else "not asked for")


def _caps(key: str, caps: tuple[Cap, ...], wanted_usd: float) -> Iterator[Verdict]:
    for cap in caps:
        (_, name), limit, used = cap
        figures = f"{used + wanted_usd:,.2f} of {limit:,.2f} USD"
        yield Verdict(name, first_exceeded(key, (cap,), wanted_usd), figures)


def _quote_figures(world: GateWorld, limits: RiskLimits) -> str:
    quote = world.quote
    if quote is None:
        return ""
    age_s, spread_bps = world.now.timestamp() - quote.at, 20_000.0 * (quote.ask - quote.bid)
    most_s = limits.max_quote_age_s
    if world.instrument is not None:
        most_s = limits.quote_age_s(world.instrument.sec_type)
    both = quote.ask + quote.bid
    wide = f", spread {spread_bps / both:.1f} of {limits.max_spread_bps:g} bps" if both > 0 else ""
    return f"{quote.bid:g} / {quote.ask:g}, {age_s:.1f} s old of {most_s:g} s{wide}"


def _loss_figures(world: GateWorld, limits: RiskLimits) -> str:
    day_pct, _, session_pct, _ = world.losses
    factor = size_factor(world.losses, limits)
    return (
        f"today {day_pct:+.2f} % of -{limits.daily_loss_pct:g} %, "
        f"drawdown {session_pct:.2f} of {limits.session_drawdown_pct:g} %, size factor {factor:.2f}"
    )


def _clock(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%H:%M:%S} ET"
