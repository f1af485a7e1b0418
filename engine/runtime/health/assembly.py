"""Puts the watch on health together: the monitor's task, and the steps it adds to the regular round."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from engine.broker.timing import BrokerTimes
from engine.runtime.desk import Desk
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.health.http import HealthEndpoint
from engine.runtime.health.machine import Machine
from engine.runtime.health.monitor import HealthMonitor
from engine.runtime.health.systemd import ServiceNotifier
from engine.runtime.health.telemetry import TelemetryKeeper
from engine.runtime.health.uptime import UptimeRecord
from engine.runtime.learning.views import NO_MODEL
from engine.runtime.publisher import Publisher
from engine.store.store import Store


@dataclass(frozen=True, slots=True)
class Watched:
    """What is measured outside the engine. The defaults measure nothing: a simulated run."""

    machine: Machine | None = None
    broker_times: Callable[[], BrokerTimes] = BrokerTimes
    """What the adapter measured since the last asking."""
    round_trip_ms: Callable[[], float | None] = field(default=lambda: None)
    """The last heartbeat's."""
    model_text: Callable[[], str] = field(default=lambda: NO_MODEL)
    """What is learnt, in one line."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Everything that watches how well the engine is."""

    desk: Desk
    lag: LoopLagProbe
    monitor: HealthMonitor
    telemetry: TelemetryKeeper
    uptime: UptimeRecord
    service: ServiceNotifier
    endpoint: HealthEndpoint

    @classmethod
    def make(
        cls,
        desk: Desk,
        *,
        store: Store,
        lag: LoopLagProbe,
        watched: Watched,
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> Watch:
        """The monitor begins with the first round."""
        monitor = HealthMonitor(
            desk,
            machine=watched.machine,
            lag=lag,
            store=store,
            round_trip_ms=watched.round_trip_ms,
            spawn=spawn,
            model_text=watched.model_text,
        )
        uptime = UptimeRecord(desk, store=store)
        keeper = TelemetryKeeper(
            desk, store=store, broker_times=watched.broker_times, uptime=lambda: uptime.view
        )
        service = ServiceNotifier(status=lambda: f"{desk.mode.value} {desk.account} {desk.state.value}")
        endpoint = HealthEndpoint(port=desk.config.health.http_port, spawn=spawn)
        return cls(desk, lag, monitor, keeper, uptime, service, endpoint)

    def show_on(self, publisher: Publisher) -> None:
        """A change of health is published at once, and what is published is what the endpoint says."""
        self.monitor.urge = publisher.urge
        self.endpoint.snapshot = lambda: publisher.latest

    def chores(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What is to be done every second or so, by name."""
        return {
            "health": self.monitor.keep_running,
            "uptime": self.uptime.round,
            "telemetry": self.telemetry.round,
            "endpoint": self.endpoint.keep_running,
            "service manager": self.service.round,
        }

    def heartbeat(self) -> dict[str, object]:
        """What the heartbeat's line in the log says."""
        desk = self.desk
        health = "" if desk.health is None else desk.health.reason.value
        return {
            "mode": desk.mode.value,
            "state": desk.state.value,
            "link": desk.link.value,
            "health": health or "ok",
            "positions": len(desk.books.positions()),
            "open_orders": len(desk.books.open_orders()),
            "loop_lag_max_ms": round(self.lag.max_ms, 1),
        }
