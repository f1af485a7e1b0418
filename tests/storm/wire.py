"""The storm on the wire: `python -m tests.storm.wire --seeds 1..50 [--at-once 3]`.

The real engine and its real adapter trade on the real gateway's process while a seeded script has the fault
socket drop, freeze, delay, double, withhold and refuse. Then the faults end, entries are paused, and the
engine's books are held against the exchange's own journal. Prints a line per seed; 1 where one failed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from engine.api import CommandKind, EngineState, OutcomeStatus
from tests.e2e.live import Live, live
from tests.storm.agreement import broken_for_ever, disagreements, parked, quarantined
from tests.storm.churn import KIND
from tests.storm.exchange_record import ExchangeRecord, Span
from tests.waiting import eventually_async

SYMBOLS = ("SPY", "QQQ", "TSLA", "NVDA")
ELSEWHERE = "IWM"
"""What others trade in the account: never ours, so that it must show as theirs."""
STRATEGY: Mapping[str, object] = {
    "kind": KIND,
    "symbols": list(SYMBOLS),
    "timeframe": "5s",
    "params": {"hold": 2},
}
ROOMY = {
    "risk.max_positions": 4,
    "risk.max_gross_exposure": 500_000.0,
    "risk.max_total_at_risk_pct": 100.0,
    "risk.repeated_execution.n": 1000,
    "risk.orders_per_minute": 3000,
    "risk.daily_loss_pct": 50.0,
    "risk.symbol_daily_loss_pct": 50.0,
    "risk.cooldown_minutes": 0.0,
    "risk.cooldown_after_stop_minutes": 0.0,
}
SPEED = 10.0
STEPS = 8
CALM_S = 60.0
"""Real seconds within which everything must agree once the faults have ended."""
NAKED_S = 20.0
"""Real seconds for which a stop may be missing or too large while faults go on."""

Fault = Mapping[str, object]


@dataclass(frozen=True)
class Step:
    """One fault, and how long the script then waits (real seconds)."""

    fault: Fault
    pause_s: float


def script_of(seed: int) -> tuple[Step, ...]:
    """What goes wrong in this seed, and when."""
    dice = random.Random(f"wire {seed}")
    return tuple(Step(dice.choice(FAULTS)(dice), dice.uniform(0.3, 1.6)) for _ in range(STEPS))


def _code(*codes: int) -> Any:
    return lambda dice: {"do": "error", "code": dice.choice(codes)}


_ENDS = ("positionEnd", "openOrderEnd", "execDetailsEnd", "completedOrdersEnd")

FAULTS = (
    lambda dice: {"do": "drop", "seconds": round(dice.uniform(0.0, 1.5), 2)},
    lambda dice: {"do": "drop"},
    lambda dice: {"do": "freeze", "seconds": round(dice.uniform(0.5, 4.5), 2)},
    lambda dice: {"do": "delay", "seconds": round(dice.uniform(0.05, 0.8), 2)},
    lambda dice: {"do": "delay", "seconds": 0},
    lambda dice: {"do": "delay_orders", "seconds": round(dice.uniform(0.1, 2.0), 2)},
    lambda dice: {"do": "delay_commissions", "seconds": round(dice.uniform(0.1, 9.0), 2)},
    lambda dice: {"do": "overfill_next", "quantity": dice.randrange(1, 9), "ref": "-entry"},
    lambda dice: {"do": "duplicate", "count": dice.randrange(5, 60)},
    lambda dice: {"do": "withhold", "markers": [dice.choice(_ENDS)], "count": 1, "and": {"do": "drop"}},
    lambda dice: {"do": "id_rollback", "count": dice.randrange(1, 9), "and": {"do": "drop"}},
    lambda dice: {"do": "reject_next", "ref": dice.choice(("-entry", "-stop", "-exit")), "code": 201},
    lambda dice: {"do": "silent_next", "seconds": round(dice.uniform(1, 14), 1), "ref": "-entry"},
    lambda dice: {"do": "split_next", "parts": dice.randrange(2, 6), "ref": "-entry"},
    lambda dice: {"do": "false_cancel", "code": dice.choice((110, 10349)), "count": 2},
    lambda dice: {"do": "refuse_cancel", "code": dice.choice((10147, 10148))},
    lambda dice: {"do": "late_fill", "seconds": round(dice.uniform(0.2, 3), 1), "ref": "-entry"},
    lambda dice: {"do": "fill", "ref": "-stop"},
    _code(1100),
    _code(1101, 1102),
    _code(2103, 2104),
    lambda dice: {
        "do": "external_position", "symbol": ELSEWHERE, "quantity": dice.choice((-7, 5, 12)),
        "executed": dice.random() < 0.5,
    },
    lambda dice: {
        "do": "external_order", "symbol": ELSEWHERE, "action": "SELL", "quantity": 3, "type": "STP",
        "stop": 20.0,
    },
)  # fmt: skip


class WirePlace:
    """One engine on the wire, as the checks look at it."""

    def __init__(self, here: Live) -> None:
        self._here = here
        self._gateway = here.plan.state_dir

    def record(self) -> ExchangeRecord:
        """What the exchange wrote down."""
        return ExchangeRecord.read(self._gateway)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the engine has stored."""
        return self._here.rows(sql)

    async def drill(self, fault: Fault) -> dict[str, Any]:
        """Ask the fault socket; `and` is asked right after it. What is not possible now is no error."""
        reader, writer = await asyncio.open_unix_connection(str(self._gateway / "admin.sock"))
        try:
            asked = {key: value for key, value in fault.items() if key != "and"}
            writer.write(json.dumps(asked).encode() + b"\n")
            answer: dict[str, Any] = json.loads(await reader.readline())
        finally:
            writer.close()
        after = fault.get("and")
        if isinstance(after, Mapping):
            await self.drill(after)
        return answer


