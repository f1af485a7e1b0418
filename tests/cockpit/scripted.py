"""A scripted engine handle and snapshots of states worth seeing; the real engine is tested elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.api import (
    AlertView,
    BrakeKind,
    BrakeView,
    Command,
    EngineState,
    EventView,
    FillView,
    HealthRow,
    Level,
    Mode,
    OrderView,
    Outcome,
    OutcomeStatus,
    PnlView,
    PositionView,
    RuntimeValue,
    Scope,
    SessionView,
    Snapshot,
    StrategyView,
    WhyNot,
)
from engine.api_handle import Departure, SeatView

NOW = datetime(2026, 3, 10, 14, 3, 27, tzinfo=UTC)
"""10:03:27 in New York."""


def ago(seconds: float) -> datetime:
    """A moment before `NOW`."""
    return NOW - timedelta(seconds=seconds)


class ScriptedHandle:
    """Records what is asked and answers as told; shows whatever snapshot it is given."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.commands: list[Command] = []
        self.futures: list[Future[Outcome]] = []
        self.listeners: list[Callable[[], None]] = []
        self.alive = True
        self.seated = SeatView()
        self.left: Departure | None = None
        self.answer: Callable[[Command], Outcome | None] = done

    @property
    def is_alive(self) -> bool:
        return self.alive

    def snapshot(self) -> Snapshot:
        return self._snapshot

    def submit(self, command: Command) -> Future[Outcome]:
        self.commands.append(command)
        future: Future[Outcome] = Future()
        self.futures.append(future)
        outcome = self.answer(command)
        if outcome is not None:
            future.set_result(outcome)
        return future

    def subscribe(self, on_urgent: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(on_urgent)
        return lambda: self.listeners.remove(on_urgent)

    def seat(self) -> SeatView:
        return self.seated

    def departure(self) -> Departure | None:
        return self.left

    def publish_quietly(self, **changes: Any) -> None:
        """A new snapshot without an urgent call."""
        self._snapshot = replace(self._snapshot, seq=self._snapshot.seq + 1, **changes)

    def publish(self, **changes: Any) -> None:
        """A new snapshot, and the urgent call that comes with it."""
        self.publish_quietly(**changes)
        for listener in self.listeners:
            listener()


def done(command: Command) -> Outcome:
    """Everything works."""
    return Outcome(command.command_id, OutcomeStatus.DONE, "", f"{command.kind.value} carried out")


def unanswered(_command: Command) -> None:
    """The engine takes its time."""


def refused(command: Command) -> Outcome:
    """A safety rule says no."""
    return Outcome(command.command_id, OutcomeStatus.REFUSED, "unknown_order", "an order's fate is unknown")


def position(symbol: str = "TSLA", **changes: Any) -> PositionView:
    """A protected long position in profit."""
    base = PositionView(
        symbol=symbol,
        quantity=50,
        avg_price=445.25,
        last=447.90,
        unrealized_usd=132.50,
        realized_usd=0.0,
        r_multiple=0.9,
        protected_quantity=50,
        stop_price=442.30,
        owner="stocks_cross",
        opened_at=ago(12 * 60),
        decimals=2,
        quote_age_s=0.2,
        exposure_usd=22395.0,
    )
    return replace(base, **changes)


def order(symbol: str = "TSLA", **changes: Any) -> OrderView:
    """A working protective stop."""
    base = OrderView(
        order_ref=f"ck-9001-{symbol}-01HZX3V9-stop",
        perm_id=1204558801,
        symbol=symbol,
        side="SELL",
        quantity=50,
        filled=0,
        order_type="STP",
        price=442.30,
        tif="GTC",
        status="working",
        role="stop",
        strategy="stocks_cross",
        at=ago(136),
        message="",
        decimals=2,
    )
    return replace(base, **changes)


POSITIONS = (
    position(),
    position(
        "NVDA",
        quantity=30,
        avg_price=725.50,
        last=726.10,
        unrealized_usd=18.0,
        r_multiple=0.2,
        protected_quantity=30,
        stop_price=722.10,
        opened_at=ago(240),
        exposure_usd=21783.0,
    ),
    position(
        "ESH6",
        quantity=-1,
        avg_price=5801.25,
        last=5801.75,
        unrealized_usd=-25.0,
        r_multiple=-0.1,
        protected_quantity=1,
        stop_price=5806.00,
        owner="futures_cross",
        opened_at=ago(31 * 60),
        sec_type="FUT",
        multiplier=50.0,
        exposure_usd=21100.0,
        realized_usd=112.5,
    ),
    position(
        "QQQ",
        quantity=40,
        avg_price=512.31,
        last=511.98,
        unrealized_usd=-13.2,
        r_multiple=-0.1,
        protected_quantity=40,
        stop_price=509.80,
        opened_at=ago(95),
        exposure_usd=20479.2,
        realized_usd=-18.4,
    ),
)

ORDERS = (
    order(),
    order("NVDA", quantity=30, price=722.10, perm_id=1204558807, at=ago(240)),
    order(
        "ESH6",
        side="BUY",
        quantity=1,
        price=5806.00,
        perm_id=1204558811,
        strategy="futures_cross",
        at=ago(1860),
    ),
    order("QQQ", quantity=40, price=509.80, perm_id=1204558819, at=ago(95)),
    order(
        "AMD",
        side="BUY",
        quantity=100,
        order_type="LMT",
        price=164.20,
        tif="DAY",
        role="entry",
        order_ref="ck-9001-AMD-01HZX40C-entry",
        perm_id=1204558823,
        at=ago(7),
    ),
    order(
        "AAPL",
        side="BUY",
        quantity=60,
        filled=60,
        order_type="LMT",
        price=189.42,
        tif="DAY",
        status="filled",
        role="entry",
        order_ref="ck-9001-AAPL-01HZX2AA-entry",
        perm_id=1204558790,
        at=ago(1500),
        is_done=True,
        avg_fill_price=189.41,
    ),
    order(
        "AAPL",
        quantity=60,
        filled=60,
        price=188.90,
        status="filled",
        order_ref="ck-9001-AAPL-01HZX2AB-stop",
        perm_id=1204558791,
        at=ago(900),
        is_done=True,
        avg_fill_price=188.88,
    ),
    order(
        "META",
        side="BUY",
        quantity=10,
        order_type="LMT",
        price=501.10,
        tif="DAY",
        status="rejected",
        role="entry",
        order_ref="ck-9001-META-01HZX1QQ-entry",
        perm_id=0,
        at=ago(1620),
        is_done=True,
        message="201 Order rejected - reason: insufficient margin",
    ),
)

FILLS = (
    FillView(
        "0000e0d5.65f0a1.01.01", "ck-9001-TSLA-01HZX3V8-entry", "TSLA", "BUY", 50, 445.25, 0.35, ago(720), 2
    ),
    FillView(
        "0000e0d5.65f0a9.01.01", "ck-9001-QQQ-01HZX40B-entry", "QQQ", "BUY", 40, 512.31, None, ago(95), 2
    ),
)

HEALTH = (
    HealthRow("broker", Level.OK, "rtt 0.9 ms"),
    HealthRow("data", Level.OK, "16 live, 0 stale"),
    HealthRow("clock", Level.OK, "real time"),
    HealthRow("loop", Level.OK, "max lag 2.1 ms"),
    HealthRow("store", Level.OK, "p99 0.4 ms"),
    HealthRow("margin", Level.OK, "97 % free"),
)

_FULL = "5 of 5 positions in use"
WHY_NOT = (
    WhyNot(
        "AAPL", "stocks_cross", "no_signal", "SMA 8 below 21 by 0.0712; long only here, waits for a turn up"
    ),
    WhyNot("AMZN", "stocks_cross", "no_signal", "SMA 8 above 21 by 0.0396; waits for a turn down"),
    WhyNot("IWM", "stocks_cross", "max_positions", _FULL, ago(65)),
    WhyNot("META", "stocks_cross", "max_positions", _FULL, ago(40)),
    WhyNot(
        "SPY", "stocks_cross", "no_signal", "SMA 8 below 21 by 0.0155; long only here, waits for a turn up"
    ),
    WhyNot("CLJ6", "futures_cross", "warming_up", "warming up: 15 of 21 bars"),
    WhyNot(
        "NQH6",
        "futures_cross",
        "per_symbol_margin_cap",
        "NQH6: one unit ties up 33,400.00 USD, more than the cap per symbol",
    ),
)

EVENTS = tuple(
    EventView(seq, ago(seconds), level, kind, symbol, text)
    for seq, seconds, level, kind, symbol, text in (
        (
            1,
            2400,
            Level.INFO,
            "engine",
            "",
            "the account was compared: positions 0, working orders 0, all agree",
        ),
        (2, 1860, Level.INFO, "fill", "ESH6", "ESH6: entry SELL 1 @ 5801.25"),
        (
            3,
            1620,
            Level.ERROR,
            "order",
            "META",
            "META: entry BUY 10 sending -> rejected (201 Order rejected)",
        ),
        (4, 900, Level.INFO, "fill", "AAPL", "AAPL: stop SELL 60 @ 188.88"),
        (
            5,
            900,
            Level.INFO,
            "fill",
            "AAPL",
            "AAPL: long 60 closed (stop), 189.4100 -> 188.8800, net -32.50 USD",
        ),
        (6, 720, Level.INFO, "fill", "TSLA", "TSLA: entry BUY 50 @ 445.25"),
        (7, 240, Level.INFO, "fill", "NVDA", "NVDA: entry BUY 30 @ 725.50"),
        (8, 95, Level.INFO, "fill", "QQQ", "QQQ: entry BUY 40 @ 512.31"),
        (9, 40, Level.INFO, "strategy", "META", "BUY refused: 5 of 5 positions in use (max_positions)"),
        (
            10,
            7,
            Level.INFO,
            "strategy",
            "AMD",
            "AMD stocks_cross enter AMD (SMA 8 above 21 by 0.0214): BUY 100 at 164.20",
        ),
    )
)


def _day(x: int) -> float:
    """A day that dips to its worst early and climbs unevenly to where it stands."""
    dip = -80.2 * math.exp(-(((x - 28) / 16) ** 2))
    climb = 341.48 * math.pow(min(1.0, max(0.0, (x - 34) / 125)), 1.3)
    wobble = 18.0 * math.sin(x / 5.3) * math.sin(x * math.pi / 159)
    return round(dip + climb + (wobble if x > 45 else 0.0), 2)


CURVE = tuple(map(_day, range(160)))

RUNTIME = (
    RuntimeValue("risk.risk_per_trade_pct", 0.5, 0.05, 2.0, 0.05, False),
    RuntimeValue("risk.max_positions", 5.0, 0.0, 10.0, 1.0, True),
)

EMPTY = Snapshot(
    seq=1,
    as_of=NOW,
    engine_state=EngineState.READY,
    state_reason="",
    mode=Mode.PAPER,
    gateway="embedded",
    gateway_text="simulated prices",
    account="DU9000001",
    session=SessionView(now=NOW, is_open=True, closes_in_s=5 * 3600 + 56 * 60 + 33),
    entries_allowed=True,
    entries_text="entries on",
    connected=True,
    data_age_s=0.2,
    pnl=PnlView(
        net_liquidation_usd=1_000_000.0,
        day_usd=0.0,
        realized_usd=0.0,
        unrealized_usd=0.0,
        fees_usd=0.0,
        worst_usd=0.0,
        stop_risk_usd=0.0,
    ),
    health=HEALTH,
    runtime=RUNTIME,
    strategies=(
        StrategyView("stocks_cross", "ma_crossover", ("AAPL", "AMD", "NVDA", "QQQ", "TSLA"), "5s", "live"),
        StrategyView("futures_cross", "ma_crossover", ("CLJ6", "ESH6", "NQH6"), "5s", "live"),
    ),
    run_id="01HZX",
    pid=4242,
    version="0.1.0",
)

NORMAL = replace(
    EMPTY,
    seq=2,
    positions=POSITIONS,
    orders=ORDERS,
    fills=FILLS,
    pnl=PnlView(
        net_liquidation_usd=1_000_341.48,
        day_usd=341.48,
        realized_usd=220.10,
        unrealized_usd=125.50,
        fees_usd=4.12,
        worst_usd=-80.20,
        trades=7,
        wins=4,
        curve=CURVE,
        curve_step_s=20.0,
        stock_exposure_usd=64657.2,
        futures_margin_usd=21100.0,
        stop_risk_usd=498.5,
    ),
    why_not=WHY_NOT,
    events=EVENTS,
)


def brake(kind: BrakeKind, **changes: Any) -> BrakeView:
    """A brake on the account."""
    return replace(BrakeView(kind, Scope(), "news at 10:30", "operator", ago(27)), **changes)


STALE = replace(
    NORMAL,
    data_age_s=7.4,
    positions=(
        replace(POSITIONS[0], quote_age_s=7.4),
        replace(POSITIONS[1], quote_age_s=41.0, last=None, unrealized_usd=None, r_multiple=None),
        POSITIONS[2],
        replace(POSITIONS[3], protected_quantity=25),
    ),
    health=(HEALTH[0], HealthRow("data", Level.WARNING, "14 live, 2 stale"), *HEALTH[2:]),
    alerts=(AlertView(4, Level.WARNING, "stale_quote", "TSLA", "no quote for 7.4 s", ago(3)),),
)
PAUSED = replace(NORMAL, brakes=(brake(BrakeKind.PAUSE),), entries_allowed=False, entries_text="paused")
HALTED = replace(NORMAL, brakes=(brake(BrakeKind.HALT),), entries_allowed=False, entries_text="halted")
KILLED = replace(
    EMPTY,
    seq=3,
    brakes=(brake(BrakeKind.KILL, reason="kill key", proof="PROVEN FLAT 10:03:21 ET, watched 10 s"),),
    entries_allowed=False,
    entries_text="killed",
    orders=tuple(replace(item, is_done=True, status="cancelled") for item in ORDERS[:4]),
    events=EVENTS,
    pnl=replace(
        NORMAL.pnl, unrealized_usd=0.0, stop_risk_usd=0.0, stock_exposure_usd=0.0, futures_margin_usd=0.0
    ),
)
_REFUSED = "no line to the broker after 3 attempts: 127.0.0.1:4002 refused the connection"
DISCONNECTED = replace(
    NORMAL,
    engine_state=EngineState.BLOCKED,
    state_reason="the connection to 127.0.0.1:4002 was lost",
    connected=False,
    entries_allowed=False,
    entries_text="the line to the broker is down",
    data_age_s=24.0,
    positions=tuple(replace(item, quote_age_s=24.0) for item in POSITIONS),
    health=(
        HealthRow("broker", Level.ERROR, "down"),
        HealthRow("data", Level.WARNING, "0 live, 16 stale"),
        *HEALTH[2:],
    ),
    alerts=(AlertView(5, Level.CRITICAL, "link_given_up", "", _REFUSED, ago(4)),),
)

STATES = {
    "empty": EMPTY,
    "normal": NORMAL,
    "stale": STALE,
    "paused": PAUSED,
    "halted": HALTED,
    "killed": KILLED,
    "disconnected": DISCONNECTED,
}
