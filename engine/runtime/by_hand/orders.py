"""An entry by hand: the wish of a person, through the gate, the books and the executor of every strategy.

Nothing is weaker because a person asks: the gate judges it for the preview and anew for the order, and the
executor looks a last time. The position belongs to the operator, who has no overnight strategy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from engine.api import Command, Level, Mode, Outcome
from engine.api_orders import OrderPreview
from engine.domain.instrument import Instrument
from engine.domain.order import Order, OrderState, OrderType
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.execution.executor import Executor
from engine.risk.gate import check_entry
from engine.risk.refusal import OrderRefusedError, Refusal
from engine.risk.world import GateWorld
from engine.runtime.alerts.notices import clean
from engine.runtime.by_hand.order_form import Asked, asked_of
from engine.runtime.by_hand.order_preview import preview_of, words_of
from engine.runtime.decisions import decision_context
from engine.runtime.desk import Desk
from engine.runtime.outcomes import done, failed, refused

ACCEPT_S: Final = 3.0
"""Real seconds in which the broker's word for an order is waited for."""
FILL_S: Final = 2.0
"""Real seconds more in which its fill is waited for, so that the answer can name it."""
LONGEST_NOTE: Final = 200
_MOST_SLIP: Final = 0.1
"""How far an order at market may run away between preview and yes, in parts of the way to its stop."""
_OPEN: Final = frozenset({OrderState.PENDING, OrderState.SENDING})


class _Judged(NamedTuple):
    """A wish, the world it was judged in, and the answer of the gate."""

    asked: Asked
    instrument: Instrument
    world: GateWorld
    answer: EntryTicket | Refusal