async def run_seed(seed: int, folder: Path) -> str:
    """One storm; what was seen. AssertionError names what is wrong and the script that did it."""
    script = script_of(seed)
    try:
        async with live(folder, strategies={"churn": STRATEGY}, speed=SPEED, seed=seed, **ROOMY) as here:
            place = WirePlace(here)
            await here.ready()
            await here.until(lambda s: s.fills, why="it never traded")
            undo = await _blow(place, script)
            await _calm(here, place, undo)
            return await _judge(here, place)
    except AssertionError as error:
        faults = "\n".join(f"    {step.fault} then {step.pause_s:.2f} s" for step in script)
        raise AssertionError(f"seed {seed}: {error}\n{faults}") from None


async def _blow(place: WirePlace, script: Sequence[Step]) -> list[Fault]:
    """Carry the script out; returns what takes back what others did to the account."""
    undo: list[Fault] = []
    loop = asyncio.get_running_loop()
    for step in script:
        answer = await place.drill(step.fault)
        if answer["ok"] and step.fault["do"] == "external_position":
            quantity = -int(str(step.fault["quantity"]))
            undo.append({"do": "external_position", "symbol": ELSEWHERE, "quantity": quantity})
        elif answer["ok"] and step.fault["do"] == "external_order":
            undo.append({"do": "external_cancel", "order_id": answer["order_id"]})
        pause = loop.create_future()
        loop.call_later(step.pause_s, pause.set_result, None)
        await pause
    return undo


async def _calm(here: Live, place: WirePlace, undo: Sequence[Fault]) -> None:
    """End every fault, take back what others did, and let nothing new begin."""
    for fault in ({"do": "clear"}, *undo, {"do": "error", "code": 1102}):
        answer = await place.drill(fault)
        assert answer["ok"], answer
    paused = await here.command(CommandKind.PAUSE, reason="the storm is over")
    assert paused.status is OutcomeStatus.DONE, paused.text


async def _judge(here: Live, place: WirePlace) -> str:
    last: list[str] = []

    def agree() -> bool:
        last[:] = disagreements(place)
        if here.snapshot.engine_state is not EngineState.READY:
            last.append(f"the engine is {here.snapshot.engine_state.value}: {here.snapshot.state_reason}")
        return not last

    try:
        await eventually_async(agree, within_s=CALM_S)
    except AssertionError:
        raise AssertionError(f"no agreement {CALM_S:.0f} s after the storm: {'; '.join(last)}") from None
    record = place.record()
    told = quarantined(place, record)
    bare = [span for span in record.naked if span.ended is not None or span.symbol not in told]
    wrong = [*broken_for_ever(place), *_too_long(bare, "without a stop")]
    wrong += _too_long(record.over_covered, "with too large a stop")
    assert not wrong, "; ".join(wrong)
    waiting = parked(place, record)
    shown = here.snapshot.unknown_orders
    assert shown >= len(waiting), f"{len(waiting)} orders are parked, {shown} are shown"
    return f"{len(record.orders)} orders, {len(record.executions)} executions, {len(waiting)} parked"


def _too_long(spans: Sequence[Span], what: str) -> list[str]:
    lasted = [(span, ((span.ended or span.began) - span.began) / SPEED) for span in spans]
    return [f"{s.symbol}: {s.units} units {what} for {took:.1f} s" for s, took in lasted if took > NAKED_S]


async def campaign(seeds: Sequence[int], *, at_once: int) -> list[str]:
    """Every seed, some at the same time, told as they end; the failures."""
    failed: list[str] = []
    gate = asyncio.Semaphore(at_once)

    async def one(seed: int) -> None:
        async with gate:
            folder = Path(tempfile.mkdtemp(prefix="ck-"))
            try:
                print(f"seed {seed:5} ok  {await run_seed(seed, folder)}", flush=True)
            except AssertionError as error:
                failed.append(str(error))
                print(f"seed {seed:5} FAILED {error}", flush=True)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    await asyncio.gather(*(one(seed) for seed in seeds))
    return failed


def main() -> int:
    """Run the seeds that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1..50", help="A..B, both included")
    parser.add_argument("--at-once", type=int, default=3)
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="what the engines say goes here")
    asked = parser.parse_args()
    first, _, last = asked.seeds.partition("..")
    seeds = range(int(first), int(last or first) + 1)
    with asked.log.open("w", encoding="utf-8") as log:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(log))
        failed = asyncio.run(campaign(seeds, at_once=asked.at_once))
    print(f"\n{len(seeds) - len(failed)} of {len(seeds)} seeds right")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
