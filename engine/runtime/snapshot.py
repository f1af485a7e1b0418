"""Builds the whole Snapshot from the desk. Reading only; runs on the engine loop, a few hundred µs."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

from engine.api import FillView, HealthRow, Mode, OrderView, RuntimeValue, Snapshot, TelemetryView
from engine.api_market import MarketView
from engine.api_recovery import RecoveryView
from engine.broker.port import LinkState
from engine.config import RUNTIME_KEYS, runtime_value
from engine.domain.fill import Fill
from engine.domain.order import Order
from engine.runtime import views
from engine.runtime.daypnl import DayPnl
from engine.runtime.desk import Desk
from engine.runtime.learning.model_rows import ModelRows
from engine.runtime.learning.views import confidence_rows, confidence_text
from engine.runtime.row_cache import RowCache
from engine.runtime.setups.views import SetupRows
from engine.runtime.trading import Trading


class SnapshotBuilder:
    """Knows where everything on screen comes from."""

    def __init__(
        self,
        desk: Desk,
        *,
        trading: Trading,
        pnl: DayPnl,
        lag_max_ms: Callable[[], float],
        health: Callable[[], tuple[HealthRow, ...]],
        telemetry: Callable[[], TelemetryView],
        run_id: str,
        version: str,
        gateway_text: str,
        recovery: Callable[[], RecoveryView] = RecoveryView,
        markets: Callable[[], tuple[MarketView, ...]] = tuple,
    ) -> None:
        self._desk = desk
        self._trading = trading
        self._pnl = pnl
        self._lag_max_ms = lag_max_ms
        self._health = health
        self._telemetry = telemetry
        self._run_id = run_id
        self._version = version
        self._gateway_text = gateway_text
        self._recovery = recovery
        self._markets = markets
        self._order_rows = order_rows(desk)
        self._fill_rows = fill_rows(desk)
        self._setup_rows = SetupRows(desk, trading)
        self._model_rows = ModelRows()

    def build(self, seq: int) -> Snapshot:
        """The snapshot number `seq`, as things stand now."""
        desk = self._desk
        now = desk.now()
        allowed, why = self._entries()
        why_not = self._trading.why_not()
        return Snapshot(
            seq=seq,
            as_of=datetime.now(UTC),
            engine_state=desk.state,
            state_reason=desk.block.text if desk.block else "",
            mode=desk.mode,
            gateway=desk.gateway,
            gateway_text=self._gateway_text,
            account=desk.account,
            session=views.session_view(desk),
            entries_allowed=allowed,
            entries_text=why,
            connected=desk.link is LinkState.UP,
            data_age_s=desk.quotes.freshest_age_s(now),
            brakes=tuple(views.brake_view(b) for b in desk.brakes.brakes),
            dead_man_minutes=desk.config.shutdown.dead_man_minutes,
            positions=views.position_views(desk),
            orders=self._orders(),
            fills=self._fill_rows.rows(views.shown_fills(desk)),
            pnl=self._pnl.view(desk),
            health=(*self._health(), HealthRow("breakers", *desk.faults.words())),
            telemetry=self._telemetry(),
            confidence=confidence_rows(self._trading.running),
            confidence_text=confidence_text(self._trading.running),
            models=self._model_rows.rows(self._trading.running),
            why_not=why_not,
            setups=self._setup_rows.rows(why_not),
            markets=self._markets(),
            selection=desk.selection,
            gates=desk.gates,
            summary=desk.summary,
            events=desk.notices.events,
            alerts=desk.notices.alerts,
            strategies=self._trading.rows(),
            runtime=self._runtime(),
            recovery=self._recovery(),
            unknown_orders=desk.books.unknown_orders(),
            loop_lag_max_ms=self._lag_max_ms(),
            run_id=self._run_id,
            pid=os.getpid(),
            version=self._version,
            read_only=desk.mode is Mode.DRY_RUN,
        )

    def _orders(self) -> tuple[OrderView, ...]:
        live, done = views.shown_orders(self._desk)
        rows = self._order_rows.rows((*live, *done))
        return (*rows[: len(live)], *views.strange_order_views(self._desk), *rows[len(live) :])

    def _entries(self) -> tuple[bool, str]:
        block = self._desk.entry_block()
        if block is not None:
            return False, block.text
        level = self._desk.brakes.account_level()
        if level is not None:
            return False, {1: "paused", 2: "halted", 3: "killed"}[level]
        alert = self._desk.notices.blocking("")
        if alert is not None:
            return False, f"alert {alert.alert_id} waits for you"
        return True, "entries on"

    def _runtime(self) -> tuple[RuntimeValue, ...]:
        desk, rows = self._desk, []
        for key, (low, high, step) in RUNTIME_KEYS.items():
            value = runtime_value(desk.config, key)
            by = str(desk.overridden.get(key) or "")
            rows.append(RuntimeValue(key, value, low, high, step, key in desk.overridden, by))
        return tuple(rows)


def order_rows(desk: Desk) -> RowCache[Order, OrderView]:
    """Rows of orders. One made before its instrument was described (a restart) is made again: decimals."""
    described = desk.instruments
    return RowCache(
        lambda o: views.order_view(o, described.get(o.intent.key)),
        key=lambda o: (o.intent.ref, o.intent.key in described),
    )


def fill_rows(desk: Desk) -> RowCache[Fill, FillView]:
    """Rows of executions, as above."""
    described = desk.instruments
    return RowCache(
        lambda f: views.fill_view(f, described.get(f.key)), key=lambda f: (f.exec_id, f.key in described)
    )
