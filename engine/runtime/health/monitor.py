"""The health monitor: looks twice a second, blocks entries on what is bad, tells it, makes the rows.

It never lifts a brake and never closes anything: exits and stops do not ask it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from engine.api import EngineState, HealthRow, Level, Mode
from engine.health.machine import (
    ClockSync,
    LoopLag,
    Share,
    StorePace,
    judge_clock,
    judge_cpu,
    judge_disk,
    judge_loop,
    judge_memory,
    judge_store,
)
from engine.health.market import (
    judge_calendar,
    judge_data,
    judge_entitlement,
    judge_halts,
    judge_link,
    judge_margin,
    judge_model,
    judge_restart,
)
from engine.health.stability import HealthBlock, Stability
from engine.health.telemetry import Timing
from engine.health.verdicts import Check, State, Verdict, note
from engine.runtime.desk import Desk
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.health import inputs
from engine.runtime.health.machine import Machine, MachineFigures
from engine.store.store import Store

TICK_S: Final = 0.5
"""Real seconds between two looks."""

HUNG_S: Final = 8.0
"""A regular round that takes longer hangs; people hear of it within 10 s."""
PROBE_OLD_S: Final = 10.0
"""A figure of the machine older than this says nothing any more: the probe hangs."""

ALERT: Final = "health"

_NOT_MEASURED: Final = MachineFigures(Share(None, None), Share(None, None), None, ClockSync(None))
_LEVEL: Final = {
    State.OK: Level.OK,
    State.NOTE: Level.INFO,
    State.WARN: Level.WARNING,
    State.BAD: Level.ERROR,
}
_TOLD_ELSEWHERE: Final = frozenset({Check.LINK, Check.RESTART})
"""Checks that have alerts of their own, or are no trouble."""
_ONCE_READY: Final = frozenset({Check.LINK, Check.DATA, Check.MARGIN})
"""Checks that judge nothing before the first READY: that something is not there yet is no degradation."""

_log = structlog.get_logger("engine")


class HealthMonitor:
    """One task of the engine. `rows` is what the screen shows of it."""

    def __init__(
        self,
        desk: Desk,
        *,
        machine: Machine | None,
        lag: LoopLagProbe,
        store: Store,
        round_trip_ms: Callable[[], float | None],
        spawn: Callable[[str, Callable[[], object]], None],
        model_text: Callable[[], str],
    ) -> None:
        """`machine` None: nothing of it is measured (a simulated run)."""
        self._desk = desk
        self._machine = machine
        self._lag = lag
        self._store = store
        self._pace = inputs.StoreWatch()
        self._round_trip_ms = round_trip_ms
        self._spawn = spawn
        self._is_running = False
        self._turned_s = desk.clock.monotonic()
        """When the regular round last came by."""
        self._looked_s = self._turned_s
        """When the watch itself last came by."""
        self._wake = asyncio.Event()
        self.urge: Callable[[], None] = lambda: None
        """Shows a change at once; set when there is somebody to show it."""
        self._model_text = model_text
        self._stability = Stability()
        self._figures = _NOT_MEASURED
        self._measured_s = float("-inf")
        self._probe: asyncio.Task[None] | None = None
        self._was_ready = False
        self._since: dict[Check, tuple[State, float]] = {}
        self.rows: tuple[HealthRow, ...] = ()
        """Every check as the front end shows it, as of the last look."""

    async def keep_running(self) -> None:
        """A step of the regular round: the monitor has a task of its own, which no slow step holds up."""
        self._turned_s = self._desk.clock.monotonic()
        if not self._is_running:
            self._is_running = True
            self._spawn("health", self.run)

    async def run(self) -> None:
        """Look for ever. A look that fails is told, and the next one comes all the same."""
        try:
            while True:
                try:
                    self.look()
                except Exception as err:  # noqa: BLE001 - a broken check must not end the watch
                    _log.error("health.failed", error=f"{type(err).__name__}: {err}", exc_info=err)
                    text = f"a health check failed: {type(err).__name__}: {err}; it is tried again"
                    self._desk.notices.raise_alert(Level.ERROR, "upkeep_health", text)
                else:
                    self._desk.notices.clear_alert("upkeep_health")
                await self._pause()
        finally:
            self._is_running = False
            if self._probe is not None:
                self._probe.cancel()

    async def _pause(self) -> None:
        """Until the next look: at once when the machine was measured."""
        try:
            async with asyncio.timeout(TICK_S):
                await self._wake.wait()
        except TimeoutError:
            pass  # the regular beat
        self._wake.clear()

    def look(self) -> None:
        """One look: measure, judge, block or let go, tell."""
        desk = self._desk
        now_s = desk.clock.monotonic()
        self._was_ready = self._was_ready or desk.state is EngineState.READY
        self._tell_hung(now_s)
        self._measure(now_s)
        verdicts = self._verdicts(now_s)
        judged = [v for v in verdicts if self._was_ready or v.check not in _ONCE_READY]
        before = desk.health
        desk.health = self._stability.judge(judged, now_s=now_s, stable_s=desk.config.health.stable_s)
        self._tell(judged, before)
        self._tell_quiet_loss(now_s)
        self.rows = tuple(self._row(v, now_s) for v in verdicts)

    def _tell_hung(self, now_s: float) -> None:
        """The watchdog of the task that looks after positions: a step that never ends stops all others."""
        stood_s, self._looked_s = now_s - self._looked_s, now_s
        if stood_s > HUNG_S:
            # The whole process stood still, the watch with it: the round has its time from here.
            self._turned_s = max(self._turned_s, now_s)
        silent_s = now_s - self._turned_s
        if silent_s <= HUNG_S:
            self._desk.notices.clear_alert("upkeep_round")
            return
        text = f"the regular round hangs for {silent_s:.0f} s: stops stand at the broker, unattended"
        if not any(alert.code == "upkeep_round" for alert in self._desk.notices.alerts):
            self._desk.notices.raise_alert(Level.ERROR, "upkeep_round", text)

    # --- measuring ------------------------------------------------------------------------------

    def _measure(self, now_s: float) -> None:
        """Ask the machine in a thread of its own: a disk that hangs must not stop the watch."""
        if self._machine is None or now_s - self._measured_s < TICK_S / 2:
            return
        if self._probe is None or self._probe.done():
            self._probe = asyncio.get_running_loop().create_task(self._ask(self._machine), name="machine")

    async def _ask(self, machine: Machine) -> None:
        self._figures = await asyncio.to_thread(machine.look)
        self._measured_s = self._desk.clock.monotonic()
        self._wake.set()

    def _verdicts(self, now_s: float) -> list[Verdict]:
        desk, config = self._desk, self._desk.config
        limit = config.health
        untradable = desk.products.untradable(desk.instruments.values())
        return [
            judge_link(inputs.link_pulse(desk, self._round_trip_ms())),
            judge_data(inputs.data_ages(desk), max_age_s=config.market_data.max_quote_age_seconds),
            judge_entitlement(inputs.entitlements(desk)),
            judge_halts({key: found.text for key, found in untradable.items()}),
            judge_margin(inputs.margins(desk), min_pct=limit.min_excess_liquidity_pct),
            judge_restart(inputs.restart(desk)),
            *self._machine_verdicts(now_s),
            judge_loop(LoopLag(self._lag.max_ms, self._lag.lasting_ms), max_ms=limit.max_loop_lag_ms),
            judge_store(self._store_pace(now_s), max_ms=limit.max_store_ms),
            judge_calendar(inputs.calendar(desk)),
            judge_model(self._model_text()),
        ]

    def _store_pace(self, now_s: float) -> StorePace:
        fresh_ms = self._store.write_times.take_fresh()
        for ms in fresh_ms:
            self._desk.telemetry.add(Timing.STORE, ms)
        return self._pace.look(self._store.metrics(), fresh_ms, now_s=now_s)

    def _machine_verdicts(self, now_s: float) -> list[Verdict]:
        desk, limit = self._desk, self._desk.config.health
        if self._machine is None or (self._measured_s < 0 and self._probe is not None):
            return [
                note(check, "not measured") for check in (Check.CLOCK, Check.MEMORY, Check.CPU, Check.DISK)
            ]
        figures = self._figures if now_s - self._measured_s <= PROBE_OLD_S else _NOT_MEASURED
        simulated = desk.gateway == "embedded"
        strict = not simulated and desk.mode is not Mode.DRY_RUN
        drift = desk.config.security.max_clock_drift_ms
        return [
            judge_clock(
                figures.clock,
                max_drift_ms=drift,
                strict=strict,
                speed=desk.clock.speed,
                simulated=simulated,
            ),
            judge_memory(figures.memory, max_pct=limit.max_memory_pct),
            judge_cpu(figures.cpu, max_pct=limit.max_cpu_pct),
            judge_disk(figures.free_disk_mb, min_mb=limit.min_free_disk_mb),
        ]

    # --- telling --------------------------------------------------------------------------------

    def _tell_quiet_loss(self, now_s: float) -> None:
        """A line lost in the gateway's restart window was information only; after a while it is trouble."""
        desk = self._desk
        quiet_s = desk.config.gateway_restart.quiet_minutes * 60.0
        state, since_s = self._since.get(Check.LINK, (None, now_s))
        if state is not State.BAD or now_s - since_s < quiet_s:
            return
        alert = next((a for a in desk.notices.alerts if a.code == "link_down"), None)
        if alert is not None and alert.level is Level.INFO:
            desk.notices.raise_alert(Level.ERROR, "link_down", f"{alert.text}; not back since the restart")

    def _tell(self, verdicts: Iterable[Verdict], before: HealthBlock | None) -> None:
        desk = self._desk
        bad = [v for v in verdicts if v.state is State.BAD and v.check not in _TOLD_ELSEWHERE]
        for alert in desk.notices.alerts:
            if alert.code == "delayed_data" and desk.quotes.is_live(alert.symbol):
                desk.notices.clear_alert(alert.code, symbol=alert.symbol)
        if bad:
            named = "; ".join(f"{v.check.value}: {v.text}" for v in bad)
            desk.notices.raise_alert(Level.ERROR, ALERT, f"entries are blocked by health: {named}")
        else:
            desk.notices.clear_alert(ALERT)
        block = desk.health
        if (block and block.reason) == (before and before.reason):
            return
        if block is None:
            desk.notices.event(Level.INFO, "health", "all is well again: health blocks entries no more")
        elif before is None:
            desk.notices.event(Level.WARNING, "health", f"entries are blocked: {block.text}")
        self.urge()

    def _row(self, verdict: Verdict, now_s: float) -> HealthRow:
        state, since_s = self._since.get(verdict.check, (None, now_s))
        if state is not verdict.state:
            since_s = now_s
            self._since[verdict.check] = (verdict.state, now_s)
        is_unstored = verdict.check is Check.STORE and not self._desk.books.is_stored
        return HealthRow(
            name=verdict.check.value,
            level=Level.CRITICAL if is_unstored else _LEVEL[verdict.state],
            text=verdict.text,
            value=verdict.value,
            limit=verdict.limit,
            for_s=now_s - since_s,
            blocks=verdict.state is State.BAD,
        )
