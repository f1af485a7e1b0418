"""The drill socket: one JSON object a line in, one back. Local to the user, for tests and drills only.

`{"do": "freeze", "seconds": 5}` and the like; docs/gateway.md lists them, the `drills_*` files do them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from engine.gateway import drills_account, drills_line, drills_orders
from engine.gateway.drill import Answer, Drill
from engine.gateway.files import PRIVATE_MODE
from engine.gateway.journal import JournalError
from engine.gateway.ports import MarketError
from engine.gateway.server import GatewayServer

log = logging.getLogger(__name__)

ADMIN_SOCKET: Final = "admin.sock"
_DRILLS: Final[Mapping[str, Drill]] = {
    **drills_line.DRILLS,
    **drills_orders.DRILLS,
    **drills_account.DRILLS,
}


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

    def obey(self, line: bytes) -> Answer:
        """Do what a line asks; `{"ok": true}` and what there is to tell, or the reason why not."""
        try:
            asked = json.loads(line)
            drill = _DRILLS.get(asked["do"])
            if drill is None:
                return {"ok": False, "error": f"unknown command; known: {sorted(_DRILLS)}"}
            told = drill(self._gateway, asked)
        except (ValueError, KeyError, TypeError) as error:
            return {"ok": False, "error": f"bad command: {type(error).__name__} {error}"}
        except (JournalError, MarketError) as error:
            self._gateway.fail(error)
            return {"ok": False, "error": str(error)}
        log.info("drill: %s", asked)
        return {"ok": True, **(told or {})}


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
