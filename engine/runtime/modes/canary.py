"""Watches the first stage of LIVE: adds up its connected hours, starts it anew at a breach, ends it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from typing import Final

from engine.api import AlertView, Level, Mode
from engine.broker.port import LinkState
from engine.gates.canary import Canary, canary_of
from engine.gates.day import BREACHES
from engine.gates.evidence import Evidence, Kind
from engine.runtime.alerts.notices import Telling
from engine.runtime.desk import Desk
from engine.runtime.modes.code import code_id
from engine.runtime.modes.evidence import EvidenceBook

SAVE_EVERY_S: Final = 60.0


class CanaryWatch:
    """One per engine; outside LIVE it does nothing. Another program or configuration begins anew."""

    def __init__(self, desk: Desk, book: EvidenceBook, *, known: Iterable[Evidence] = ()) -> None:
        self._desk = desk
        self._book = book
        self._known = {e.subject: e for e in known if e.kind == Kind.CANARY}
        self._subject = ""
        self._stage = Canary()
        self._breaches: list[str] = []
        self._looked_s = math.nan
        self._saved_s = -math.inf

    @property
    def text(self) -> str:
        """How far it has come, for people; empty outside LIVE."""
        if self._desk.mode is not Mode.LIVE:
            return ""
        hours, needed = self._stage.connected_s / 3600.0, self._desk.config.gates.canary_hours
        since = f", anew since {self._stage.last_breach}" if self._stage.restarts else ""
        return f"{min(hours, needed):.1f} of {needed:g} h connected{since}"

    def hear(self, alert: AlertView, why: Telling) -> None:
        """A breach: every cap is cut again, before anything else is done."""
        if self._desk.mode is not Mode.LIVE or why is not Telling.RAISED:
            return
        if alert.code in BREACHES:
            self._desk.canary_is_over = False
            self._breaches.append(alert.code)

    async def round(self) -> None:
        """Once a second or so."""
        if self._desk.mode is not Mode.LIVE:
            return
        if not self._subject:
            await self._begin()
        now_s = self._desk.clock.monotonic()
        elapsed_s, self._looked_s = now_s - self._looked_s, now_s
        self._stage = self._stage.ran(elapsed_s, connected=self._desk.link is LinkState.UP)
        breaches, self._breaches = self._breaches, []
        for code in breaches:
            self._stage = self._stage.breached(code)
            self._tell(f"CANARY begins anew: {code}; one position, tier 1, half of every cap")
        over = self._stage.is_over(hours=self._desk.config.gates.canary_hours)
        if over and not self._desk.canary_is_over:
            self._tell("CANARY is over: the full limits are in force")
        turned = over is not self._desk.canary_is_over
        if breaches or turned or now_s - self._saved_s >= SAVE_EVERY_S:
            self._saved_s = now_s
            facts, told = self._stage.facts(), bool(breaches or turned)
            await self._book.record(Kind.CANARY, self._subject, passed=over, facts=facts, told=told)
        # A breach that came while it was written down must not be overruled.
        self._desk.canary_is_over = over and not self._breaches

    async def _begin(self) -> None:
        subject = f"{self._book.config[:16]} {(await asyncio.to_thread(code_id))[:16]}"
        found = self._known.get(subject)
        self._stage = Canary() if found is None else canary_of(found.facts)
        self._subject = subject

    def _tell(self, text: str) -> None:
        self._desk.notices.event(Level.WARNING, "mode", text)
