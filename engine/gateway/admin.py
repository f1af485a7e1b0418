"""The drill socket: one JSON object a line in, one back. Local to the user, for tests and drills only.

Commands: `{"do": "error", "code": 1100, "text": "...", "id": -1}` tells every client; 1101 also ends their
data lines, as TWS does; `freeze` (`seconds`), `drop`, `reject_next` (`code`, `text`), `delay_orders`
(`seconds`), `data_type` (`type` 1-4), `id_rollback` (`count`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from engine.gateway.files import PRIVATE_MODE
from engine.gateway.server import GatewayServer

log = logging.getLogger(__name__)

ADMIN_SOCKET: Final = "admin.sock"
_DATA_LOST: Final = 1101
_TEXTS: Final = {
    1100: "Connectivity between IBKR and Trader Workstation has been lost.",
    1101: "Connectivity between IBKR and Trader Workstation has been restored - data lost.",
    1102: "Connectivity between IBKR and Trader Workstation has been restored - data maintained.",
    2103: "Market data farm connection is broken:usfarm",
    2104: "Market data farm connection is OK:usfarm",
}

Arguments = Mapping[str, Any]


class AdminSocket:
    """Serves the drill commands of one gateway."""

    def __init__(self, server: GatewayServer) -> None:
        self._gateway = server
        self._socket: asyncio.Server | None = None
        self._path: Path | None = None

    async def listen(self, path: Path) -> None:
        """Bind the socket (mode 0600), replacing a dead one. Raises OSError."""
        self._socket = await asyncio.start_unix_server(self._serve, sock=_bound(path))
        self._path = path

    async def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._socket is not None:
            self._socket.close()
            await self._socket.wait_closed()
        if self._path is not None:
            _remove(self._path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self.obey(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError) as error:
            log.warning("drill connection ended: %s", error)
        finally:
            writer.close()

    def obey(self, line: bytes) -> dict[str, Any]:
        """Do what a line asks; `{"ok": true}` or the reason why not."""
        try:
            asked = json.loads(line)
            act = self._acts().get(asked["do"])
            if act is None:
                return {"ok": False, "error": f"unknown command; known: {sorted(self._acts())}"}
            act(asked)
        except (ValueError, KeyError, TypeError) as error:
            return {"ok": False, "error": f"bad command: {type(error).__name__} {error}"}
        log.info("drill: %s", asked)
        return {"ok": True}

    def _acts(self) -> Mapping[str, Callable[[Arguments], None]]:
        return {
            "error": self._error,
            "freeze": self._freeze,
            "drop": lambda _: self._gateway.drop_all(),
            "reject_next": self._reject_next,
            "delay_orders": self._delay_orders,
            "data_type": self._data_type,
            "id_rollback": self._id_rollback,
        }

    def _error(self, asked: Arguments) -> None:
        code = int(asked["code"])
        text = str(asked.get("text") or _TEXTS.get(code, "injected by a drill"))
        request_id = int(asked.get("id", -1))
        for session in self._gateway.venue.started():
            if code == _DATA_LOST:
                session.subscriptions.lose_data()
            session.error(code, text, request_id=request_id)
            session.flush()

    def _freeze(self, asked: Arguments) -> None:
        venue = self._gateway.venue
        venue.faults.frozen_until = venue.monotonic() + float(asked["seconds"])

    def _reject_next(self, asked: Arguments) -> None:
        faults = self._gateway.venue.faults
        code = int(asked["code"])
        faults.reject_text = str(asked.get("text", "Order rejected - reason:a drill asked for it"))
        faults.reject_code = code

    def _delay_orders(self, asked: Arguments) -> None:
        self._gateway.venue.faults.order_delay_s = float(asked["seconds"])

    def _data_type(self, asked: Arguments) -> None:
        kind = int(asked["type"])
        if kind not in {1, 2, 3, 4}:
            raise ValueError(f"type {kind} is not 1..4")
        self._gateway.venue.faults.market_data_type = kind

    def _id_rollback(self, asked: Arguments) -> None:
        self._gateway.venue.faults.order_id_rollback = int(asked["count"])


def _bound(path: Path) -> socket.socket:
    _remove(path)
    bound = socket.socket(socket.AF_UNIX)
    try:
        bound.bind(str(path))
        path.chmod(PRIVATE_MODE)
    except OSError:
        bound.close()
        raise
    return bound


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
