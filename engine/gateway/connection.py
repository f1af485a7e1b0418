"""One socket of the gateway: handshake, startApi, then messages. Garbage costs only its own connection."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Final, Protocol

from engine.gateway import unforeseen
from engine.gateway.codec import FieldError, FrameError, FrameSplitter, message
from engine.gateway.dispatch import dispatch, is_start, read_start
from engine.gateway.journal import JournalError
from engine.gateway.limits import Admission
from engine.gateway.ports import MarketError
from engine.gateway.requests_orders import tell_next_id
from engine.gateway.session import Session
from engine.gateway.venue import Venue
from engine.gateway.wire_text import MAX_VERSION, MIN_VERSION, time_text

log = logging.getLogger(__name__)

_GREETING: Final = b"API\0"
_HANDSHAKE_MAX_BYTES: Final = 256
_HANDSHAKE_WITHIN_S: Final = 10.0
_VERSIONS: Final = re.compile(r"v(\d{1,6})(?:\.\.(\d{1,6}))?(?: .*)?", re.DOTALL)
_DUPLICATE_CLIENT: Final = 326
_TOO_OLD: Final = 503
_RATE: Final = 100
_FARMS: Final = (
    (2104, "Market data farm connection is OK:usfarm"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefil"),
)


class Host(Protocol):
    """What a connection needs of the server."""

    venue: Venue
    connections: set[Connection]

    def fail(self, error: JournalError | MarketError) -> None:
        """The journal cannot be written or the market not go on: nothing may be acknowledged any more."""
        ...

    def client_came(self) -> None:
        """A client completed startApi."""
        ...

    def client_left(self) -> None:
        """A started client is gone."""
        ...


class Connection(asyncio.Protocol):
    """The protocol of one accepted socket."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._venue = host.venue
        self._splitter = FrameSplitter(max_bytes=_HANDSHAKE_MAX_BYTES)
        self._transport: asyncio.Transport | None = None
        self._session: Session | None = None
        self._greeted = False
        self._deadline: asyncio.TimerHandle | None = None
        self._peer = "?"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open; the client speaks first, and soon."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  create_server makes stream transports
        self._transport = transport
        if self._venue.faults.is_away(self._venue.monotonic()):
            transport.abort()
            return
        self._peer = str(transport.get_extra_info("peername"))
        self._host.connections.add(self)
        self._deadline = asyncio.get_running_loop().call_later(_HANDSHAKE_WITHIN_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone; so are the client's subscriptions. Its orders stay."""
        self._host.connections.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
        session = self._session
        if session is None or session.client_id is None:
            return
        if self._venue.sessions.get(session.client_id) is session:
            del self._venue.sessions[session.client_id]
            log.info("%s disconnected", session.name)
            self._host.client_left()

    def data_received(self, data: bytes) -> None:
        """Bytes arrived: everything whole in them is answered in this turn."""
        self._splitter.feed(data)
        self.process()

    def process(self) -> None:
        """Answer what has arrived, unless a drill has the gateway play dead."""
        if self._venue.faults.is_frozen(self._venue.monotonic()):
            return
        try:
            self._answer_all()
        except (FrameError, FieldError) as error:
            self.close(f"sent what is not the TWS protocol: {error}")
        except (JournalError, MarketError) as error:
            self._host.fail(error)
        except Exception as error:  # noqa: BLE001  a fault of ours costs one connection, never the gateway
            unforeseen.note("a connection failed", error)
            self.close("the gateway failed on it")
        if self._session is not None:
            self._session.flush()

    @property
    def pending_bytes(self) -> int:
        """What has arrived and is not answered: parts of a frame, or all of it while playing dead."""
        return self._splitter.pending_bytes

    def close(self, why: str) -> None:
        """End this connection and say so in the log."""
        name = self._session.name if self._session is not None else f"peer {self._peer}"
        log.warning("%s: connection closed: %s", name, why)
        if self._session is not None:
            self._session.close()
        elif self._transport is not None:
            self._transport.close()

    def drop(self) -> None:
        """End the connection at once, as a lost network would."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def _is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def _give_up(self) -> None:
        self.close(f"no handshake within {_HANDSHAKE_WITHIN_S:.0f} s")

    def _answer_all(self) -> None:
        if not self._greeted and not self._greet():
            return
        while not self._is_closing:
            payload = self._splitter.next_payload()
            if payload is None:
                return
            if self._session is None:
                self._negotiate(payload)
            elif self._session.client_id is None:
                self._start(self._session, payload)
            else:
                self._serve(self._session, payload)

    def _greet(self) -> bool:
        greeting = self._splitter.take(len(_GREETING))
        if greeting is None:
            return False
        if greeting != _GREETING:
            raise FrameError(f"the first bytes are {greeting!r} instead of {_GREETING!r}")
        self._greeted = True
        return True

    def _negotiate(self, payload: bytes) -> None:
        """Agree on the highest version both sides know."""
        assert self._transport is not None  # noqa: S101  set before any data arrives
        asked = payload.decode("ascii", errors="replace")
        found = _VERSIONS.fullmatch(asked.rstrip("\0"))
        if found is None:
            raise FrameError(f"the version request is {asked[:40]!r}")
        highest = int(found[2] or found[1])
        version = min(MAX_VERSION, highest)
        session = Session(
            self._transport,
            version=version,
            limits=self._venue.settings.limits,
            faults=self._venue.faults,
            monotonic=self._venue.monotonic,
        )
        session.send(message(version, time_text(self._venue.reached, version=MAX_VERSION)))
        self._session = session
        if version < MIN_VERSION:
            text = (
                f"The API client is too old: it knows version {highest}, {MIN_VERSION} is the oldest served"
            )
            session.error(_TOO_OLD, text)
            self.close(text)
            return
        self._splitter = _wider(self._splitter)

    def _start(self, session: Session, payload: bytes) -> None:
        if not is_start(payload):
            raise FrameError("a request came before startApi")
        client_id = read_start(payload)
        if self._deadline is not None:
            self._deadline.cancel()
        if client_id in self._venue.sessions:
            session.error(
                _DUPLICATE_CLIENT,
                "Unable to connect as the client id is already in use. Retry with a unique client id.",
            )
            self.close(f"client id {client_id} is already in use")
            return
        session.client_id = client_id
        self._venue.sessions[client_id] = session
        log.info("%s connected, version %d", session.name, session.version)
        session.reply(15, 1, self._venue.settings.account)
        tell_next_id(self._venue, session)
        for code, text in _FARMS:
            session.error(code, text)
        self._host.client_came()

    def _serve(self, session: Session, payload: bytes) -> None:
        # A replay must not depend on how fast the client is: in lockstep nothing is counted by real time.
        is_lockstep = self._venue.clock.is_lockstep
        verdict = Admission.OK if is_lockstep else session.rate.admit(self._venue.monotonic())
        most = self._venue.settings.limits.messages_per_second
        if verdict is Admission.OK:
            dispatch(self._venue, session, payload)
        elif verdict is Admission.REFUSED_AND_TOLD:
            session.error(_RATE, f"Max rate of messages per second has been exceeded:max={most}")
        elif verdict is Admission.DROP:
            session.error(_RATE, f"Max rate of messages per second has been exceeded:max={most}")
            self.close(f"more than {most} messages per second again and again")


def _wider(splitter: FrameSplitter) -> FrameSplitter:
    """A splitter for ordinary messages that goes on with what the handshake's one still holds."""
    wide = FrameSplitter()
    wide.feed(splitter.take(splitter.pending_bytes) or b"")
    return wide
