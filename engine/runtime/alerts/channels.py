"""Sends alerts to the operator's own channels, each from a thread of its own, never from the trading loop.

One channel that is dead or slow keeps nobody waiting: it has its own queue, bounded, and its own pauses. What
a channel is addressed by is a secret; it is never logged and never part of a message.
"""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from engine.api import AlertView, Level
from engine.config.secrecy import Secret
from engine.runtime.alerts.notices import Telling
from engine.runtime.security.vault import CHANNEL, VaultError, find, how_to_give, imported

QUEUED: Final = 200
"""Messages that may wait for one channel; the oldest goes first where there are more."""

KEPT_DELAYS: Final = 1000
"""Measured ways that are kept until somebody asks for them."""

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0

Send = Callable[[str, str], str]
"""Title and body to one channel; returns what went wrong, or nothing. It may take its time."""

Learn = Callable[[str], None]
"""Told a secret, so that it is found in texts from then on."""


class Message(NamedTuple):
    """What one channel is told."""

    title: str
    body: str
    raised_s: float = math.nan
    """When people were to be told, monotonic; NaN where nobody measures."""


class ChannelState(NamedTuple):
    """How a channel does, readable from any thread."""

    name: str
    sent: int
    lost: int
    """Messages given up after all attempts, or pushed out by newer ones."""
    error: str
    """What the last failed attempt said; empty after one that worked."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who hears what."""

    channels: tuple[str, ...] = ()
    escalation: tuple[str, ...] = ()
    min_level: Level = Level.WARNING
    attempts: int = 6

    @property
    def names(self) -> tuple[str, ...]:
        """Every channel, each once."""
        return tuple(dict.fromkeys((*self.channels, *self.escalation)))


class Channel:
    """One channel and its thread, which starts with the first message."""

    def __init__(
        self, name: str, make_send: Callable[[], Send], *, attempts: int, wait: Callable[[float], bool] | None
    ) -> None:
        """`make_send` runs on the thread and finds the address; `wait` replaces the pauses in tests."""
        self.name = name
        self._make_send = make_send
        self._attempts = attempts
        self._queue: queue.Queue[Message | None] = queue.Queue(QUEUED)
        self._ended = threading.Event()
        self._wait = wait or self._ended.wait
        self._thread: threading.Thread | None = None
        self._sent = self._lost = 0
        self._error = ""
        self.delays: deque[float] = deque(maxlen=KEPT_DELAYS)
        """Real seconds from telling to sent, of every message since they were last taken; infinite = lost."""

    @property
    def state(self) -> ChannelState:
        """How it does."""
        return ChannelState(self.name, self._sent, self._lost, self._error)

    def put(self, message: Message) -> None:
        """Queue a message; returns at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"alerts {self.name}", daemon=True)
            self._thread.start()
        while True:
            try:
                self._queue.put_nowait(message)
            except queue.Full:
                with contextlib.suppress(queue.Empty):  # the thread took one meanwhile: there is room
                    self._queue.get_nowait()
                    self._lost += 1
                    self.delays.append(math.inf)
            else:
                return

    def close(self, timeout_s: float) -> None:
        """Send what waits if that takes no longer than this; what does not work now is given up."""
        thread = self._thread
        if thread is None:
            return
        with contextlib.suppress(queue.Full):  # a full queue ends by `_ended`, after the message in hand
            self._queue.put_nowait(None)
        thread.join(timeout_s)
        self._ended.set()

    def _run(self) -> None:
        send: Send | None = None
        while (message := self._queue.get()) is not None and not self._ended.is_set():
            if send is None:
                send = self._make_send()
            self._deliver(send, message)

    def _deliver(self, send: Send, message: Message) -> None:
        pause_s = FIRST_PAUSE_S
        for attempt in range(self._attempts):
            if attempt and self._wait(pause_s):
                break
            pause_s = pause_s if not attempt else min(pause_s * 2, LONGEST_PAUSE_S)
            self._error = attempted(send, message)
            if not self._error:
                self._sent += 1
                self.delays.append(time.monotonic() - message.raised_s)
                return
        self._lost += 1
        self.delays.append(math.inf)


class AlertChannels:
    """Every channel of the plan. `hear` is called on the engine's loop and waits for nothing."""

    def __init__(
        self,
        plan: Plan,
        *,
        make_send: Callable[[str], Send],
        wait: Callable[[float], bool] | None = None,
        hide: Callable[[str], str] = lambda text: text,
    ) -> None:
        """`hide` takes out of a message what must not leave the machine."""
        self._plan = plan
        self._hide = hide
        self._channels = {
            name: Channel(name, _bound(make_send, name), attempts=plan.attempts, wait=wait)
            for name in plan.names
        }

    @property
    def states(self) -> tuple[ChannelState, ...]:
        """How each channel does."""
        return tuple(channel.state for channel in self._channels.values())

    def take_delays(self) -> tuple[float, ...]:
        """How long each message since the last call took to its channel; infinite where it was lost."""
        taken: list[float] = []
        for channel in self._channels.values():
            with contextlib.suppress(IndexError):
                while True:
                    taken.append(channel.delays.popleft())
        return tuple(delay for delay in taken if not math.isnan(delay))

    def hear(self, alert: AlertView, why: Telling) -> None:
        """Pass an alert on to the channels that are to hear of it."""
        levels = list(Level)
        if levels.index(alert.level) < levels.index(self._plan.min_level):
            return
        names: Sequence[str] = self._plan.channels
        if why is Telling.ESCALATED:
            names = self._plan.names
        told = message_of(alert, why)
        message = Message(self._hide(told.title), self._hide(told.body), time.monotonic())
        for name in names:
            self._channels[name].put(message)

    def close(self, timeout_s: float = 2.0) -> None:
        """At the end: each channel may use this long for what still waits; in threads, all at once."""
        closers = [
            threading.Thread(target=channel.close, args=(timeout_s,)) for channel in self._channels.values()
        ]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()


