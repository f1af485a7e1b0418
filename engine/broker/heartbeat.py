"""Notices a peer that is connected but dead, and measures the round trip: one time request a second."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from engine.broker.pacing import Priority
from engine.broker.port import BrokerError, LinkState
from engine.broker.wire import Wire
from engine.domain.market import utc

_DUST_S: Final = 1e-6
"""Sums of floats miss their aim by dust; without this a wait of 1e-16 s could repeat for ever."""


class Beat(NamedTuple):
    """What to do now, and how long to wait before asking again."""

    send: bool
    frozen: bool
    wait_s: float


class Pulse:
    """The pure part: when to ask, and when silence means a frozen peer. Times are monotonic seconds."""

    def __init__(self, *, heartbeat_s: float, detect_s: float, now_s: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._detect_s = detect_s
        self._next_send_s = now_s
        self._alive_s = now_s
        self._expected_s = now_s
        self._frozen = False

    @property
    def is_frozen(self) -> bool:
        """True from the detection until the next answer."""
        return self._frozen

    def answered(self, now_s: float) -> bool:
        """An answer came; True where it ends a freeze."""
        was_frozen, self._frozen = self._frozen, False
        self._alive_s = now_s
        return was_frozen

    def step(self, now_s: float) -> Beat:
        """Judge the silence so far. `frozen` is True once per freeze."""
        if now_s - self._expected_s > self._heartbeat_s:
            # We ourselves were stopped (debugger, suspended machine): answers may wait in our own socket.
            self._alive_s = max(self._alive_s, now_s - self._detect_s + self._heartbeat_s)
        frozen_now = not self._frozen and self._alive_s + self._detect_s - now_s <= _DUST_S
        self._frozen = self._frozen or frozen_now
        send = self._next_send_s - now_s <= _DUST_S
        if send:
            self._next_send_s = now_s + self._heartbeat_s
        wait_s = self._next_send_s - now_s
        if not self._frozen:
            wait_s = min(wait_s, self._alive_s + self._detect_s - now_s)
        self._expected_s = now_s + wait_s
        return Beat(send, frozen_now, wait_s)


class _Timer(Protocol):
    def cancel(self) -> None: ...


@dataclass(slots=True)
class _Asked:
    at_s: float
    answer: asyncio.Future[int] | None
    """None for a heartbeat."""


class Heartbeat:
    """Asks the broker's time, each heartbeat and on demand; answers carry no id, so they match in order."""

    def __init__(
        self, wire: Wire, *, call_later: Callable[[float, Callable[[], None]], _Timer] | None = None
    ) -> None:
        self._wire = wire
        self._call_later = call_later or asyncio.get_running_loop().call_later
        self._asked: deque[_Asked] = deque()
        self._pulse: Pulse | None = None
        self._timer: _Timer | None = None
        self.round_trip_ms: float | None = None
        wire.callbacks.on(currentTime=self._on_current_time)

    def start(self) -> None:
        """Begin to beat."""
        settings = self._wire.settings
        self._pulse = Pulse(
            heartbeat_s=settings.heartbeat_s, detect_s=settings.detect_s, now_s=self._wire.clock()
        )
        self._tick()

    def stop(self) -> None:
        """Stop for good; who waits for the time hears that the line is closed."""
        if self._timer is not None:
            self._timer.cancel()
        self._pulse = None
        for asked in self._asked:
            if asked.answer is not None and not asked.answer.done():
                asked.answer.set_exception(BrokerError("the broker's time: the line was closed"))
        self._asked.clear()

    async def server_time(self) -> datetime:
        """The broker's clock, whole seconds. Raises BrokerError where no answer comes in time."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        limit_s = self._wire.settings.request_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await self._wire.sender.submit(
                    lambda: self._ask(answer), priority=Priority.CONTROL, what="the broker's time"
                )
                return utc(await answer)
        except TimeoutError:
            raise BrokerError(f"the broker's time: no answer within {limit_s:g} s") from None

    def _ask(self, answer: asyncio.Future[int] | None) -> None:
        self._wire.client.reqCurrentTime()
        self._asked.append(_Asked(self._wire.clock(), answer))

    def _tick(self) -> None:
        if self._pulse is None:
            return
        beat = self._pulse.step(self._wire.clock())
        if beat.frozen:
            limit_s = self._wire.settings.detect_s
            self._wire.set_link(
                LinkState.FROZEN,
                f"{self._wire.settings.where} has not answered for {limit_s:g} s: no orders are sent",
            )
        if beat.send:
            self._wire.post(lambda: self._ask(None), what="heartbeat", priority=Priority.CONTROL)
        self._timer = self._call_later(beat.wait_s, self._tick)

    def _on_current_time(self, epoch_s: int) -> None:
        now_s = self._wire.clock()
        if self._asked:
            asked = self._asked.popleft()
            self.round_trip_ms = (now_s - asked.at_s) * 1000.0
            self._wire.timings.answered(self.round_trip_ms)
            if asked.answer is not None and not asked.answer.done():
                asked.answer.set_result(epoch_s)
        if self._pulse is not None and self._pulse.answered(now_s):
            self._wire.set_link(self._wire.uplink, f"{self._wire.settings.where} answers again")
