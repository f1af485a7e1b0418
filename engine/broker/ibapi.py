"""The only file that knows the broker's library: ib_async, or ib_insync where that is installed.

It offers one half of the library: `Client` (handshake, framing, encoding) and `Decoder`. The other half
(`IB`, `Wrapper`) guesses order states, forgets which End marker never came and keeps every trade for
ever; the adapter does that work itself, from the wire's own words. Nothing here may block or reconnect:
one `Client` serves one connection.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import importlib.util
import logging
import os
from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from types import SimpleNamespace
from typing import Any, Final

_KNOWN: Final = ("ib_async", "ib_insync")


def ensure_loop() -> None:
    """Give this thread an event loop if it has none: importing ib_insync needs one."""
    try:
        asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        asyncio.set_event_loop(asyncio.new_event_loop())


def _chosen() -> str:
    """Name of the library to use; COCKPIT_IB_LIBRARY may insist on one."""
    wanted = os.environ.get("COCKPIT_IB_LIBRARY", "")
    if wanted and wanted not in _KNOWN:
        raise ImportError(f"COCKPIT_IB_LIBRARY is {wanted!r}; it can be {' or '.join(_KNOWN)}")
    for name in (wanted,) if wanted else _KNOWN:
        if importlib.util.find_spec(name) is not None:
            return name
    raise ImportError(f"no broker library is installed: install {wanted or _KNOWN[0]}")


LIB: Final = _chosen()
VERSION: Final = importlib.metadata.version(LIB)

if LIB == "ib_insync":
    ensure_loop()
_root: Any = importlib.import_module(LIB)
_decoder: Any = importlib.import_module(f"{LIB}.decoder")

Contract: Any = _root.Contract
Order: Any = _root.Order
ExecutionFilter: Any = _root.ExecutionFilter
UNSET_DOUBLE: Final[float] = float(_root.util.UNSET_DOUBLE)

_LENGTH_BYTES: Final = 4
"""Each message begins with its length."""

for _name in (LIB, "eventkit"):
    # Both log account numbers and tracebacks; what matters reaches the engine as events instead.
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False

_WANTED: Final = frozenset({1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 15, 17, 45, 46, 49}) | frozenset(
    {50, 52, 53, 54, 55, 58, 59, 61, 62, 93, 99, 101, 102}
)
"""Message ids the adapter asks for; all others are dropped undecoded."""


def _ignore(*_args: object) -> None:
    """For callbacks of the library that mean nothing to the adapter."""


class Callbacks(SimpleNamespace):
    """What the library calls, by the names it uses; parts of the adapter add themselves with `on`."""

    def __init__(self) -> None:
        # TimezoneTWS: only asked where an old server states times without a zone; empty = this machine's.
        super().__init__(ib=SimpleNamespace(TimezoneTWS=""))
        self.defaultTimezone: tzinfo = UTC
        self.on(connectAck=_ignore, setEventsDone=_ignore, connectionClosed=_ignore)

    def on(self, **handlers: Callable[..., object]) -> None:
        """Set handlers by the library's callback names (`orderStatus=…`, `error=…`)."""
        vars(self).update(handlers)


class _Decoder(_decoder.Decoder):  # type: ignore[misc]  # which library it is, is known at run time only
    """The library's decoder, except that a message it cannot read is told instead of logged away."""

    def __init__(self, callbacks: Callbacks, on_unreadable: Callable[[str, Exception], None]) -> None:
        super().__init__(callbacks, 0)
        self._on_unreadable = on_unreadable
        self._by_id = {str(number): self.handlers[number] for number in _WANTED}

    def wrap(self, method: str, types: Sequence[type], skip: int = 2) -> Callable[[list[str]], None]:
        """A handler that reads the fields as `types` and calls the callback named `method`."""

        readers = [_READERS.get(kind, kind) for kind in types]

        def handler(fields: list[str]) -> None:
            read = [kind(text or 0) for kind, text in zip(readers, fields[skip:], strict=False)]
            getattr(self.wrapper, method)(*read)

        return handler

    def interpret(self, fields: list[str]) -> None:
        """Decode one message and hand it on; never raises, so that one bad message ends no stream."""
        try:
            handler = self._by_id.get(fields[0])
            if handler is not None:
                handler(fields)
        except Exception as error:  # noqa: BLE001 - told to the engine as a Notice, whatever it is
            self._on_unreadable(fields[0] if fields else "", error)


def _text(read: str | int) -> str:
    return str(read) if read else ""


def _flag(read: str | int) -> bool:
    return bool(int(read))


_READERS: Final[dict[type, Callable[[Any], Any]]] = {str: _text, bool: _flag}
"""How fields of these types are read; all others by their type itself, an empty one as 0."""


class _Client(_root.Client):  # type: ignore[misc]  # which library it is, is known at run time only
    """The library's client, which can also write a message without sending it."""

    written: list[str] | None = None
    """While it is a list, messages go there instead of onto the wire."""

    def sendMsg(self, msg: str) -> None:  # noqa: N802 - the library's name
        """Send a message, or keep it where it is only to be written."""
        if self.written is None:
            super().sendMsg(msg)
        else:
            self.written.append(msg)


def order_frames(client: Any, orders: Sequence[tuple[int, Any]], contract: Any) -> bytes:
    """The bytes that place `orders` (order id, order), for `send_frames`; nothing is sent yet.

    Raises ConnectionError where the client is not connected: what is written depends on the server's version.
    """
    written = client.written = []
    try:
        for order_id, order in orders:
            client.placeOrder(order_id, contract, order)
    finally:
        client.written = None
    return b"".join(client._prefix(message.encode()) for message in written)


def send_frames(client: Any, frames: bytes) -> None:
    """Send bytes of `order_frames` in one go, so that no bracket leaves half. Raises ConnectionError."""
    if not client.isConnected():
        raise ConnectionError("not connected")
    client.conn.sendMsg(frames)


class _Reader:
    """Cuts what arrives into messages for the decoder and tells the end of each packet."""

    __slots__ = ("_client", "_interpret", "_rest")

    def __init__(self, client: Any) -> None:
        self._client, self._interpret = client, client.decoder.interpret
        self._rest: bytes = client._data
        """The beginning of a message whose end has not come."""

    def read(self, data: bytes) -> None:
        """Interpret every message that is whole now; none after the one in which we hung up."""
        held = self._rest + data if self._rest else data
        at, end = 0, len(held)
        while end - at > _LENGTH_BYTES:
            begins = at + _LENGTH_BYTES
            ends = begins + int.from_bytes(held[at:begins])
            if ends > end:
                break
            fields = held[begins:ends].decode(errors="backslashreplace").split("\0")
            fields.pop()  # behind the last separator is nothing
            at = ends
            self._interpret(fields)
            if self._client.connState != _root.Client.CONNECTED:
                at = end
        self._rest = held[at:]
        self._client._tcpDataProcessed()


def read_directly(client: Any) -> None:
    """From now on read what arrives past the library's list of listeners and its own loop.

    For a client that has shaken hands, and whose data nobody else listens to: hundreds of packets a second.
    """
    client.conn.data_received = _Reader(client).read


def new_client(callbacks: Callbacks, *, on_unreadable: Callable[[str, Exception], None]) -> Any:
    """A fresh client for one connection, its own throttle off (ours stands in front of it).

    `on_unreadable` hears the message id and the error of every message that could not be handled.
    """
    client = _Client(callbacks)
    client.MaxRequests = 0
    client.decoder = _Decoder(callbacks, on_unreadable)
    return client
