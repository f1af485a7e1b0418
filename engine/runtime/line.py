"""The line to the broker: connect, compare, go on; and what happens when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

from tenacity import (
    AsyncRetrying,
    Future,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_never,
    wait_random,
)

from engine.api import Level
from engine.broker.port import (
    AccountError,
    Broker,
    BrokerError,
    BrokerListener,
    Hello,
    LinkEvent,
    LinkState,
)
from engine.config import OnExhausted
from engine.config.sections import ConnectionSection
from engine.runtime.breakers.errors import LineGivenUpError
from engine.runtime.desk import Desk
from engine.runtime.health.inputs import is_quiet

SYNC_RETRY_S = 2.0
"""Pause before an incomplete account picture is asked for again; unknown is not empty."""

UNVERIFIED_ALERT = "unverified"
"""Stands while only our own state says what is held."""

_GROWS_UNTIL = 32
"""Attempts after which the ceiling has long reached its cap; keeps the power of a long night finite."""


@dataclass(frozen=True, slots=True)
class LineHooks:
    """What the engine does at each turn of the line."""

    on_up: Callable[[Hello], Awaitable[bool]]
    """Compare the account, subscribe, go READY. False where the picture was incomplete: it is asked again."""
    on_down: Callable[[LinkEvent], None]
    revive_gateway: Callable[[], Awaitable[None]]
    """Before each attempt: start the embedded gateway again if it is gone. Does nothing for a real one."""


class Line:
    """One task that keeps the connection. Fresh attempts 0, 10 and 20 s after a loss, then standby."""

    def __init__(
        self,
        broker: Broker,
        desk: Desk,
        *,
        listener: BrokerListener,
        settings: ConnectionSection,
        hooks: LineHooks,
    ) -> None:
        self._broker = broker
        self._desk = desk
        self._listener = listener
        self._settings = settings
        self._hooks = hooks
        self._turn = asyncio.Event()
        self._again = False
        self.hello: Hello | None = None
        self.attempts = 0
        self._gave_up = False
        """True once people were told that no attempt works; in the gateway's restart window that waits."""

    def on_link(self, event: LinkEvent) -> None:
        """The adapter reports a change of the line (engine loop)."""
        was, self._desk.link = self._desk.link, event.state
        if event.state is LinkState.UP:
            # Whatever it was before, something may have happened that we did not hear of.
            self._again = self._again or was is not LinkState.UP or event.data_lost or event.code != 0
        else:
            self._hooks.on_down(event)
        self._turn.set()

    async def run(self) -> None:
        """Keep the line for ever. Raises AccountError (never retried) or LineGivenUpError."""
        while True:
            self.hello = await self._connect()
            await self._serve(self.hello)
            await self._broker.disconnect()
            self._desk.link = LinkState.DOWN

    async def _serve(self, hello: Hello) -> None:
        """Until the socket is gone or the peer froze: (re)compare whenever the line came back."""
        self._again = True
        while True:
            self._turn.clear()
            if self._desk.link in (LinkState.DOWN, LinkState.FROZEN):
                return
            if self._again and self._desk.link is LinkState.UP:
                self._again = False  # before, not after: what happens meanwhile asks for another one
                self._again = not await self._compare(hello) or self._again
            if self._again and self._desk.link is LinkState.UP:
                await self._pause(SYNC_RETRY_S)
                continue
            await self._turn.wait()

    async def _compare(self, hello: Hello) -> bool:
        try:
            complete = await self._hooks.on_up(hello)
        except BrokerError as err:
            self._desk.notices.event(Level.WARNING, "link", f"the account could not be compared yet: {err}")
            return False
        except Exception as err:  # noqa: BLE001 - entries are blocked until it works; the ladder counts
            self._desk.faults.loop_failed("comparing", err)
            return False
        self._desk.faults.loop_worked("comparing")
        return complete

    async def _pause(self, seconds: float) -> None:
        """Wait, but wake at once when the line changes."""
        try:
            async with asyncio.timeout(seconds):
                await self._turn.wait()
        except TimeoutError:
            return

    # --- connecting -----------------------------------------------------------------------------

    async def _connect(self) -> Hello:
        self.attempts = 0
        self._gave_up = False
        async for attempt in self._schedule():
            with attempt:
                hello = await self._attempt(attempt.retry_state.attempt_number)
        # The adapter's word: the line may have been lost again between its answer and this moment.
        self._desk.link = self._broker.link
        self._desk.link_note = ""
        self._desk.notices.clear_alert("link_given_up")
        how = f"{hello.gateway_kind}, server {hello.server_version}, {hello.library}"
        text = f"connected to {hello.account} ({how})"
        self._desk.notices.event(Level.INFO, "link", text)
        return hello

    def _schedule(self) -> AsyncRetrying:
        """0, 10 and 20 s after the loss; then, in standby, full jitter up to a growing ceiling."""
        settings = self._settings
        # At start there is state to show and nothing to close: it stays up, read-only, and goes on trying.
        ends = settings.on_exhausted is OnExhausted.EXIT and self.hello is not None
        return AsyncRetrying(
            wait=self._wait_s,
            stop=stop_after_attempt(settings.max_attempts) if ends else stop_never,
            retry=retry_if_exception(
                lambda err: isinstance(err, BrokerError) and not isinstance(err, AccountError)
            ),
            before_sleep=lambda state: self._failed(state.outcome),
            retry_error_callback=self._give_up,
            sleep=asyncio.sleep,
        )

    def _wait_s(self, state: RetryCallState) -> float:
        """Seconds until the next attempt. Standby: anything between 0 and its ceiling."""
        settings, number = self._settings, state.attempt_number
        if number < settings.max_attempts:
            return settings.interval_s
        growth = settings.standby_factor ** min(number - settings.max_attempts, _GROWS_UNTIL)
        return wait_random(0.0, min(settings.standby_cap_s, settings.standby_base_s * growth))(state)

    async def _attempt(self, number: int) -> Hello:
        self.attempts = number
        self._desk.link_note = f"attempt {number}"
        self._desk.link = LinkState.CONNECTING
        try:
            await self._hooks.revive_gateway()
            return await self._broker.connect(self._listener)
        except BaseException:
            self._desk.link = LinkState.DOWN
            raise

    def _failed(self, outcome: Future | None) -> None:
        err = None if outcome is None else outcome.exception()
        self._desk.link_note = f"attempt {self.attempts} failed, tries again"
        text = f"attempt {self.attempts} of {self._settings.max_attempts} failed: {err}"
        self._desk.notices.event(Level.WARNING, "link", text)
        if self.attempts >= self._settings.max_attempts and not self._gave_up and not is_quiet(self._desk):
            self._gave_up = True
            said = f"no line to the broker after {self.attempts} attempts: {err}"
            self._desk.notices.raise_alert(Level.CRITICAL, "link_given_up", said)
            if not self._desk.verified:
                self._tell_unverified()

    def _tell_unverified(self) -> None:
        held = len(self._desk.books.positions())
        text = (
            f"no broker at start: {self._desk.account} opens read-only on its stored state; "
            f"{held} position(s) are UNVERIFIED and may have drifted; entries and orders are blocked until "
            "the broker answers"
        )
        self._desk.notices.raise_alert(Level.WARNING, UNVERIFIED_ALERT, text)

    def _give_up(self, state: RetryCallState) -> NoReturn:
        self._failed(state.outcome)
        err = None if state.outcome is None else state.outcome.exception()
        raise LineGivenUpError(f"no line to the broker after {self.attempts} attempts: {err}") from err
