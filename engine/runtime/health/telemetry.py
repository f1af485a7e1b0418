"""Keeps the telemetry: a row per minute in the store, alerts where a time is not kept, what screens show."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import structlog

from engine.api import Level, TelemetryView, TimingRow, UptimeView
from engine.broker.timing import BrokerTimes
from engine.config import Config
from engine.health.telemetry import Limit, Minute, Timing, figures, shown_ms, violations
from engine.runtime.desk import Desk
from engine.store.errors import StoreError
from engine.store.health import TelemetryRow, put_telemetry
from engine.store.store import Store

MINUTE_S: Final = 60.0
VIEW_S: Final = 2.0
"""Real seconds between two views: percentiles are not for reading faster."""

ALERT: Final = "slo_violation"

_log = structlog.get_logger("engine")


class TelemetryKeeper:
    """A step of the regular round."""

    def __init__(
        self,
        desk: Desk,
        *,
        store: Store,
        broker_times: Callable[[], BrokerTimes],
        uptime: Callable[[], UptimeView],
    ) -> None:
        self._desk = desk
        self._store = store
        self._broker_times = broker_times
        self._uptime = uptime
        self._next_view_s = float("-inf")
        self._minute_ends_s = desk.clock.monotonic() + MINUTE_S
        self.view = TelemetryView()
        """As of the last look."""

    async def round(self) -> None:
        """Take in what the broker's adapter measured; judge; write a minute that is over."""
        telemetry, now_s = self._desk.telemetry, self._desk.clock.monotonic()
        measured = self._broker_times()
        if not self._desk.config.slo.enabled:
            return
        for ms in measured.requests_ms:
            telemetry.add(Timing.BROKER, ms)
        for ms in measured.acks_ms:
            telemetry.add(Timing.ORDER_TO_ACK, ms)
        if now_s >= self._next_view_s:
            self._next_view_s = now_s + VIEW_S
            self._judge()
        if now_s >= self._minute_ends_s:
            self._minute_ends_s = now_s + MINUTE_S
            await self._keep(telemetry.turn())

    def _judge(self) -> None:
        desk = self._desk
        limits = limits_of(desk.config)
        found = violations(desk.telemetry, limits, degraded_pct=desk.config.slo.degraded_pct)
        if found:
            text = "; ".join(violation.text for violation in found)
            desk.notices.raise_alert(Level.WARNING, ALERT, text)
        else:
            desk.notices.clear_alert(ALERT)
        broken = {violation.name for violation in found}
        counters = desk.telemetry.counters
        self.view = TelemetryView(
            timings=tuple(self._row(timing, limits, broken) for timing in Timing),
            bars=counters.bars,
            proposed=counters.proposed,
            approved=counters.approved,
            submitted=counters.submitted,
            cycles=counters.cycles,
            degraded=counters.degraded,
            degraded_limit_pct=desk.config.slo.degraded_pct,
            uptime=self._uptime(),
        )

    def _row(self, timing: Timing, limits: tuple[Limit, ...], broken: set[str]) -> TimingRow:
        measured = figures(self._desk.telemetry.window(timing))
        kept = ", ".join(f"p{x.pct:g} ≤ {shown_ms(x.limit_ms)}" for x in limits if x.timing is timing)
        return TimingRow(
            timing.value,
            measured.samples,
            measured.p50_ms,
            measured.p95_ms,
            measured.p99_ms,
            kept,
            violated=timing.value in broken,
        )

    async def _keep(self, minute: Minute) -> None:
        if not self._store.healthy:
            return
        came = minute.counters
        measured = {
            timing.name.lower(): [round(v, 4) if v is not None else None for v in values]
            for timing, values in minute.figures.items()
            if values.samples
        }
        row = TelemetryRow(
            self._desk.now(),
            came.bars,
            came.proposed,
            came.approved,
            came.submitted,
            came.cycles,
            came.degraded,
            measured,
        )
        try:
            await self._store.run(partial(put_telemetry, row=row, boot_id=self._store.boot_id))
        except StoreError as err:
            # One minute of figures may be missing; a full disk must not end the trading.
            _log.warning("telemetry.not_stored", error=str(err))


def limits_of(config: Config) -> tuple[Limit, ...]:
    """The times to keep, as configured."""
    slo = config.slo
    return (
        Limit(Timing.CYCLE, 95.0, slo.cycle_p95_s * 1000.0),
        Limit(Timing.CYCLE, 99.0, slo.cycle_p99_s * 1000.0),
        Limit(Timing.BROKER, 95.0, slo.broker_p95_ms),
        Limit(Timing.BAR_TO_SUBMIT, 95.0, slo.bar_close_s * 1000.0),
    )
