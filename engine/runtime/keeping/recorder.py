"""Writes the session into the event log as it happens, in batches that no order waits for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol

import structlog

from engine.api import Command, EventView, Outcome
from engine.domain.instrument import Instrument
from engine.domain.market import Bar, Quote
from engine.domain.order import Proposal
from engine.domain.preview import EntryTicket
from engine.market.feed import QuoteBoard
from engine.risk.refusal import Refusal
from engine.runtime.keeping.flow import Flow, append_session
from engine.store.errors import StoreError
from engine.store.events import NewEvent
from engine.store.session_flow import Began, Step
from engine.store.session_log import packed, proposal_payload, terms_payload

QUOTE_EVERY_S: Final = 1.0
TAPE_EVERY_S: Final = 10.0
"""Real seconds of market data in one event; a kill loses at most so much of the tape."""

_MOST_WAITING = 2000
"""Events kept while the disk takes none; then the oldest go. The tables hold what must not be lost."""

_log = structlog.get_logger("engine")


NO_CONTEXT: Final[Mapping[str, object]] = MappingProxyType({})
"""Of an exit: it is not judged."""


class SessionLog:
    """Where the flow leaves its lines. Only appends: nothing waits for a disk here."""

    def __init__(self) -> None:
        self.waiting: deque[NewEvent] = deque(maxlen=_MOST_WAITING)
        self.flow = Flow()
        """What went into each decision."""

    def add(self, at: datetime, kind: str, symbol: str, payload: Mapping[str, object]) -> None:
        """Any event of the session."""
        self.waiting.append(NewEvent(at, kind, "info", symbol, "", "", payload))

    def proposal(
        self,
        at: datetime,
        proposal: Proposal,
        verdict: EntryTicket | Refusal | None,
        context: Mapping[str, object] = NO_CONTEXT,
    ) -> None:
        """A wish, the gate's answer (None for an exit, which needs none) and what it was judged by."""
        match verdict:
            case EntryTicket():
                payload = proposal_payload(
                    proposal, "passed", quantity=verdict.quantity, limit_price=verdict.limit_price
                )
            case Refusal():
                payload = proposal_payload(proposal, verdict.reason.value)
            case None:
                payload = proposal_payload(proposal, "exit")
        self.add(at, "proposal", proposal.key, {**payload, **context})

    def told(self, event: EventView) -> None:
        """A line that the events panel shows."""
        payload = {"seq": event.seq, "level": event.level.value, "kind": event.kind, "text": event.text}
        self.waiting.append(NewEvent(event.at, "told", "info", event.symbol, event.ref, "", payload))

    def command(self, at: datetime, command: Command, outcome: Outcome) -> None:
        """What an operator asked for, and how it ended."""
        payload = {
            "command": command.kind.value,
            "scope": str(command.scope),
            "target": command.target,
            "value": command.value,
            "who": command.who,
            "reason": command.reason,
            "order": None if command.order is None else asdict(command.order),
            "status": outcome.status.value,
            "code": outcome.code,
        }
        self.add(at, "command", "", payload)


class RecordStore(Protocol):
    """The part of the store that takes events."""

    @property
    def healthy(self) -> bool:
        """True while it writes."""
        ...

    @property
    def boot_id(self) -> str:
        """The mark of this run's rows."""
        ...

    async def run(self, function: Callable[..., None]) -> None:
        """One whole transaction; raises StoreError."""
        ...


class Recorder:
    """Samples the market and moves the session's lines into the store."""

    def __init__(
        self,
        log: SessionLog,
        *,
        store: RecordStore,
        quotes: QuoteBoard,
        instruments: Mapping[str, Instrument],
        values: Mapping[str, float],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._session = log
        log.flow.note(Began(now()))
        self._flow: tuple[Step, ...] = ()
        self._store = store
        self._board = quotes
        self._instruments = instruments
        self._values = values
        self._now = now
        self._monotonic = monotonic
        self._next_quotes_s = float("-inf")
        self._next_tape_s = monotonic() + TAPE_EVERY_S
        self._last: dict[str, Quote] = {}
        self._quotes: list[Quote] = []
        self._bars: list[Bar] = []
        self._described: dict[str, Instrument] = {}
        self._told: dict[str, float] = {}

    def on_bar(self, bar: Bar) -> None:
        """A bar of the live stream."""
        self._bars.append(bar)

    async def round(self) -> None:
        """Sample, and write what has come together; the tape every ten seconds."""
        now_s = self._monotonic()
        if now_s >= self._next_quotes_s:
            self._next_quotes_s = now_s + QUOTE_EVERY_S
            self._sample()
        if now_s >= self._next_tape_s:
            self._next_tape_s = now_s + TAPE_EVERY_S
            self._cut()
        await self._write()

    async def close(self) -> None:
        """Write the rest."""
        self._cut()
        await self._write()

    def _sample(self) -> None:
        """The newest quote of every instrument that has changed since the last look."""
        for key, instrument in self._instruments.items():
            if self._described.get(key) is not instrument:
                self._described[key] = instrument
                self._session.add(self._now(), "terms", key, terms_payload(instrument))
            quote = self._board.quote(key)
            if quote is not None and quote is not self._last.get(key):
                self._last[key] = quote
                self._quotes.append(quote)

    def _cut(self) -> None:
        """Close one piece of tape, and the account values that changed meanwhile."""
        self._flow += self._session.flow.cut()
        if self._quotes or self._bars:
            self._session.add(self._now(), "tape", "", packed(self._quotes, self._bars))
            self._quotes, self._bars = [], []
        changed = {name: value for name, value in self._values.items() if self._told.get(name) != value}
        if changed:
            self._told |= changed
            self._session.add(self._now(), "account", "", changed)

    async def _write(self) -> None:
        if not (self._session.waiting or self._flow) or not self._store.healthy:
            return
        events, steps = tuple(self._session.waiting), self._flow
        self._session.waiting.clear()
        self._flow = ()
        write = partial(
            append_session, events=events, steps=steps, at=self._now(), boot_id=self._store.boot_id
        )
        try:
            await self._store.run(write)
        except StoreError as err:
            self._session.waiting.extendleft(reversed(events))
            self._session.flow.put_back(steps)
            _log.warning("session.not_stored", error=str(err))
