"""Warms instruments up: history in the order of need, within the broker's pacing, until each is warm.

What waits for its turn is not lost: its own live bars may be enough before its turn comes, and its reason
stands on the Setups screen meanwhile.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from engine.api import Level
from engine.broker.port import Broker, LinkState
from engine.domain.instrument import Instrument
from engine.recovery.checkpoint import Restored
from engine.runtime.desk import Desk
from engine.runtime.keeping.checkpoint import Checkpoints
from engine.runtime.running import Running
from engine.runtime.selection.holes import Holes
from engine.runtime.trading import LIVE_BAR_SECONDS, Trading

HISTORY_RETRY_S: Final = 16.0
"""The broker answers the same question about short bars only every 15 s."""

HISTORY_TRIES: Final = 4
"""Answers without bars after which people are told; it is asked for all the same."""

MOST_PAUSE_S: Final = 600.0
"""Longest pause between two questions for the same bars: the span of the broker's pacing rule."""

OVERLAP_BARS: Final = 2
"""Bars asked for beyond a gap, so that one which ends meanwhile is not missed."""

Cold: TypeAlias = tuple[str, int]
"""Instrument key and bar length in seconds."""

_log = structlog.get_logger("engine")


@dataclass(slots=True)
class _Waits:
    """One question that is asked again later."""

    next_s: float
    """Real time of the next one."""
    tries: int
    """Answers without bars so far; a turn that the pacing refused is none."""


