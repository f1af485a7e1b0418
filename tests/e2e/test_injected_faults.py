"""Ten errors at random places of a trading engine: it trades on, and no position is left alone."""

from __future__ import annotations

import inspect
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.api import EngineState
from engine.execution.executor import Executor
from engine.market.feed import QuoteBoard
from engine.runtime import trading
from engine.runtime.breakers import faults
from engine.runtime.guards.stops import StopKeeper
from engine.runtime.keeping.checkpoint import Checkpoints
from engine.runtime.keeping.recorder import Recorder
from engine.runtime.snapshot import SnapshotBuilder
from engine.store.store import Store
from tests.e2e.live import Live, live
from tests.logged import logged_by
from tests.storm.churn import KIND, Churn
from tests.storm.wire import ROOMY
from tests.waiting import eventually_async

pytestmark = pytest.mark.slow

FAULTS = 10
SYMBOLS = ("SPY", "QQQ", "IWM", "AAPL")


def _bug(number: int) -> Exception:
    return RuntimeError(f"injected {number}")


def _full_disk(_: int) -> Exception:
    return sqlite3.OperationalError("database or disk is full")


PLACES: dict[str, tuple[Any, str, Callable[[int], Exception]]] = {
    "data: a quote": (QuoteBoard, "on_quote", _bug),
    "data: a bar": (Recorder, "on_bar", _bug),
    "strategy": (Churn, "on_bar", _bug),
    "risk": (trading, "check_entry", _bug),
    "execution: an entry": (Executor, "enter", _bug),
    "execution: a stop": (StopKeeper, "_look_at", _bug),
    "persistence: the disk": (Store, "_in_writer", _full_disk),
    "persistence: a checkpoint": (Checkpoints, "round", _bug),
    "screen": (SnapshotBuilder, "build", _bug),
}


class Injector:
    """Raises at one place at a time, once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.armed = ""
        self.fired: list[str] = []
        for name, (owner, attribute, make) in PLACES.items():
            monkeypatch.setattr(owner, attribute, self._over(name, getattr(owner, attribute), make))

    def _over(
        self, name: str, real: Callable[..., Any], make: Callable[[int], Exception]
    ) -> Callable[..., Any]:
        def strike() -> None:
            if self.armed == name:
                self.armed = ""
                self.fired.append(name)
                raise make(len(self.fired))

        async def later(*args: Any, **more: Any) -> Any:
            strike()
            return await real(*args, **more)

        def now(*args: Any, **more: Any) -> Any:
            strike()
            return real(*args, **more)

        return later if inspect.iscoroutinefunction(real) else now


def _plan(seed: int) -> list[str]:
    """Every place once and one twice, in an order of its own."""
    rng = random.Random(seed)
    plan = [*PLACES, *rng.choices(sorted(PLACES), k=FAULTS - len(PLACES))]
    rng.shuffle(plan)
    return plan


def _fills(here: Live) -> int:
    return len(here.snapshot.fills)


@pytest.mark.req("PS60-ACC-4", "REQ-TEST-004", "REQ-ARCH-007")
@pytest.mark.parametrize("seed", [20])
async def test_ten_injected_errors_are_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    plan = _plan(seed)
    print(f"seed {seed}: {' · '.join(plan)}")
    injector = Injector(monkeypatch)
    logged = logged_by(faults, monkeypatch)
    await _survives(tmp_path, injector, plan)

    told = [str(r["exc_info"]) for r in logged.entries if r["event"] == "engine.error"]
    bugs = [f"injected {n}" for n, place in enumerate(plan, start=1) if place != "persistence: the disk"]
    assert told == bugs, "each with its traceback in the log"


async def _survives(place: Path, injector: Injector, plan: list[str]) -> None:
    strategies = {"churn": {"kind": KIND, "symbols": list(SYMBOLS), "timeframe": "5s"}}
    async with live(place, strategies=strategies, speed=20.0, **ROOMY) as here:
        await here.ready()
        for number, fault in enumerate(plan, start=1):
            injector.armed = fault
            why = f"error {number} at {fault} never came; so far {injector.fired}"
            await eventually_async(lambda n=number: len(injector.fired) == n, within_s=40.0, why=why)
        assert injector.fired == plan

        before = _fills(here)
        await here.until(
            lambda s: s.engine_state is EngineState.READY and _fills(here) >= before + 2,
            within_s=40.0,
            why="it does not trade any more",
        )
        assert not here.task.done()
        await here.until(
            lambda s: s.positions and all(p.protected_quantity == abs(p.quantity) for p in s.positions),
            why="a position is not managed",
        )
        assert here.engine.parts.desk.faults.pause() is None, "ten errors are borne"
        assert [a.code for a in here.snapshot.alerts if a.code in ("engine_failed", "forced_close")] == []
        await here.until(lambda _: here.engine.parts.desk.books.is_stored, why="the disk takes it again")