class OrdersByHand:
    """Judges and sends what a person asks for."""

    def __init__(self, desk: Desk, *, executor: Executor) -> None:
        self._desk = desk
        self._executor = executor

    async def judge(self, command: Command) -> Outcome:
        """What the gate would say now; the preview is in the outcome. Nothing is sent or written down."""
        judged = self._judged(command)
        if not isinstance(judged, _Judged):
            return refused(command, judged.reason.value, judged.text)
        preview = self._preview(judged)
        return replace(done(command, preview.text or preview.what), order=preview)

    async def send(self, command: Command) -> Outcome:
        """Enter, where it is confirmed and the gate lets it through now."""
        judged = self._judged(command)
        if not isinstance(judged, _Judged):
            return refused(command, judged.reason.value, f"{judged.text}; nothing was sent")
        preview, answer = self._preview(judged), judged.answer
        if not isinstance(answer, EntryTicket):
            self._record(judged)
            text = f"{preview.what}: {answer.text}; nothing was sent"
            return self._no(command, answer.reason.value, text, preview)
        moved = self._moved(command, judged, answer)
        if moved is not None:
            return self._no(command, Reason.ROW_CHANGED.value, moved, preview)
        if not command.confirmed:
            text = f"{preview.what} adds risk: confirm it; nothing was sent"
            return self._no(command, Reason.CONFIRMATION.value, text, preview)
        return await self._enter(command, judged, answer)

    # --- judging --------------------------------------------------------------------------------

    def _judged(self, command: Command) -> _Judged | Refusal:
        desk, wish = self._desk, command.order
        if wish is None:
            return Refusal(Reason.OUT_OF_BOUNDS, "an order by hand says what it wants")
        if desk.mode is Mode.DRY_RUN:
            return Refusal(Reason.READ_ONLY, "a dry run sends nothing")
        instrument = self._instrument(command.target)
        if instrument is None:
            return self._not_known(command.target)
        asked = asked_of(
            wish,
            instrument=instrument,
            quote=desk.quotes.quote(instrument.key),
            limits=desk.limits(),
            default_stop_pct=desk.config.position.default_stop_pct,
            now=desk.now(),
            signal_id=f"hand-{clean(command.command_id)[:64]}",
            note=_note(command),
        )
        if isinstance(asked, Refusal):
            return asked
        world = desk.gate_world(asked.proposal, allow_short=True)
        answer = check_entry(
            asked.proposal, world, asked.limits, wanted=asked.wanted, limit_price=asked.limit_price
        )
        return _Judged(asked, instrument, world, answer)

    def _instrument(self, target: str) -> Instrument | None:
        """By its name, in either case."""
        found = self._desk.instruments.get(target)
        if found is not None:
            return found
        bare = target.casefold()
        return next((i for key, i in self._desk.instruments.items() if key.casefold() == bare), None)

    def _not_known(self, target: str) -> Refusal:
        known = ", ".join(sorted(self._desk.instruments)) or "none yet"
        text = (
            f"{clean(target) or 'no symbol'} is not known here; known are {known}. To trade another one, "
            "name it in the symbols of a strategy in cockpit.toml and start again"
        )
        return Refusal(Reason.WRONG_TARGET, text)

    def _preview(self, judged: _Judged) -> OrderPreview:
        config = self._desk.config
        return preview_of(
            judged.asked,
            judged.answer,
            instrument=judged.instrument,
            world=judged.world,
            unfilled_s=config.execution.unfilled_timeout_s,
            default_stop_pct=config.position.default_stop_pct,
        )

    @staticmethod
    def _moved(command: Command, judged: _Judged, ticket: EntryTicket) -> str | None:
        """Why what was seen is no more so: an order at market whose price ran away since it was shown."""
        seen, asked = command.seen, judged.asked
        if seen is None or not asked.at_market or not command.confirmed:
            return None
        worse = (ticket.limit_price - seen) * asked.proposal.side.sign
        most = abs(seen - ticket.stop_price) * _MOST_SLIP
        if worse <= most:
            return None
        return (
            f"{asked.proposal.key}: it was about {seen:g} when you looked and is {ticket.limit_price:g} now; "
            "look again; nothing was sent"
        )

    @staticmethod
    def _no(command: Command, code: str, text: str, preview: OrderPreview) -> Outcome:
        return replace(refused(command, code, text, lines_of(preview)), order=preview)

    # --- sending --------------------------------------------------------------------------------

    async def _enter(self, command: Command, judged: _Judged, ticket: EntryTicket) -> Outcome:
        """From the gate's yes to the registered order nothing waits: two yeses cannot use one room."""
        desk, asked, instrument = self._desk, judged.asked, judged.instrument
        what = words_of(asked, ticket, instrument)
        intents = self._executor.entry_intents(asked.proposal, ticket, instrument)
        entry, stop = intents
        if asked.at_market:
            entry = replace(entry, order_type=OrderType.MARKET, limit_price=None)
        desk.signals_used.add(asked.proposal.signal_id)
        self._record(judged)
        desk.notices.event(
            Level.INFO, "order", f"{command.who} asks by hand: {what}", symbol=instrument.key, ref=entry.ref
        )
        try:
            is_out = await self._executor.enter((entry, stop), instrument)
        except OrderRefusedError as err:
            return refused(command, err.refusal.reason.value, f"{what}: {err}")
        if is_out:
            await self._until_told(entry.ref)
        return self._told(command, what, (entry.ref, stop.ref), is_out=is_out)

    def _record(self, judged: _Judged) -> None:
        """The wish and the verdict, with all that it was judged by, beside those of the strategies."""
        context = decision_context(judged.answer, judged.world, judged.asked.limits)
        self._desk.session_log.proposal(judged.world.now, judged.asked.proposal, judged.answer, context)

    async def _until_told(self, ref: str) -> None:
        """The broker's word, and its fill where that comes at once."""
        watch = self._desk.books.watch
        await watch.until(lambda: self._state(ref) not in _OPEN, timeout_s=ACCEPT_S)
        if self._state(ref) is OrderState.WORKING:
            await watch.until(lambda: self._state(ref) is not OrderState.WORKING, timeout_s=FILL_S)

    def _state(self, ref: str) -> OrderState:
        order = self._desk.books.order(ref)
        return OrderState.ABANDONED if order is None else order.state

    def _told(self, command: Command, what: str, refs: tuple[str, str], *, is_out: bool) -> Outcome:
        orders = [o for o in map(self._desk.books.order, refs) if o is not None]
        details = tuple(map(_order_line, orders))
        entry = next((o for o in orders if o.intent.ref == refs[0]), None)
        if entry is None or not is_out:
            said = "" if entry is None else entry.message
            code = said.partition(":")[0] if said else Reason.INTERNAL_ERROR.value
            return failed(
                command, code, f"{what}: held back at the last look ({said}); nothing was sent", details
            )
        if entry.state is OrderState.UNKNOWN or entry.state in _OPEN:
            text = f"{what}: sent, and the broker has not said a word; it is counted, and looked for"
            return failed(command, Reason.UNKNOWN_ORDER.value, text, details)
        if entry.state.is_done and not entry.filled:
            text = f"{what}: {entry.state.value} by the broker: {entry.message or 'no reason given'}"
            return failed(command, Reason.REFUSED_BY_BROKER.value, text, details)
        filled = f"filled {entry.filled} of {entry.intent.quantity}"
        at = f" at {entry.avg_fill_price:g}" if entry.filled else " so far"
        return done(command, f"{what}: accepted by the broker (perm {entry.perm_id}), {filled}{at}", details)


def lines_of(preview: OrderPreview) -> tuple[str, ...]:
    """A preview as lines for a terminal."""
    marks = {True: "✓", False: "✗", None: "?"}
    checks = [
        f"{marks[c.passes]} {c.name}: {c.text}{f' ({c.code})' if c.code else ''}" for c in preview.checks
    ]
    return (*([preview.risk] if preview.risk else []), *checks, *preview.then)


def _note(command: Command) -> str:
    words = " ".join(clean(command.reason).split())[:LONGEST_NOTE]
    return f"by hand, {clean(command.who)}{f': {words}' if words else ''}"


def _order_line(order: Order) -> str:
    intent = order.intent
    price = intent.limit_price if intent.limit_price is not None else intent.stop_price
    at = "market" if price is None else f"{price:g}"
    return (
        f"{intent.ref} perm {order.perm_id or '—'}: {intent.side.value} {intent.quantity} {intent.key} "
        f"{intent.order_type.value} {at}, {order.state.value}, {order.filled} filled"
    )