class Warming:
    """One per engine. One question per instrument and bar length, however many strategies want the answer."""

    def __init__(
        self,
        desk: Desk,
        *,
        broker: Broker,
        trading: Trading,
        checkpoints: Checkpoints,
        holes: Holes,
        wanted: Callable[[], Sequence[str]],
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> None:
        """`wanted` names the instruments that have a data line now, the most important first."""
        self._desk = desk
        self._broker = broker
        self._trading = trading
        self._checkpoints = checkpoints
        self._holes = holes
        self._wanted = wanted
        self._spawn = spawn
        self._open: set[Cold] = set()
        """Questions whose answer is on its way."""
        self._waits: dict[Cold, _Waits] = {}
        self._sleeps = False
        trading.on_warm = self._warm_by_live_bars

    async def warm_all(self) -> None:
        """Ask for all that is cold now; returns when each was answered, or must wait for its turn."""
        await self._ask_for({cold: asked for cold, asked in self._cold().items() if cold not in self._open})

    def _cold(self) -> dict[Cold, list[Running]]:
        found: dict[Cold, list[Running]] = {}
        for key in self._wanted():
            for running in self._trading.running:
                if key in running.keys and key not in running.warm and not running.off:
                    found.setdefault((key, running.bar_seconds), []).append(running)
        return found

    async def _ask_for(self, questions: dict[Cold, list[Running]]) -> None:
        waited = {cold for cold, waits in self._waits.items() if not waits.tries}
        self._open |= questions.keys()
        try:
            await asyncio.gather(*(self._warm(*cold, asked) for cold, asked in questions.items()))
        finally:
            self._open -= questions.keys()
        self._tell_waiting(waited)
        if self._waits and not self._sleeps:
            self._sleeps = True
            self._spawn("warm-up", self._ask_later)

    async def _ask_later(self) -> None:
        """Until nothing waits any more, or the line is lost: then all is asked for anew when it is back."""
        try:
            while self._desk.link is LinkState.UP and self._due_s() < math.inf:
                await asyncio.sleep(max(0.0, self._due_s() - self._desk.clock.monotonic()))
                now_s, cold = self._desk.clock.monotonic(), self._cold()
                self._waits = {one: waits for one, waits in self._waits.items() if one in cold}
                due = {
                    one: asked
                    for one, asked in cold.items()
                    if one in self._waits and self._waits[one].next_s <= now_s and one not in self._open
                }
                await self._ask_for(due)
        finally:
            self._sleeps = False

    def _due_s(self) -> float:
        return min((w.next_s for cold, w in self._waits.items() if cold not in self._open), default=math.inf)

    # --- one question ---------------------------------------------------------------------------

    async def _warm(self, key: str, seconds: int, cold: list[Running]) -> None:
        instrument = self._desk.instruments.get(key)
        if instrument is None:
            return
        wanted = max(self._desk.config.data.warmup_bars, *(self._trading.bars_wanted(r) for r in cold))
        ours = self._checkpoints.restored_bars(key) if seconds == LIVE_BAR_SECONDS else Restored((), 0)
        is_enough = len(ours.bars) >= wanted
        count = ours.missing + OVERLAP_BARS if is_enough else wanted
        answer = await self._broker.history(instrument, count=count, seconds=seconds)
        history = answer.value if answer.ok else None
        if history is None and not is_enough:
            self._wait(instrument, seconds, cold, why=answer.error, wait_s=answer.wait_s)
            return
        self._waits.pop((key, seconds), None)
        bars = self._checkpoints.warmed(key, ours, history or ())
        self._holes.fresh(key)
        for running in cold:
            self._trading.warm_up(running, key, bars)
        if seconds == LIVE_BAR_SECONDS:
            self._holes.filled(key, bars)
        self._desk.notices.clear_alert("no_history", symbol=key)

    def _wait(
        self, instrument: Instrument, seconds: int, cold: list[Running], *, why: str, wait_s: float
    ) -> None:
        """Its turn comes later: after the pacing's time, or after pauses that grow while no answer comes."""
        key, now_s = instrument.key, self._desk.clock.monotonic()
        known = self._waits.get((key, seconds))
        tries = 0 if known is None else known.tries
        if wait_s <= 0:
            tries += 1
            wait_s = HISTORY_RETRY_S * 2.0 ** max(0, tries - HISTORY_TRIES)
            self._tell_missing(key, cold, why=why, tries=tries)
        wait_s = min(MOST_PAUSE_S, max(1.0, wait_s))
        self._waits[key, seconds] = _Waits(now_s + wait_s, tries)
        for running in cold:
            running.cold[key] = why

    def _tell_missing(self, key: str, cold: list[Running], *, why: str, tries: int) -> None:
        names = ", ".join(r.strategy.name for r in cold)
        text = f"{key}: no history for {names} ({why}); it stays out until history or enough live bars come"
        if tries == HISTORY_TRIES:
            self._desk.notices.raise_alert(Level.WARNING, "no_history", text, symbol=key)
        elif tries < HISTORY_TRIES:
            text += f", asks again in {HISTORY_RETRY_S:.0f} s"
            self._desk.notices.event(Level.WARNING, "strategy", text, symbol=key)

    def _tell_waiting(self, before: set[Cold]) -> None:
        """Those that the pacing holds back, all in one line, where some came to them."""
        now = {cold: waits for cold, waits in self._waits.items() if not waits.tries}
        if not now or now.keys() <= before:
            return
        keys = sorted({key for key, _ in now})
        named = ", ".join(keys[:10]) + (" …" if len(keys) > 10 else "")
        first_s = max(0.0, min(w.next_s for w in now.values()) - self._desk.clock.monotonic())
        text = (
            f"history of {len(keys)} instruments waits for the broker's pacing, next in {first_s:.0f} s "
            f"({named}); each is entered as soon as its own live bars are enough"
        )
        self._desk.notices.event(Level.INFO, "strategy", text)

    # --- without history ------------------------------------------------------------------------

    def _warm_by_live_bars(self, key: str) -> None:
        """Enough unbroken live bars came first: what was missing before them is skipped, and said."""
        _log.info("bars.warm_by_live", symbol=key)
        self._holes.skipped(key)
        if all(key in r.warm for r in self._trading.running if key in r.keys):
            self._desk.notices.clear_alert("no_history", symbol=key)
