"""What the record of a decision holds beside the wish: account, market and limits as they were judged."""

from __future__ import annotations

import math

import structlog

from engine.api import Level, Mode
from engine.domain.order import Proposal
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.losses import conviction_needed, size_factor
from engine.risk.refusal import Refusal
from engine.risk.world import GateWorld
from engine.runtime.desk import Desk
from engine.runtime.keeping.flow import Place

_log = structlog.get_logger("engine")


def decision_context(
    verdict: EntryTicket | Refusal, world: GateWorld, limits: RiskLimits
) -> dict[str, object]:
    """Payload fields of one judged entry. What was not known is None, never 0."""
    out, quote, losses = world.commitments, world.quote, world.losses
    key = "" if world.instrument is None else world.instrument.key
    known = all(math.isfinite(figure) for figure in losses)
    return {
        "judged_at": world.now.timestamp(),
        **_verdict(verdict),
        "equity_usd": _known(world.net_liquidation_usd),
        "equity_age_s": _known(world.equity_age_s),
        "funds_usd": _known(world.available_funds_usd),
        "gross_usd": _known(world.exposure.total_usd),
        "slots": len(out.busy),
        "losses_pct": {name: _known(value) for name, value in losses._asdict().items()},
        "size_factor": size_factor(losses, limits) if known else None,
        "threshold": conviction_needed(losses, limits) if known else None,
        "regime": _known(world.selection.regime_multiplier),
        "theme": world.selection.themes.get(key),
        "tier": world.selection.tiers.get(key),
        "product": world.selection.status.value,
        "quote": None if quote is None else [_known(quote.bid), _known(quote.ask), quote.at],
        "orders_last_minute": world.pace.orders_last_minute,
        "attempts": world.attempts,
    }


def record_decision(
    desk: Desk,
    place: Place,
    proposal: Proposal,
    verdict: EntryTicket | Refusal,
    world: GateWorld,
    limits: RiskLimits,
) -> None:
    """For the record at its `place`, the session log, the log and, where an order follows, the event line."""
    desk.session_log.flow.judged(place, proposal, world, limits, verdict)
    context = decision_context(verdict, world, limits)
    desk.session_log.proposal(world.now, proposal, verdict, context)
    _log.debug("decision", symbol=proposal.key, signal=proposal.signal_id, **context)
    if isinstance(verdict, EntryTicket) and desk.mode is not Mode.DRY_RUN:
        what = f"{proposal.side.value} {verdict.quantity} at {verdict.limit_price}"
        text = f"{sentence(proposal, 'enter')}: {what}"
        desk.notices.event(Level.INFO, "strategy", text, symbol=proposal.key, ref=proposal.signal_id)


def count_decision(
    desk: Desk, proposal: Proposal, verdict: EntryTicket | Refusal, kind: str, spent_s: tuple[float, float]
) -> None:
    """Count what the gate said to a strategy of this `kind`; it took from and to `spent_s` (perf_counter)."""
    counters, (began_s, ended_s) = desk.telemetry.counters, spent_s
    counters.proposed += 1
    desk.pipeline.judged(proposal, verdict, began_s=began_s, ended_s=ended_s)
    if isinstance(verdict, Refusal):
        return
    counters.approved += 1
    if desk.mode is not Mode.DRY_RUN:
        desk.analytics.entry_paths[kind] += 1


def would_enter(desk: Desk, proposal: Proposal, ticket: EntryTicket) -> None:
    """Tell what a dry run would have sent; its signal is used up by that."""
    label = "" if desk.quotes.is_live(proposal.key) else " (delayed prices)"
    would = f"DRY: would {sentence(proposal, 'enter')}"
    text = f"{would}: {ticket.quantity} at {ticket.limit_price}{label}"
    desk.signals_used.add(proposal.signal_id)
    desk.notices.event(Level.INFO, "strategy", text, symbol=proposal.key)
    desk.pipeline.ended(proposal, Reason.READ_ONLY.value)


def sentence(proposal: Proposal, word: str) -> str:
    """What a strategy wants, for people; `word` is `enter` or `exit`."""
    note = f" ({proposal.note})" if proposal.note else ""
    return f"{proposal.strategy} {word}{note}"


def _verdict(verdict: EntryTicket | Refusal) -> dict[str, object]:
    if isinstance(verdict, Refusal):
        value = None if verdict.value is None else _known(verdict.value)
        return {"why": verdict.text, "limit": verdict.limit, "value": value}
    return {
        "stop": verdict.stop_price,
        "exposure_usd": verdict.exposure_usd,
        "risk_usd": verdict.risk_usd,
        "fees_usd": verdict.fees_usd,
    }


def _known(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None
