"""One soak day: the real headless cockpit on the tape, drills at random, `stop --flatten` at its end."""

from __future__ import annotations

import datetime as dt
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from engine.api import EngineState, Snapshot
from engine.runtime.drills.eyes import covered_by
from engine.runtime.process.gateway_process import running_gateway
from tests.soak_day.drills import Drill, drawn
from tests.soak_day.market import DAY, NEW_YORK, OPEN, symbols, write_tape
from tests.soak_day.operator import Operator
from tests.soak_day.verdict import Drilled
from tests.storm.real import RealCockpit

LOOK_S = 0.5
"""Time between two looks at the engine."""
SEEN_S, CALM_S = 3.0, 1.0
"""Real seconds until a fault must have shown, and for which all must be well before it counts as over."""
WELL_S = 240.0
"""Real seconds a drill may last until all is well again."""
LAST_S = 60.0
"""The day is ended this much exchange time before the close: nothing can be closed after it."""
SHUT = dt.time(16, 0)
STOP_S = 120.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a day is to be."""

    symbols: int
    speed: float
    """Exchange seconds in a real one."""
    hours: float
    """Of exchange time, from the open."""
    seed: int
    pause_s: float
    """Mean real time between the end of a drill and the next; 0 = no drills."""


@dataclass
class Course:
    """What was seen of a day."""

    drills: list[Drilled] = field(default_factory=list)
    memory_mb: dict[str, list[float]] = field(default_factory=dict)
    """By process, a look a minute."""
    most_held: int = 0
    lines: int = 0
    """Most instruments with a data line at once."""
    lag_ms: float = 0.0
    alerts: Counter[str] = field(default_factory=Counter)
    stopped: int | None = None
    """Exit code of the engine; None while it runs."""
    began: float = 0.0
    ended: float = 0.0


def config(folder: Path, plan: Plan) -> dict[str, dict[str, object]]:
    """The shipped limits, but for those that a busy machine, a tape or many positions would run into."""
    names = symbols(plan.symbols)
    first = (plan.symbols * 2 + 2) // 3
    shared = {"timeframe": "1m"}
    return {
        "broker": {
            "speed": plan.speed,
            "seed": plan.seed,
            "tape": str(folder / "tape"),
            "start_at": OPEN.strftime("%H:%M"),
            "data_lines": 2 * plan.symbols,
        },
        "market_data": {
            "max_lines": 2 * plan.symbols,
            "live_bars_in_10_min": 0,
            "max_quote_age_seconds": 120.0,
            "max_ohlcv_age_seconds": 600.0,
            "alert_age_seconds": 600.0,
        },
        "connection": {"interval_s": 3.0},
        "health": {"max_cpu_pct": 100.0, "max_loop_lag_ms": 10_000.0, "max_store_ms": 10_000.0},
        "slo": {"enabled": False},
        "risk": {
            "max_positions": 50,
            "max_gross_exposure": 5_000_000.0,
            "per_symbol_notional_cap": 20_000.0,
            "max_total_at_risk_pct": 500.0,
            "orders_per_minute": 3000,
            "repeated_execution": {"n": 1000},
            "max_attempts": 100,
            "daily_loss_pct": 50.0,
            "symbol_daily_loss_pct": 50.0,
            "max_drawdown_pct": {"session": 50.0, "rolling": 60.0},
        },
        "log": {"format": "json"},
        "orphans": {"headless_policy": "adopt"},
        "regime": {"reference": ""},
        "strategies": {
            "cross": {
                "kind": "ma_crossover",
                "symbols": list(names[:first]),
                "params": {"fast": 4, "slow": 12, "stop_atr": 4.0},
                **shared,
            },
            "fast": {
                "kind": "momentum",
                "symbols": list(names[first:]),
                "params": {"bars": 8, "enter_pct": 0.1, "exit_pct": -0.05},
                **shared,
            },
        },
    }


class Day:
    """A cockpit that trades a day, and the hand that drills it."""

    def __init__(self, cockpit: RealCockpit, plan: Plan, *, tell: Tell) -> None:
        self.cockpit = cockpit
        self.course = Course()
        self._plan = plan
        self._tell = tell
        self._dice = random.Random(f"soak day {plan.seed}")
        self._operator = Operator(cockpit, self._dice)
        self._pause = Event()
        self._next_memory_s = 0.0
        opened = dt.datetime.combine(DAY, OPEN, NEW_YORK)
        shut = dt.datetime.combine(DAY, SHUT, NEW_YORK) - dt.timedelta(seconds=LAST_S)
        self._ends = min(opened + dt.timedelta(hours=plan.hours), shut)

    def play(self) -> Course:
        """From the start to the stop. AssertionError where something never came."""
        self.course.began = time.time()
        self.cockpit.start()
        ready_s = self.cockpit.ready()
        self._tell(f"READY after {ready_s:.1f} s")
        while self._until_next_drill():
            self._run(drawn(self._dice))
        self._stop()
        self.course.ended = time.time()
        return self.course

    def _until_next_drill(self) -> bool:
        """Look on for a while; False once the day is over."""
        pause_s = self._plan.pause_s
        due_s = time.monotonic() + self._dice.uniform(0.3, 1.7) * pause_s if pause_s else float("inf")
        while time.monotonic() < due_s:
            shown = self._look()
            if shown is not None and shown.session.now >= self._ends:
                return False
            if shown is not None:
                self._operator.act(shown)
            self._pause.wait(LOOK_S)
        return True

    def _look(self) -> Snapshot | None:
        shown = self.cockpit.snapshot()
        if shown is None:
            assert self.cockpit.process is not None
            code = self.cockpit.process.poll()
            assert code is None, f"the cockpit ended with {code}: {self.cockpit.tail()}"
            return None
        course = self.course
        course.most_held = max(course.most_held, sum(1 for p in shown.positions if p.quantity))
        course.lag_ms = max(course.lag_ms, shown.loop_lag_max_ms)
        if time.monotonic() >= self._next_memory_s:
            self._next_memory_s = time.monotonic() + 60.0
            self._remember(shown)
        return shown

    def _remember(self, shown: Snapshot) -> None:
        gateway = running_gateway(self.cockpit.state)
        for name, pid in (("engine", shown.pid), ("gateway", 0 if gateway is None else gateway.pid)):
            if pid:
                self.course.memory_mb.setdefault(name, []).append(resident_mb(pid))
        lines = self.cockpit.ask(do="report")["lines"].values()
        self.course.lines = max(self.course.lines, *(len(line["quotes"]) for line in lines), 0)
        now = shown.session.now.astimezone(NEW_YORK)
        self._tell(
            f"{now:%H:%M:%S} {shown.engine_state.value}, {len(shown.positions)} held, "
            f"{shown.pnl.trades} trades, "
            f"lag {shown.loop_lag_max_ms:.0f} ms, "
            + ", ".join(f"{name} {seen[-1]:.0f} MB" for name, seen in self.course.memory_mb.items())
        )

    # --- drills ---------------------------------------------------------------------------------

    def _run(self, drill: Drill) -> None:
        began, began_s = time.time(), time.monotonic()
        fault = drill.act(self.cockpit, self._dice)
        if not fault.what:
            return
        what, seen_s = fault.what, time.monotonic() + fault.lasts_s + SEEN_S
        settled = self._until_well(drill, what, seen_s)
        if drill.is_armed:
            self.cockpit.ask(do="clear")
        self.course.drills.append(Drilled(drill, what, began, time.time(), tuple(settled)))
        verbs = f"; {', '.join(settled)}" if settled else ""
        self._tell(f"  {drill.name}: {what}; over after {time.monotonic() - began_s:.1f} s{verbs}")

    def _until_well(self, drill: Drill, what: str, seen_s: float) -> list[str]:
        """Look until all has been well for a while, `seen_s` (monotonic) at the earliest; the verbs given."""
        settled: list[str] = []
        since_s = None
        while since_s is None or time.monotonic() < max(since_s + CALM_S, seen_s):
            shown = self._look()
            settled += [] if shown is None else self._operator.act(shown)
            waits = self._not_well(shown)
            since_s = None if waits else since_s or time.monotonic()
            late = time.monotonic() > seen_s + WELL_S
            assert not late, f"{drill.name}, {what}: not well after {WELL_S:.0f} s: {waits}"
            self._pause.wait(0.2)
        return settled

    def _not_well(self, shown: Snapshot | None) -> str:
        """What is not yet well; empty where everything is."""
        if shown is None:
            return "no engine answers"
        if not shown.connected or shown.engine_state is not EngineState.READY:
            return f"{shown.engine_state.value}: {shown.state_reason}"
        if shown.recovery.open_rows:
            return "; ".join(f"{row.symbol} {row.difference}" for row in shown.recovery.open_rows)
        if running_gateway(self.cockpit.state) is None:
            return "no gateway runs"
        report = self.cockpit.ask(do="report")
        held = {symbol: int(quantity) for symbol, quantity in report["positions"].items()}
        ours = {p.symbol: p.quantity for p in shown.positions if p.quantity}
        # Trading goes on: what both sides say of one symbol differs for the moment in which it fills.
        differ = sorted(s for s in {*held, *ours} if held.get(s, 0) != ours.get(s, 0))
        covered = covered_by(report)
        bare = sorted(s for s, quantity in held.items() if covered.get(s, 0) < abs(quantity))
        if len(differ) > 3 or len(bare) > 3:
            return f"{len(differ)} positions differ, {len(bare)} are without a stop"
        return ""

    # --- the end --------------------------------------------------------------------------------

    def _stop(self) -> None:
        self.cockpit.ask(do="clear")
        shown = self._look()
        assert shown is not None
        self.course.alerts.update(row[0] for row in self.cockpit.rows("SELECT code FROM alert"))
        self._tell(f"stop --flatten with {len(shown.positions)} positions")
        told = self.cockpit.run("stop", "--flatten", timeout_s=STOP_S)
        self._tell(told.stdout.strip())
        self.course.stopped = self.cockpit.exit_code(within_s=STOP_S)


def resident_mb(pid: int) -> float:
    """Resident memory of a process; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    found = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "VmRSS: 0 kB")
    return int(found.split()[1]) / 1024.0


@contextmanager
def prepared(plan: Plan, *, keep: Path | None = None) -> Iterator[RealCockpit]:
    """A place with its tape and configuration; all in it ends with it. Its state is copied to `keep`."""
    folder = Path(tempfile.mkdtemp(prefix="cks-"))
    cockpit = RealCockpit(folder, fresh=True)
    try:
        write_tape(folder / "tape", plan.symbols, seed=plan.seed)
        sections = config(folder, plan)
        strategies = sections.pop("strategies")
        cockpit.configure(strategies, **sections)
        yield cockpit
    finally:
        if keep is not None and cockpit.state.exists():
            shutil.copytree(cockpit.state, keep, ignore=shutil.ignore_patterns("*.sock"))
        cockpit.end()
