"""Opening and closing one line to the broker, with errors that say what to do about them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final, NoReturn

from engine.broker import codes, ibapi
from engine.broker.convert import clean
from engine.broker.port import ConnectError
from engine.broker.wire import ConnectionSettings, Wire
from engine.domain.account import is_paper_account

_MAX_FRAME: Final = 16 * 1024 * 1024
_CLOSE_S: Final = 1.0
_PAPER_PORTS: Final = frozenset({7497, 4002})
_LIVE_PORTS: Final = frozenset({7496, 4001})
EMBEDDED: Final = "cockpit-embedded"
"""Value of the account figure GatewayKind by which the embedded gateway names itself."""


def account_problem(settings: ConnectionSettings, *, account: str, embedded: bool) -> str:
    """Why this account must not be used in this mode, for people; empty where it may be.

    On the usual ports account and port must agree; on any other the account alone decides. A dry run
    sends nothing and may look at any account.
    """
    paper = is_paper_account(account)
    if settings.mode == "DRY_RUN":
        return ""
    if settings.mode == "LIVE" and embedded:
        return (
            f"{settings.where} is the embedded paper gateway with simulated prices: live trading needs "
            "TWS or IB Gateway; set connection.host and connection.port to it"
        )
    if settings.mode == "PAPER" and not paper:
        return (
            f"account {account} at {settings.where} is not a paper account (DU…): nothing was sent; log "
            "TWS in to paper trading, or correct connection.port"
        )
    if settings.mode == "LIVE" and paper:
        return f"account {account} at {settings.where} is a paper account; start with --paper instead"
    if settings.port in (_LIVE_PORTS if paper else _PAPER_PORTS):
        kind, other = ("paper", "live") if paper else ("live", "paper")
        return (
            f"port {settings.port} is the usual {other} port, but {account} is a {kind} account: one of "
            "them is a mistake; correct connection.port"
        )
    return ""


class Line:
    """The socket of one connection, through the library's client."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._client: Any = None
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.Event()
        self._verdict: asyncio.Future[NoReturn] | None = None
        self.next_valid_id = 0
        self.accounts: tuple[str, ...] = ()
        wire.callbacks.on(nextValidId=self._on_next_id, managedAccounts=self._on_accounts)

    async def open(self) -> None:
        """Connect and shake hands. Raises ConnectError, at once where the cause is known."""
        settings = self._wire.settings
        self._client = client = self._wire.make_client()
        self._verdict = asyncio.get_running_loop().create_future()
        self._verdict.add_done_callback(lambda done: done.cancelled() or done.exception())
        client.conn.hasData += self._check_framing
        client.conn.disconnected += self._on_gone
        client.apiError += self._on_api_error
        attempt = asyncio.ensure_future(
            client.connectAsync(settings.host, settings.port, settings.client_id, 0)
        )
        try:
            await asyncio.wait(
                (attempt, self._verdict),
                timeout=settings.connect_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            self._judge(attempt)
        except BaseException:
            await self._abandon(attempt)
            raise
        client.conn.hasData -= self._check_framing
        self._watch_transport()

    def refuse(self, code: int, text: str) -> None:
        """An error arrived while connecting; codes that end the attempt end it now."""
        if code in codes.CONNECT_CODES and self._verdict is not None:
            what = clean(
                f"{self._wire.settings.where} refused client id {self._wire.settings.client_id}: {text}"
            )
            self._fail(f"{what} (code {code}). {codes.advice(code)}".rstrip())

    async def close(self) -> None:
        """Close the socket and wait until it is closed; by force where the peer does not read."""
        if self._client is None:
            return
        if self._transport is None:
            self._transport = self._client.conn.transport
        self._client.disconnect()
        if self._transport is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._gone.wait()
        except TimeoutError:
            self._transport.abort()
            await self._gone.wait()

    def _judge(self, attempt: asyncio.Future[None]) -> None:
        settings = self._wire.settings
        if self._verdict is not None and self._verdict.done():
            self._verdict.result()
        if not attempt.done():
            raise ConnectError(
                f"{settings.where} took the connection but did not finish the handshake within "
                f"{settings.connect_timeout_s:g} s: it may be frozen, still logging in, or no TWS"
            )
        error = attempt.exception()
        if error is not None:
            raise ConnectError(
                f"nobody answers at {settings.where} ({clean(error)}): start TWS or IB Gateway and "
                "enable its API on that port, or use the embedded gateway (cockpit --paper)"
            ) from error

    def _watch_transport(self) -> None:
        """From now on read past the library's listeners, and hear when the kernel does not take our bytes."""
        conn = self._client.conn
        self._transport = conn.transport
        if self._transport is None:
            raise ConnectError(f"{self._wire.settings.where} closed the connection right after the handshake")
        ibapi.read_directly(self._client)
        conn.pause_writing = self._wire.sender.on_blocked
        conn.resume_writing = self._wire.sender.on_drained
        self._transport.set_write_buffer_limits(high=0)

    async def _abandon(self, attempt: asyncio.Future[None]) -> None:
        self._transport = self._client.conn.transport
        attempt.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await attempt
        await self.close()

    def _fail(self, text: str) -> None:
        if self._verdict is not None and not self._verdict.done():
            self._verdict.set_exception(ConnectError(text))

    def _check_framing(self, _data: bytes) -> None:
        """During the handshake: a length no TWS would send means that something else answers."""
        held: bytes = self._client._data
        if len(held) >= 4 and int.from_bytes(held[:4], "big") > _MAX_FRAME:
            self._fail(
                f"what answers at {self._wire.settings.where} does not speak the TWS protocol "
                f"(it begins with {clean(held[:12])}): correct connection.port"
            )

    def _on_api_error(self, text: str) -> None:
        if "version" in text:
            self._fail(
                f"{self._wire.settings.where} speaks a protocol older than version 157: update TWS or IB "
                f"Gateway ({clean(text)})"
            )

    def _on_gone(self, text: str) -> None:
        self._gone.set()
        reason = clean(text) or "no reason given"
        self._fail(
            f"{self._wire.settings.where} closed the connection during the handshake ({reason}): another "
            f"program may use client id {self._wire.settings.client_id}, or the API refuses this machine"
        )

    def _on_next_id(self, order_id: int) -> None:
        self.next_valid_id = max(self.next_valid_id, order_id)

    def _on_accounts(self, accounts: str) -> None:
        self.accounts = tuple(clean(name) for name in accounts.split(",") if name.strip())
