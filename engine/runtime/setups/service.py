"""Keeps the watch list of the day: a scanner's file as soon as it is there, else levels found in history.

A file that is missing, of another day or unusable blocks the entries of those who trade levels (they have
no setup) and nothing else: positions are managed as ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import structlog

from engine.api import EngineState, Level
from engine.broker.port import Broker
from engine.domain.instrument import SecType
from engine.domain.setup import Setup
from engine.market.scan_file import ScanFile, ScanFileError, parse_scan_file, render_scan_file
from engine.runtime.desk import Desk
from engine.runtime.running import Running
from engine.runtime.setups.folder import Found, Unreadable, keep, look, newest_day
from engine.runtime.setups.history import scan_all, session_day
from engine.runtime.setups.picking import pick
from engine.runtime.trading import Trading

LOOK_S: Final = 5.0
"""Real seconds between two looks at the folder."""
SCAN_RETRY_S: Final = 60.0
"""Real seconds before a scan that found nothing is made again."""
ALERT: Final = "scanner_file"

_log = structlog.get_logger("engine")


class SetupService:
    """A step of the regular round."""

    def __init__(
        self,
        desk: Desk,
        *,
        broker: Broker,
        trading: Trading,
        folder: Path,
        own_folder: Path,
        spawn: Callable[[str, Callable[[], object]], None],
        prepare: Callable[[], Awaitable[None]],
    ) -> None:
        """`folder` is the operator's; what we find in history is kept in `own_folder`.

        `prepare` brings what strategies want since then to the desk.
        """
        self._desk = desk
        self._broker = broker
        self._trading = trading
        self._folders = (folder, own_folder)
        self._own_folder = own_folder
        self._spawn = spawn
        self._prepare = prepare
        self._stamp: tuple[str, int, int] | None = None
        self._day: date | None = None
        self._next_look_s = float("-inf")
        self._next_scan_s = float("-inf")
        self._scanning = False

    async def round(self) -> None:
        """Look for a new file; scan where there is none for today."""
        now_s = self._desk.clock.monotonic()
        wanted = self._wanted()
        has_use = wanted or any(running.from_scanner for running in self._trading.running)
        if now_s < self._next_look_s or not has_use or self._desk.state is not EngineState.READY:
            return
        self._next_look_s = now_s + LOOK_S
        day = session_day(self._desk.instruments.values(), self._desk.now())
        if day != self._day:
            self._begin(day)
        found = await asyncio.to_thread(look, self._folders, day)
        if found is None:
            await self._without_file(day, wanted, now_s)
        elif found.stamp != self._stamp:
            self._stamp = found.stamp
            self._read(found, day)

    def _wanted(self) -> tuple[str, ...]:
        """Instruments of those who trade levels."""
        return tuple(
            sorted({key for r in self._trading.running if r.strategy.wants_setups for key in r.keys})
        )

    def _begin(self, day: date) -> None:
        """Levels of another day are none. What is held is managed on, also after a restart."""
        self._day, self._stamp, self._next_scan_s = day, None, float("-inf")
        self._pick(())
        if self._desk.setups:
            self._apply((), f"the levels of the day before are dropped; waiting for those of {day}")

    async def _without_file(self, day: date, wanted: Sequence[str], now_s: float) -> None:
        if self._scanning or now_s < self._next_scan_s:
            return
        newest = await asyncio.to_thread(newest_day, self._folders)
        if newest != day and self._next_scan_s == float("-inf") and (newest is not None or not wanted):
            last = "there was never one" if newest is None else f"the newest is of {newest}"
            instead = "Scanning history instead" if wanted else "Nothing is entered by its list"
            text = f"no scanner file for {day}; {last}. {instead}"
            self._desk.notices.event(Level.WARNING, "strategy", text)
        self._next_scan_s = now_s + SCAN_RETRY_S
        if wanted:
            self._scanning = True
            self._spawn("scan", lambda: self._scan_now(day, wanted))

    # --- files ----------------------------------------------------------------------------------

    def _read(self, found: Found | Unreadable, day: date) -> None:
        """Take what can be used; what cannot is named and changes nothing."""
        notices = self._desk.notices
        if isinstance(found, Unreadable):
            notices.raise_alert(Level.WARNING, ALERT, f"{found.text}; no new levels are taken")
            return
        try:
            read = parse_scan_file(found.text, name=found.path.name, day=day)
        except ScanFileError as err:
            notices.raise_alert(Level.WARNING, ALERT, f"{err}; no new levels are taken")
            return
        if read.bad:
            first = "; ".join(f"row {b.number} {b.symbol}: {b.text}" for b in read.bad[:3])
            more = f" and {len(read.bad) - 3} more" if len(read.bad) > 3 else ""
            notices.raise_alert(Level.WARNING, ALERT, f"{found.path.name}: left out {first}{more}")
        else:
            notices.clear_alert(ALERT)
        self._pick(read.setups)
        self._apply(read.setups, self._told(read, found.path.name))

    def _told(self, read: ScanFile, name: str) -> str:
        known = set(self._wanted()).union(*(r.picked for r in self._trading.running))
        strange = sorted(s.key for s in read.setups if s.key not in known)
        text = f"Loaded {len(read.setups)} setups for {read.day} from {name}"
        return f"{text}; not traded by any strategy: {', '.join(strange)}" if strange else text

    def _apply(self, setups: Sequence[Setup], text: str) -> None:
        self._desk.setups = {setup.key: setup for setup in setups}
        self._trading.take_setups(setups)
        self._desk.notices.event(Level.INFO, "strategy", text)

    # --- a scanner's list ------------------------------------------------------------------------

    def _pick(self, setups: Sequence[Setup]) -> None:
        """Give those who trade a scanner's list its best, and leave them what they hold."""
        changed = False
        for running in self._trading.running:
            if not running.from_scanner:
                continue
            own = {*running.symbols, *(key for key in running.keys if key not in running.picked)}
            picked = pick(
                setups,
                most=running.from_scanner,
                own=own,
                held=self._held_by(running),
                barred=self._desk.config.risk.restricted,
            )
            if picked != running.picked:
                changed, running.picked = True, picked
        if changed:
            self._spawn("markets of the watch list", self._prepare)

    def _held_by(self, running: Running) -> set[str]:
        """Stocks it holds: futures are traded by their root, and a scanner names none."""
        desk, name = self._desk, running.strategy.name
        mine = (desk.instruments.get(p.key) for p in desk.books.positions() if p.owner == name)
        return {i.key for i in mine if i is not None and i.sec_type is SecType.STOCK}

    # --- history --------------------------------------------------------------------------------

    async def _scan_now(self, day: date, wanted: Sequence[str]) -> None:
        try:
            await self._keep(day, await self.scan(day, wanted))
        finally:
            self._scanning = False

    async def scan(self, day: date, wanted: Sequence[str]) -> tuple[Setup, ...]:
        """Levels of these instruments for the session of `day`; those without are told with the reason."""
        instruments = [i for key in wanted if (i := self._desk.instruments.get(key)) is not None]
        found = await scan_all(self._broker, instruments, day=day)
        if found.without:
            text = f"no levels for {', '.join(found.without)}; it is not entered"
            self._desk.notices.event(Level.WARNING, "strategy", text)
        return found.setups

    async def _keep(self, day: date, setups: Sequence[Setup]) -> None:
        """As a file, which the next look takes like any other, and a restart too."""
        if not setups:
            return
        try:
            path = await asyncio.to_thread(keep, self._own_folder, day, render_scan_file(day, setups))
        except OSError as err:
            _log.warning("scan.not_kept", error=str(err))
            self._apply(
                setups, f"Found {len(setups)} setups for {day} in history; they cannot be kept: {err}"
            )
            return
        self._desk.notices.event(Level.INFO, "strategy", f"scan: {len(setups)} setups kept in {path.name}")
        self._next_look_s = float("-inf")
