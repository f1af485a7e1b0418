"""The gateway's loop: listens on loopback, moves the market on, and carries what happened to clients.

One task is the pump. Each turn it asks the clock where the exchange is, advances the market to there, lets
the exchange match, and sends everyone what concerns them. Nothing here waits for a client.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from engine.gateway import (
    account_feed,
    bar_lines,
    fanout,
    history_jobs,
    order_events,
    order_faults,
    unforeseen,
)
from engine.gateway.clock import LOCKSTEP_STEP_S
from engine.gateway.connection import Connection
from engine.gateway.journal import JournalError
from engine.gateway.ports import MarketError
from engine.gateway.venue import Venue

log = logging.getLogger(__name__)

LOOPBACK: Final = "127.0.0.1"
PUMP_INTERVAL_S: Final = 0.02
MOST_PER_SLICE_S: Final = 5.0
"""Exchange time advanced at once: what clients are told is coalesced over no more than that."""
PREPARE_S: Final = 0.001
"""Wall time a turn may spend on the market's future once everybody was served."""
MOST_PER_TURN_S: Final = 0.1
"""Wall time one turn may last before clients are served: a late or fast pump catches up in turns."""


class GatewayServer:
    """The listening socket, its connections, and the pump."""

    def __init__(self, venue: Venue, *, works_ahead: bool = True) -> None:
        """Serve a venue. `works_ahead` spreads the market's work over turns; the events are the same."""
        self.venue = venue
        self._works_ahead = works_ahead
        self._is_behind = False
        self._repeats = unforeseen.Repeats()
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._alone_since: float | None = venue.monotonic()
        self._next_account = 0.0
        self._failure: JournalError | MarketError | None = None
        self._next_pnl = 0.0
        if venue.clock.is_lockstep:
            venue.step_requested = self.step

    async def listen(self, port: int) -> int:
        """Bind to loopback only; returns the port. Raises OSError where it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), LOOPBACK, port)
        address = self._server.sockets[0].getsockname()
        return int(address[1])

    async def close(self) -> None:
        """Stop listening and end every connection after what is queued was sent."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.close("the gateway stops")
        if self._server is not None:
            await self._server.wait_closed()

    def drop_all(self) -> None:
        """Cut every connection, as a lost network would."""
        for connection in list(self.connections):
            connection.drop()

    def fail(self, error: JournalError | MarketError) -> None:
        """End the pump with this error at its next turn."""
        self._failure = error

    def client_came(self) -> None:
        """Somebody is connected."""
        self._alone_since = None

    def client_left(self) -> None:
        """Start counting loneliness where nobody is connected any more."""
        if not self.venue.sessions:
            self._alone_since = self.venue.monotonic()

    @property
    def alone_s(self) -> float:
        """Wall seconds since the last client left (or the start); 0 while one is connected."""
        return 0.0 if self._alone_since is None else self.venue.monotonic() - self._alone_since

    async def pump(self, *, until: asyncio.Event, each_turn: Callable[[], None]) -> None:
        """Turn by turn until the event is set. `each_turn` is the process's own housekeeping."""
        while not until.is_set():
            self._turn_steadily()
            each_turn()
            try:
                # Unfinished answers wait for nothing but the clients' and the market's turn.
                async with asyncio.timeout(0.0 if self._is_behind else PUMP_INTERVAL_S):
                    await until.wait()
            except TimeoutError:
                continue

    def _turn_steadily(self) -> None:
        """One turn; what is neither the journal, the disk nor the tape ends that turn and nothing else."""
        try:
            self.turn()
        except (JournalError, MarketError, OSError):
            raise
        except Exception as error:  # noqa: BLE001  clients keep their connections and the market goes on
            self._repeats.note("a turn was cut short", error, mono_s=self.venue.monotonic())

    def turn(self) -> None:
        """One turn of the pump at the clock's present time. JournalError and MarketError end the gateway."""
        venue = self.venue
        if self._failure is not None:
            raise self._failure
        if venue.faults.is_frozen(venue.monotonic()):
            return
        for connection in list(self.connections):
            connection.process()
        if not venue.clock.is_lockstep:
            self._catch_up()
        order_faults.place_late(venue)
        order_events.release_held(venue)
        self._is_behind = history_jobs.work(venue)
        self._tell_by_interval()
        for session in list(venue.started()):
            session.flush()
        if self._works_ahead:
            self._prepare()

    def _prepare(self) -> None:
        """Work ahead for a moment, so that no later turn has to do it all at once."""
        venue = self.venue
        started = venue.monotonic()
        while venue.market.prepare() and venue.monotonic() - started < PREPARE_S:
            continue

    def _catch_up(self) -> None:
        """Advance to the clock's time, in slices, for as long as a turn may last."""
        venue = self.venue
        started, target = venue.monotonic(), venue.clock.now()
        while venue.reached < target:
            self._advance(min(target, venue.reached + MOST_PER_SLICE_S))
            if venue.monotonic() - started > MOST_PER_TURN_S:
                return

    def step(self) -> None:
        """Lockstep: play one step to its end; its events are queued before this returns."""
        self._advance(self.venue.clock.step(LOCKSTEP_STEP_S))
        account_feed.publish_account(self.venue)
        account_feed.publish_pnl(self.venue)

    def _advance(self, until: float) -> None:
        venue = self.venue
        if until <= venue.reached:
            return
        events = venue.market.advance(until)
        venue.reached = until
        batches = fanout.gather(venue, events)
        fanout.fan_out(venue, batches)
        order_events.publish(venue, venue.exchange.on_market(events))
        order_events.publish(venue, venue.exchange.on_time(until))
        bar_lines.publish_bars(venue)

    def _tell_by_interval(self) -> None:
        venue = self.venue
        if venue.clock.is_lockstep or not venue.sessions:
            return
        now = venue.monotonic()
        if now >= self._next_pnl:
            self._next_pnl = now + account_feed.PNL_INTERVAL_S
            account_feed.publish_pnl(venue)
        if now >= self._next_account:
            self._next_account = now + account_feed.ACCOUNT_INTERVAL_S
            account_feed.publish_account(venue)
