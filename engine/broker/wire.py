"""One connection's shared parts: the library's client, our queue before it, our questions, the listener."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from engine.broker import codes, ibapi
from engine.broker.convert import clean
from engine.broker.pacing import Priority, Sender
from engine.broker.port import BrokerError, BrokerEvent, BrokerListener, LinkEvent, LinkState, Notice
from engine.broker.requests import Requests
from engine.broker.retry import USUAL, Patience
from engine.broker.timing import Timings


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Where to connect, as whom, and how patient to be."""

    host: str = "127.0.0.1"
    port: int = 7497
    client_id: int = 1
    """The same over restarts: only the placing client id may change its orders."""
    mode: Literal["DRY_RUN", "PAPER", "LIVE"] = "PAPER"
    read_only: bool = False
    """Refuse every order, change and cancel before anything is built."""
    account: str = ""
    """Which account, where the login manages several; empty where it has only one."""
    connect_timeout_s: float = 10.0
    request_timeout_s: float = 10.0
    history_timeout_s: float = 30.0
    send_timeout_s: float = 5.0
    heartbeat_s: float = 1.0
    detect_s: float = 3.0
    """Without an answer for so long the peer counts as frozen."""
    live_bars_in_10_min: int = 60
    """New lines of live 5-second bars that the broker takes in ten minutes; 0 = it does not count them."""
    market_data_type: int = 1
    """1 real time, 2 frozen, 3 delayed, 4 delayed-frozen."""
    patience: Patience = USUAL
    """How often a question that changes nothing is asked again while the broker is too busy for it."""
    highest_order_id: int = 0
    """The highest order id ever used with this client id; ids go on above it."""

    @property
    def refuses_orders(self) -> bool:
        """True where nothing that changes the account may be sent; a dry run never sends."""
        return self.read_only or self.mode == "DRY_RUN"

    @property
    def where(self) -> str:
        """`host:port`, for people."""
        return f"{self.host}:{self.port}"


class Wire:
    """What every part of the adapter needs to talk over one connection. Made anew for each."""

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        listener: BrokerListener,
        clock: Callable[[], float],
        exchange_now: Callable[[], float],
        timings: Timings | None = None,
    ) -> None:
        self.settings = settings
        self.listener = listener
        self.clock = clock
        self.exchange_now = exchange_now
        self.callbacks = ibapi.Callbacks()
        self.sender = Sender(clock=clock)
        self.timings = timings or Timings(clock)
        self.requests = Requests(
            self.sender, timeout_s=settings.request_timeout_s, clock=clock, on_answer=self.timings.answered
        )
        self.account = ""
        self.link = LinkState.CONNECTING
        self.uplink = LinkState.UP
        """What the broker last said of its own uplink: UP or BROKER_LOST."""
        self._client: Any = None

    @property
    def client(self) -> Any:
        """The library's client. Raises BrokerError before the line was opened."""
        if self._client is None:
            raise BrokerError(f"not connected to {self.settings.where}")
        return self._client

    def make_client(self) -> Any:
        """Create the client; after this no callback may be added that the library looks up early."""
        self._client = ibapi.new_client(self.callbacks, on_unreadable=self._on_unreadable)
        return self._client

    def emit(self, event: BrokerEvent) -> None:
        """Tell the listener."""
        self.listener.on_broker_event(event)

    def set_link(self, state: LinkState, text: str, *, code: int = 0, data_lost: bool = False) -> None:
        """Change the line's state and tell it; repeated only where the broker says the line was restored.

        A restoration without a loss before means that the loss was not heard: much may have happened in it.
        """
        is_restored = state is LinkState.UP and code != 0
        if state is self.link and not data_lost and not is_restored:
            return
        self.link = state
        self.emit(LinkEvent(state, clean(text), code, data_lost))

    def guarded(self, call: Callable[[], None]) -> Callable[[], None]:
        """`call`, with whatever it raises told as a Notice: the library would only log it away."""

        def run() -> None:
            try:
                call()
            except Exception as error:  # noqa: BLE001 - told to the engine, whatever it is
                what = clean(f"the adapter failed inside: {type(error).__name__}: {error}")
                self.emit(Notice(codes.UNREADABLE, what, ""))

        return run

    def post(self, write: Callable[[], None], *, what: str, priority: Priority) -> None:
        """Send something nobody waits for."""
        self.sender.post(write, priority=priority, what=what)

    def _on_unreadable(self, message_id: str, error: Exception) -> None:
        what = clean(
            f"message {message_id} from the broker could not be handled: {type(error).__name__}: {error}"
        )
        # What could not be read may have been part of any answer: none that is open now is whole.
        self.requests.fail_all(what)
        self.emit(Notice(codes.UNREADABLE, what, ""))
