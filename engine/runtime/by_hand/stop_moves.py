"""Moving the stop of a position by hand: nearer to the market at once, further away only as an entry may.

A stop further away lets the position lose more: it needs a second yes, is refused where the world is another
than the asker saw, while anything blocks entries, and where the loss at the stop would exceed what one trade
may risk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.api import Command, Level, Mode, Outcome
from engine.domain.instrument import Instrument
from engine.domain.order import Order, OrderState, Role
from engine.domain.position import Position
from engine.domain.reasons import Reason
from engine.execution.executor import Executor
from engine.execution.levels import is_tighter, meant_stop
from engine.ledger.events import StopMoved
from engine.risk.brakes import REASON_OF
from engine.runtime.desk import Desk
from engine.runtime.outcomes import done, failed, refused

_SAME_PRICE = 1e-9


@dataclass(frozen=True, slots=True)
class _Move:
    """A move that makes sense: what is held, where its stop is meant to stand and where it shall stand."""

    position: Position
    instrument: Instrument
    old: float
    new: float
    tightens: bool

    @property
    def words(self) -> str:
        """`SPY: stop 99 → 98.5, at risk 150.00 USD (1.5 R)`: the loss from the entry price."""
        risk_usd = self.risk_usd
        what = f"at risk {risk_usd:.2f} USD" if risk_usd >= 0 else f"locks in {-risk_usd:.2f} USD"
        initial = self.position.initial_stop
        one_r = math.nan if initial is None else abs(float(self.position.avg_price) - initial) * self._units
        in_r = f" ({abs(risk_usd) / one_r:.1f} R)" if one_r > 0 else ""
        return f"{self.position.key}: stop {self.old:g} → {self.new:g}, {what}{in_r}"

    @property
    def risk_usd(self) -> float:
        """What the position loses from its entry on if the stop fills at its price; negative: wins."""
        away = (float(self.position.avg_price) - self.new) * (1 if self.position.quantity > 0 else -1)
        return away * self._units

    @property
    def _units(self) -> float:
        return abs(self.position.quantity) * float(self.position.multiplier)


class StopMoves:
    """Moves stops of positions. One act at a time per instrument: under the executor's lock."""

    def __init__(self, desk: Desk, *, executor: Executor) -> None:
        self._desk = desk
        self._executor = executor

    async def move(self, command: Command) -> Outcome:
        """Put the stop of the position `target` at the price `value`; `seen` is where the asker saw it."""
        key = command.target
        async with self._executor.lock(key):
            judged = self._judged(command)
            if isinstance(judged, Outcome):
                return judged
            move = judged
            # Durable before the order is changed: a restart in between goes on with what was asked for.
            await self._desk.books.post(StopMoved(key, move.new, Reason.OPERATOR.value, self._desk.now()))
        self._desk.notices.event(Level.INFO, "order", f"{move.words}, by {command.who}", symbol=key)
        stands = await self._executor.protect(key, move.instrument)
        details = self._stops(key)
        if stands and self._is_confirmed(key):
            return done(command, move.words, details)
        text = f"{move.words}: the broker has not confirmed it yet; it is asked again until it has"
        return failed(command, Reason.UNPROTECTED.value, text, details)

    # --- judging --------------------------------------------------------------------------------

    def _judged(self, command: Command) -> _Move | Outcome:
        found = self._found(command)
        if isinstance(found, Outcome):
            return found
        if found.old == found.new:
            return done(command, f"{found.position.key}: its stop is meant to stand at {found.new:g} already")
        if found.tightens:
            return found
        return self._loosening(command, found) or found

    def _found(self, command: Command) -> _Move | Outcome:
        """The move, on the grid and on the right side of the market."""
        desk, key, asked = self._desk, command.target, command.value
        position, instrument = desk.books.position(key), desk.instruments.get(key)
        if position is None or instrument is None:
            return refused(command, Reason.WRONG_TARGET.value, f"{key}: no position of ours")
        if asked is None or not math.isfinite(asked) or asked <= 0:
            return refused(command, Reason.OUT_OF_BOUNDS.value, f"{key}: a stop needs a price above 0")
        if (why := self._in_the_way(key)) is not None:
            return refused(command, why[0].value, why[1])
        default_pct = desk.config.position.default_stop_pct
        old = meant_stop(position, instrument, default_pct=default_pct)
        new = meant_stop(replace(position, stop_price=asked), instrument, default_pct=default_pct)
        move = _Move(position, instrument, old, new, is_tighter(position, new, default_pct=default_pct))
        # Onto the grid a stop only moves away from the market: nearer than asked for, the plan put it there.
        if (new - asked) * (1 if position.quantity > 0 else -1) > _SAME_PRICE:
            text = (
                f"{key}: after its first partial its plan keeps the stop at {new:g} or nearer to the market"
            )
            return refused(command, Reason.STOP_INVALID.value, text)
        wrong = self._wrong_side(move)
        return move if wrong is None else refused(command, wrong[0].value, wrong[1])

    def _in_the_way(self, key: str) -> tuple[Reason, str] | None:
        """Why no stop of `key` may be touched now."""
        desk = self._desk
        if desk.mode is Mode.DRY_RUN:
            return Reason.READ_ONLY, f"{key}: a dry run sends nothing"
        if (finding := desk.unsettled().get(key)) is not None:
            return Reason.RECONCILE_MISMATCH, f"{key}: settle this first (O): {finding.text}"
        unknown = [o.intent.ref for o in desk.books.open_orders(key) if o.state is OrderState.UNKNOWN]
        if unknown:
            text = f"{key}: the fate of {', '.join(unknown)} is unknown; settle it first (O)"
            return Reason.UNKNOWN_ORDER, text
        return None

    def _wrong_side(self, move: _Move) -> tuple[Reason, str] | None:
        """A stop through the market would be an exit at once, in the clothes of a protection."""
        key, is_long = move.position.key, move.position.quantity > 0
        quote = self._desk.quotes.quote(key)
        touch = math.nan if quote is None else quote.bid if is_long else quote.ask
        if not math.isfinite(touch) or touch <= 0:
            side = "bid" if is_long else "ask"
            return Reason.NO_QUOTE, f"{key}: without a {side} nobody knows on which side {move.new:g} lies"
        if (touch - move.new) * move.position.quantity > 0:
            return None
        where = f"under the bid {touch:g}" if is_long else f"over the ask {touch:g}"
        text = f"{key}: a stop at {move.new:g} would fill at once; it belongs {where}. To leave, flatten"
        return Reason.STOP_INVALID, text

    def _loosening(self, command: Command, move: _Move) -> Outcome | None:
        """Why a stop may not be moved away now; None where it may."""
        desk, key = self._desk, move.position.key
        if command.seen is not None and abs(command.seen - move.old) > _SAME_PRICE:
            text = (
                f"{key}: its stop stood at {command.seen:g} when you looked and is meant at {move.old:g} now"
            )
            return refused(command, Reason.ROW_CHANGED.value, f"{text}; look again")
        if (why := self._blocked(move.position)) is not None:
            return refused(command, why[0].value, f"{move.words} adds risk: {why[1]}; nothing was changed")
        cap_usd = desk.limits().risk_per_trade_pct / 100.0 * desk.net_liquidation_usd
        if not move.risk_usd <= cap_usd:  # also where the account's value is not known
            limit = f"{cap_usd:.2f} USD" if math.isfinite(cap_usd) else "unknown, as is the account's value"
            text = f"{move.words} is more than one trade may risk ({limit}); nothing was changed"
            return refused(command, Reason.POSITION_SIZE.value, text)
        if not command.confirmed:
            text = f"{move.words} lets it lose more: confirm it; nothing was changed"
            return refused(command, Reason.CONFIRMATION.value, text)
        return None

    def _blocked(self, position: Position) -> tuple[Reason, str] | None:
        """What blocks an entry of this symbol blocks what adds risk to it."""
        desk = self._desk
        braked = desk.brakes.blocking(strategy=position.owner, key=position.key)
        if braked is not None:
            return REASON_OF[braked.level], f"{braked.level.value} is on"
        block = desk.entry_block() or desk.symbol_block(position.key)
        return None if block is None else (block.reason, block.text)

    # --- telling --------------------------------------------------------------------------------

    def _stops(self, key: str) -> tuple[str, ...]:
        return tuple(
            f"{o.intent.ref} perm {o.perm_id or '—'}: {o.remaining} at {o.intent.stop_price}, {o.state}"
            for o in self._orders(key)
        )

    def _is_confirmed(self, key: str) -> bool:
        stops = self._orders(key)
        return bool(stops) and all(o.state is OrderState.WORKING for o in stops)

    def _orders(self, key: str) -> list[Order]:
        return [o for o in self._desk.books.open_orders(key) if o.intent.role is Role.STOP]
