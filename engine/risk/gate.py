"""The gate: the only choke point between a wish and an order. Pure; fails closed on anything unknown.

Entries run through every check and come out sized; the first refusal wins. Exits only ever reduce: they
are clamped to the position and pass whatever brakes are on.
"""

from __future__ import annotations

from engine.domain.instrument import SecType
from engine.domain.order import OrderIntent, Proposal, Side
from engine.domain.plan import NO_PLAN
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.brakes import REASON_OF
from engine.risk.caps import caps_of, check_size, first_exceeded
from engine.risk.exposure import unit_exposure_usd
from engine.risk.limits import RiskLimits
from engine.risk.liquidity import check_depth
from engine.risk.losses import check_losses, conviction_needed
from engine.risk.pace import check_pace, check_past
from engine.risk.profile import Profile, check_profile
from engine.risk.quality import check_account, check_collar, check_quote, check_session
from engine.risk.refusal import Refusal
from engine.risk.selection import check_conviction, check_selection
from engine.risk.sizing import size_entry
from engine.risk.world import GateWorld

_BUY, _FUTURE, _OPEN = Side.BUY, SecType.FUTURE, Profile.OPEN
"""Looked up once: an enum's member costs a tenth of a microsecond each time."""


def check_entry(
    proposal: Proposal,
    world: GateWorld,
    limits: RiskLimits,
    *,
    wanted: int | None = None,
    limit_price: float | None = None,
) -> EntryTicket | Refusal:
    """Judge and size one entry, whoever asks. A `wanted` quantity or limit is judged as it is, never cut."""
    key = proposal.key
    refusal = (
        (check_engine(proposal.strategy, key, world) if world.blocked or world.brakes.brakes else None)
        or (_used(proposal) if proposal.signal_id in world.signals_used else None)
        or (None if world.profile is _OPEN else _profile(key, proposal.side, world))
        or _standing(key, world, limits)
        # No drawdown asks for more than full conviction.
        or (
            _unsure(proposal, world, limits)
            if proposal.conviction != 1.0 or limits.min_conviction > 1.0
            else None
        )
        or check_holdings(proposal, world, limits)
        or check_pauses(proposal, world, limits)
    )
    if refusal is not None:
        return refusal
    ticket = size_entry(proposal, world, limits, wanted=wanted, limit_price=limit_price)
    if isinstance(ticket, Refusal):
        return ticket
    return check_depth(proposal.side, ticket.quantity, ticket.limit_price, world, limits) or ticket


def check_again(intent: OrderIntent, world: GateWorld, limits: RiskLimits) -> Refusal | None:
    """The final gate, right before the bytes of an entry leave: what can have changed since its ticket.

    `world` is the one without this very order. None where it may go.
    """
    refusal = (
        (check_engine(intent.strategy, intent.key, world) if world.blocked or world.brakes.brakes else None)
        or (None if world.profile is _OPEN else _profile(intent.key, intent.side, world))
        or _standing(intent.key, world, limits)
    )
    instrument, quote = world.instrument, world.quote
    if refusal is not None or instrument is None or quote is None:
        return refusal or Refusal(Reason.NO_QUOTE, f"{intent.key}: no quote")
    if intent.side is Side.SELL and not _short_allowed(world, limits):
        return Refusal(Reason.SHORT_NOT_ALLOWED, f"{intent.key}: shorts are not allowed here")
    price = quote.mid if intent.limit_price is None else intent.limit_price
    caps = caps_of(instrument, world, limits)
    if isinstance(caps, Refusal):
        return caps
    wanted_usd = intent.quantity * unit_exposure_usd(instrument, price, world.margin_usd)
    others, most = len(world.commitments.busy - {intent.key}), limits.max_positions
    return (
        (check_slots(others, most) if others >= most else None)
        or check_size(instrument, intent.quantity, limits)
        or check_collar(intent.key, price, quote, limits)
        or first_exceeded(intent.key, caps, wanted_usd)
    )


def clamp_exit(*, position: int, side: Side, wanted: int | None = None) -> int:
    """How much an exit may trade: never more than the position, never its own direction. 0 = nothing."""
    if position * side.sign >= 0:
        return 0
    return min(abs(position), abs(position) if wanted is None else wanted)


def check_engine(strategy: str, key: str, world: GateWorld) -> Refusal | None:
    """The engine takes entries, and no brake holds this one."""
    if world.blocked is not None:
        return Refusal(world.blocked, world.blocked_text)
    brake = world.brakes.blocking(strategy=strategy, key=key)
    if brake is not None:
        where = f"{brake.scope} {brake.name}".strip()
        return Refusal(REASON_OF[brake.level], f"{brake.level.name} of {where}: {brake.reason}")
    return None


def _used(proposal: Proposal) -> Refusal:
    return Refusal(Reason.DUPLICATE_SIGNAL, f"signal {proposal.signal_id} was acted on already")


def _profile(key: str, side: Side, world: GateWorld) -> Refusal | None:
    return check_profile(
        key, side, profile=world.profile, instrument=world.instrument, is_paper=world.is_paper
    )


def _standing(key: str, world: GateWorld, limits: RiskLimits) -> Refusal | None:
    """Product, session, price, account and losses: what may turn between a ticket and its order."""
    symbol = key if world.instrument is None else world.instrument.symbol
    return (
        check_session(world, limits)
        or check_selection(key, symbol, world.selection, limits)
        or check_quote(key, world, limits)
        or check_account(key, world, limits)
        or check_losses(key, world.losses, limits)
    )


def _unsure(proposal: Proposal, world: GateWorld, limits: RiskLimits) -> Refusal | None:
    return check_conviction(proposal.key, proposal.conviction, conviction_needed(world.losses, limits))


def check_holdings(proposal: Proposal, world: GateWorld, limits: RiskLimits) -> Refusal | None:
    """The side is allowed, nothing is held or out in the instrument, and a position is left to have."""
    key, out = proposal.key, world.commitments
    if proposal.side is not _BUY and not _short_allowed(world, limits):
        return Refusal(Reason.SHORT_NOT_ALLOWED, f"{key}: shorts are not allowed here")
    if key in out.held:
        return Refusal(Reason.DUPLICATE_POSITION, f"{key}: already in position")
    if key in out.working:
        return Refusal(Reason.DUPLICATE_POSITION, f"{key}: an order is still out")
    used, most = len(out.busy), limits.max_positions
    return None if used < most else check_slots(used, most)


def check_slots(used: int, limit: int) -> Refusal | None:
    """A position is left to have."""
    if used < limit:
        return None
    return Refusal(Reason.MAX_POSITIONS, f"{used} of {limit} positions in use", limit, used)


def check_pauses(proposal: Proposal, world: GateWorld, limits: RiskLimits) -> Refusal | None:
    """Cooldowns, attempts and the pace of orders."""
    filled_at, stopped_at = world.last_fill_at, world.last_stop_out_at
    refusal = None
    # Without fills and levels there is nothing that could cool down or be tried too often.
    if filled_at is not None or stopped_at is not None or proposal.plan is not NO_PLAN:
        refusal = check_past(
            proposal,
            limits,
            now=world.now,
            last_fill_at=filled_at,
            last_stop_out_at=stopped_at,
            attempts=world.attempts,
        )
    return refusal or check_pace(proposal, world.pace, world.now, limits)


def _short_allowed(world: GateWorld, limits: RiskLimits) -> bool:
    if not world.strategy_allows_short or world.instrument is None:
        return False
    is_future = world.instrument.sec_type is _FUTURE
    return limits.allow_short_future if is_future else limits.allow_short_stock
