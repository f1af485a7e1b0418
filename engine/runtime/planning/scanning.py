"""`cockpit scan` inside a running engine: levels found in history now. Shown; nothing is traded by them."""

from __future__ import annotations

from engine.api import Command, Outcome
from engine.broker.port import Broker, LinkState
from engine.domain.reasons import Reason
from engine.market.scan_file import render_scan_file
from engine.runtime.desk import Desk
from engine.runtime.outcomes import done, refused
from engine.runtime.setups.history import scan_symbols, traded_symbols


class ScanDesk:
    """Answers the command."""

    def __init__(self, desk: Desk, *, broker: Broker) -> None:
        self._desk = desk
        self._broker = broker

    async def scan(self, command: Command) -> Outcome:
        """Scan the symbols in `target` (all that is traded where it is empty).

        `details` are the scanner file's text, then a line per symbol without levels.
        """
        desk = self._desk
        if desk.link is not LinkState.UP:
            return refused(command, Reason.LINK_DOWN.value, "no line to the broker: no history to scan")
        symbols = tuple(command.target.split()) or traded_symbols(desk.config)
        day, found = await scan_symbols(self._broker, symbols, now=desk.now())
        text = f"{len(found.setups)} of {len(symbols)} have levels for {day}"
        return done(command, text, (render_scan_file(day, found.setups), *found.without))
