"""What the gate would make of an order by hand, in figures and words, before anything is sent. Pure."""

from __future__ import annotations

from typing import Final

from engine.api_orders import GateCheck, OrderPreview
from engine.domain.instrument import Instrument
from engine.domain.order import Side
from engine.domain.preview import EntryTicket
from engine.domain.price import decimals
from engine.risk.refusal import Refusal
from engine.risk.verdicts import Verdict, verdicts
from engine.risk.world import GateWorld
from engine.runtime.by_hand.order_form import Asked

OWNED: Final = (
    "the position is the operator's: its stop is watched like every other; move it, take a part, flatten",
    "it is closed before its market closes, as those of day strategies are",
)


def preview_of(
    asked: Asked,
    answer: EntryTicket | Refusal,
    *,
    instrument: Instrument,
    world: GateWorld,
    unfilled_s: float,
    default_stop_pct: float,
) -> OrderPreview:
    """`answer` is the gate's; `unfilled_s` how long an entry may wait for its fill."""
    proposal = asked.proposal
    found = verdicts(proposal, world, asked.limits, wanted=asked.wanted, limit_price=asked.limit_price)
    ticket = answer if isinstance(answer, EntryTicket) else None
    refusal = None if isinstance(answer, EntryTicket) else answer
    then = [f"what has not filled after {unfilled_s:g} s is cancelled", *OWNED]
    if asked.is_default_stop:
        then.insert(
            0, f"no stop was named: {default_stop_pct:g} % from the entry (position.default_stop_pct)"
        )
    return OrderPreview(
        symbol=proposal.key,
        side=proposal.side.value,
        quantity=0 if ticket is None else ticket.quantity,
        limit=asked.limit_price if ticket is None else ticket.limit_price,
        stop=proposal.stop_price if ticket is None else ticket.stop_price,
        target=proposal.plan.target1,
        what=words_of(asked, ticket, instrument),
        risk="" if ticket is None else risk_text(asked, ticket, instrument, world),
        then=tuple(then),
        checks=tuple(map(_check, found)),
        code="" if refusal is None else refusal.reason.value,
        text="" if refusal is None else refusal.text,
    )


def words_of(asked: Asked, ticket: EntryTicket | None, instrument: Instrument) -> str:
    """`BUY 100 SPY at 100.03 or better, stop 98.02, target 104.00`."""
    proposal, places = asked.proposal, decimals(instrument)

    def price(value: float | None) -> str:
        return "—" if value is None else f"{value:.{places}f}"

    quantity = asked.wanted if ticket is None else ticket.quantity
    size = "sized by risk" if quantity is None else f"{quantity}"
    limit = asked.limit_price if ticket is None else ticket.limit_price
    how = "just through the touch" if limit is None else f"at {price(limit)} or better"
    if asked.at_market:
        how = "at market" if ticket is None else f"at market, about {price(limit)}"
    stop = proposal.stop_price if ticket is None else ticket.stop_price
    aim = "" if proposal.plan.target1 is None else f", target {price(proposal.plan.target1)}"
    return f"{proposal.side.value} {size} {proposal.key} {how}, stop {price(stop)}{aim}"


def risk_text(asked: Asked, ticket: EntryTicket, instrument: Instrument, world: GateWorld) -> str:
    """`risks 201.00 USD = 1 R, 0.02 % of equity (0.5 % allowed), fees 2.00 USD in it; …`."""
    equity = world.net_liquidation_usd
    text = (
        f"risks {ticket.risk_usd:,.2f} USD = 1 R, {100.0 * ticket.risk_usd / equity:.3f} % of equity "
        f"({asked.limits.risk_per_trade_pct:g} % allowed), {ticket.fees_usd:,.2f} USD of it fees; "
        f"exposure {ticket.exposure_usd:,.2f} USD"
    )
    target = asked.proposal.plan.target1
    if target is None:
        return text
    sign = 1 if asked.proposal.side is Side.BUY else -1
    gain = (target - ticket.limit_price) * sign * ticket.quantity * instrument.multiplier - ticket.fees_usd
    return f"{text}; target {gain:+,.2f} USD ({gain / ticket.risk_usd:+.1f} R)"


def _check(verdict: Verdict) -> GateCheck:
    if verdict.refusal is None:
        return GateCheck(verdict.name, True if verdict.is_asked else None, verdict.figures)
    return GateCheck(verdict.name, False, verdict.refusal.text, verdict.refusal.reason.value)