def message_of(alert: AlertView, why: Telling) -> Message:
    """An alert in words for a phone."""
    about = f" {alert.symbol}" if alert.symbol else ""
    urgent = "ESCALATED " if why is Telling.ESCALATED else ""
    count = f" ({alert.count} times)" if alert.count > 1 else ""
    to_do = f"\nTo do: {alert.to_do}" if alert.to_do else ""
    at = alert.at.strftime("%Y-%m-%d %H:%M:%S UTC")
    title = f"cockpit: {urgent}{alert.level.value.upper()}{about} [{alert.code}]"
    return Message(title, f"{alert.text}{count}\n{at}, alert {alert.alert_id}{to_do}")


def attempted(send: Send, message: Message) -> str:
    """One attempt; what went wrong, in words that hold no address, or nothing."""
    try:
        return send(message.title, message.body)
    except Exception as err:  # noqa: BLE001 - a channel's library may raise anything; it must not end its thread
        return type(err).__name__


def _bound(make_send: Callable[[str], Send], name: str) -> Callable[[], Send]:
    def make() -> Send:
        try:
            return make_send(name)
        except Exception as err:  # noqa: BLE001 - as above: a channel that cannot be made fails at every attempt
            problem = str(err) if isinstance(err, NoAddressError) else type(err).__name__
            return lambda _title, _body: problem

    return make


# --- the real thing: apprise, and where addresses come from -----------------------------------------


class NoAddressError(Exception):
    """A channel has no usable address, or the library is missing; the text says what to do."""


def apprise_send(name: str, environ: Mapping[str, str], *, learn: Learn = lambda _: None) -> Send:
    """How to send to the channel of this name. Raises NoAddressError. Imports the library only here.

    `learn` is told the address before anybody can write it down.
    """
    address = address_of(name, environ).reveal()
    learn(address)
    module = imported("apprise")
    if module is None:
        raise NoAddressError("apprise is not installed; install the cockpit with its extra 'alerts'")
    target = module.Apprise()
    if not target.add(address):
        raise NoAddressError(f"the address of channel {name} is not one that apprise knows")

    def send(title: str, body: str) -> str:
        return "" if target.notify(title=title, body=body) else "the channel did not take the message"

    return send


def address_of(name: str, environ: Mapping[str, str]) -> Secret:
    """The address of a channel, from the environment or the keyring. Raises NoAddressError."""
    secret = f"{CHANNEL}{name}"
    try:
        found = find(secret, environ)
    except VaultError as err:
        raise NoAddressError(str(err)) from err
    if found is None:
        raise NoAddressError(f"channel {name} has no address: {how_to_give(secret)}")
    return found.secret
