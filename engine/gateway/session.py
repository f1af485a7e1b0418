"""One connected client: who it is, what it subscribed to, and its side of the socket.

A session never waits. What it sends is gathered and written once per turn; a client that does not read
is dropped when its unread bytes pass a bound, so that it can never hold up another.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final, Literal

from engine.gateway.codec import Field, message
from engine.gateway.faults import Faults
from engine.gateway.limits import HistoryPacing, MessageRate
from engine.gateway.model import Contract, HistoryBar, Limits, QuoteTick

log = logging.getLogger(__name__)

MAX_UNREAD_BYTES: Final = 8 * 1024 * 1024
_ERROR: Final = 4
_GENERAL: Final = -1

TickKind = Literal["Last", "AllLast", "BidAsk", "MidPoint"]
Level = tuple[float, int]


@dataclass(slots=True)
class QuoteLine:
    """A level-1 subscription and the quote it last told."""

    contract: Contract
    generic_ticks: frozenset[int]
    told: QuoteTick | None = None
    told_high: float = 0.0
    told_low: float = 0.0


@dataclass(slots=True)
class DepthLine:
    """A depth subscription and the rows the client's book holds."""

    contract: Contract
    rows: int
    with_makers: bool
    smart: bool
    bids: list[Level] = field(default_factory=list)
    asks: list[Level] = field(default_factory=list)


@dataclass(slots=True)
class TickLine:
    """A tick-by-tick subscription."""

    contract: Contract
    kind: TickKind
    ignore_size: bool
    told: tuple[float, float, int, int] | None = None


@dataclass(slots=True)
class BarLine:
    """A five-second bar subscription and the start of the next bar it has not told."""

    contract: Contract
    what: str
    rth: bool
    next_start: float


@dataclass(slots=True)
class HistoryLine:
    """A history request that keeps up to date, and the bar it is forming."""

    contract: Contract
    seconds: int
    what: str
    rth: bool
    date_format: int
    next_start: float
    forming: HistoryBar | None = None


@dataclass(slots=True)
class HistoryJob:
    """A history request whose answer takes several turns to make."""

    portions: Generator[None]
    keeps_up: bool


@dataclass(slots=True)
class PnlLine:
    """A P&L subscription: of one contract, or of the account (`con_id` 0), and what it last told."""

    con_id: int
    told: tuple[float, ...] | None = None


@dataclass(slots=True)
class Subscriptions:
    """Everything a client asked to be kept informed about, by request id."""

    quotes: dict[int, QuoteLine] = field(default_factory=dict)
    depth: dict[int, DepthLine] = field(default_factory=dict)
    ticks: dict[int, TickLine] = field(default_factory=dict)
    bars: dict[int, BarLine] = field(default_factory=dict)
    history: dict[int, HistoryLine] = field(default_factory=dict)
    jobs: dict[int, HistoryJob] = field(default_factory=dict)
    summaries: dict[int, tuple[str, ...]] = field(default_factory=dict)
    multi: dict[int, str] = field(default_factory=dict)
    pnl: dict[int, PnlLine] = field(default_factory=dict)
    account: bool = False
    positions: bool = False
    all_orders: bool = False

    def lose_data(self) -> None:
        """End every line of market data; account, positions and P&L go on."""
        for lines in (self.quotes, self.depth, self.ticks, self.bars, self.history, self.jobs):
            lines.clear()

    @property
    def data_lines(self) -> int:
        """Market data lines in use, as IBKR counts them: level 1, 5-second bars, living history."""
        coming = sum(job.keeps_up for job in self.jobs.values())
        return len(self.quotes) + len(self.bars) + len(self.history) + coming


class Session:
    """A client between its handshake and its last byte."""

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        version: int,
        limits: Limits,
        faults: Faults,
        monotonic: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._faults = faults
        self._monotonic = monotonic
        self._out: list[bytes] = []
        self._late: deque[tuple[float, bytes]] = deque()
        """What a drill delays, with the instant it may leave."""
        self._closing = False
        self.version = version
        self.client_id: int | None = None
        """None until startApi."""
        self.rate = MessageRate(limits.messages_per_second)
        self.pacing = HistoryPacing(limits.history_per_10_minutes)
        self.subscriptions = Subscriptions()
        self.told_values: dict[str, str] = {}
        self.told_portfolio: dict[int, tuple[float, ...]] = {}
        self.told_positions: dict[int, tuple[float, float]] = {}

    @property
    def name(self) -> str:
        """For log lines."""
        return f"client {self.client_id}" if self.client_id is not None else "unnamed client"

    def send(self, payload: bytes) -> None:
        """Queue one framed message; it leaves with the next `flush`."""
        self._out.append(payload)

    def reply(self, *fields: Field) -> None:
        """Queue a message given by its fields, unless it is an end marker that a drill keeps back."""
        if not self._faults.take_marker(fields[0]):
            self._out.append(message(*fields))

    def tell(self, payload: bytes) -> None:
        """Queue a message about an order or an execution; twice where a drill asks for it."""
        self._out.append(payload)
        if self._faults.take_duplicate():
            self._out.append(payload)

    def error(self, code: int, text: str, *, request_id: int = _GENERAL) -> None:
        """Queue an error or information message (4)."""
        fields: tuple[Field, ...] = (_ERROR, 2, request_id, code, text)
        self._out.append(message(*fields, "") if self.version >= 166 else message(*fields))

    def flush(self) -> None:
        """Hand what is queued to the socket; drop the client where it has stopped reading."""
        if self._closing or not (self._out or self._late):
            return
        self._write(everything=False)
        unread = self._transport.get_write_buffer_size()
        if unread > MAX_UNREAD_BYTES:
            log.warning("%s does not read: %d bytes unread, connection dropped", self.name, unread)
            self.drop()

    def close(self) -> None:
        """Send what is queued, then end the connection."""
        if not self._closing:
            self._write(everything=True)
        self._closing = True
        self._transport.close()

    def _write(self, *, everything: bool) -> None:
        """Hand over what is queued; with a drill's delay what has waited long enough."""
        now, delay_s = self._monotonic(), self._faults.answer_delay_s
        if self._out:
            self._late.append((now + delay_s, b"".join(self._out)))
            self._out.clear()
        while self._late and (everything or not delay_s or self._late[0][0] <= now):
            self._transport.write(self._late.popleft()[1])

    def drop(self) -> None:
        """End the connection at once; unread bytes are lost."""
        self._closing = True
        self._transport.abort()
