"""Tells the service manager that the engine is up and still turns (sd_notify), where one listens."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Final

_MOST: Final = 200


class ServiceNotifier:
    """A step of the regular round, so that the watchdog is fed only while the round really turns.

    Where nobody listens (no NOTIFY_SOCKET) it does nothing.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, *, status: Callable[[], str]) -> None:
        """`status` is a short line for people: `systemctl status` shows it."""
        address = (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")
        # A leading @ stands for the abstract namespace.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._status = status
        self._is_up = False

    async def round(self) -> None:
        """Ready at the first round; then a sign of life each time."""
        if not self._address:
            return
        ready = [] if self._is_up else ["READY=1"]
        self._is_up = self._tell(*ready, "WATCHDOG=1", f"STATUS={self._status()[:_MOST]}") or self._is_up

    def stopping(self) -> None:
        """The engine ends on purpose."""
        if self._address:
            self._tell("STOPPING=1")

    def _tell(self, *lines: str) -> bool:
        """False where nobody took it: the next round tries again."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
                out.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            return False
        return True
