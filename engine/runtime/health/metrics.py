"""One snapshot as Prometheus metrics. The only file that imports prometheus_client; loaded when asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from engine.api import EngineState, Level, Snapshot

_PREFIX = "cockpit"


def exposition(snapshot: Snapshot) -> str:
    """The text format. Times are seconds, as the convention has it; an unknown figure is left out."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_OneSnapshot(snapshot))
    text: str = generate_latest(registry).decode()
    return text


class _OneSnapshot:
    """What the registry asks."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Every metric."""
        snapshot = self._snapshot
        yield _gauge(
            "up", "1 while the engine runs.", float(snapshot.engine_state is not EngineState.STOPPED)
        )
        yield _gauge("entries_allowed", "1 while entries may happen.", float(snapshot.entries_allowed))
        yield _gauge("connected", "1 while the line to the broker is up.", float(snapshot.connected))
        yield _gauge("positions", "Open positions.", float(len(snapshot.positions)))
        yield _gauge("unknown_orders", "Orders whose fate is not known.", float(snapshot.unknown_orders))
        waiting = sum(1 for alert in snapshot.alerts if not alert.acknowledged)
        yield _gauge("alerts_open", "Alerts that nobody acknowledged.", float(waiting))
        lag_s = snapshot.loop_lag_max_ms / 1000.0
        yield _gauge("loop_lag_max_seconds", "Worst lag of the engine's loop in the last minute.", lag_s)
        yield from self._checks()
        yield from self._times()
        yield from self._counters()

    def _checks(self) -> Iterator[Metric]:
        levels = list(Level)
        family = GaugeMetricFamily(
            f"{_PREFIX}_check_level", "0 ok, 1 info, 2 warning, 3 error, 4 critical.", labels=["check"]
        )
        for row in self._snapshot.health:
            family.add_metric([row.name], float(levels.index(row.level)))
        yield family

    def _times(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            f"{_PREFIX}_time_seconds", "Percentiles of the last five minutes.", labels=["what", "quantile"]
        )
        for row in self._snapshot.telemetry.timings:
            for quantile, ms in (("0.5", row.p50_ms), ("0.95", row.p95_ms), ("0.99", row.p99_ms)):
                if ms is not None:
                    family.add_metric([row.name, quantile], ms / 1000.0)
        yield family

    def _counters(self) -> Iterator[Metric]:
        telemetry = self._snapshot.telemetry
        yield _counter("bars", "Bars processed in this run.", telemetry.bars)
        yield _counter("orders_proposed", "Entries that strategies proposed.", telemetry.proposed)
        yield _counter("orders_approved", "Entries that the gate let through.", telemetry.approved)
        yield _counter("orders_submitted", "Entries whose bytes went out.", telemetry.submitted)
        yield _counter("cycles", "Decision cycles.", telemetry.cycles)
        yield _counter("cycles_degraded", "Decision cycles while health was not well.", telemetry.degraded)
        if telemetry.uptime.pct is not None:
            share = telemetry.uptime.pct / 100.0
            yield _gauge("uptime_ratio", "Share of the recorded sessions in which it was up.", share)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", text, value=value)


def _counter(name: str, text: str, value: int) -> Metric:
    return CounterMetricFamily(f"{_PREFIX}_{name}", text, value=float(value))
