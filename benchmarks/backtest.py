"""Measures our backtester beside a plain-Python floor and, where they are installed, beside its peers.

The same job for all (`backtesting/work.py`), CPU time, every engine in turn in a fresh process, ratios within
a round, medians over rounds. Orders and equity must agree; where they do not, nothing is told but that.

`python -m benchmarks backtest [--quick] [--peers=DIR]`: DIR holds an environment for each peer, which are
backtesting, backtrader and nautilus (`DIR/backtrader/bin/python`).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.figures import Figure

ROOT: Final = Path(__file__).parents[1]
MOST_PEAK_MB: Final = 272.0
LEAST_OF_FLOOR: Final = 0.35
LEAST_RATE_OF_MANY: Final = 0.7


class Job(NamedTuple):
    """So many bars of so many instruments, and what must come of it."""

    instruments: int
    bars: int
    orders: int
    equity: float
    rounds: int


class Peer(NamedTuple):
    """An engine of others, and how many times as fast ours must be."""

    module: str
    least: float
    agrees: bool
    """Its fees have no rounding of their own, so that the equity must be ours to the cent."""


ONE: Final = Job(1, 100_000, 2171, 997342.35, 5)
MANY: Final = Job(10, 50_000, 11312, 974297.45, 3)
PEERS: Final = {
    "backtesting": Peer("peer_backtesting", 1.5, agrees=True),
    "backtrader": Peer("peer_backtrader", 15.0, agrees=True),
    "nautilus": Peer("peer_nautilus", 10.0, agrees=False),
}
_REPEATS: Final = {"floor": 3, "ours": 3}


def figures(*, quick: bool) -> list[Figure]:
    """The figures of one instrument, of ten, and of both together."""
    folder = next((a.partition("=")[2] for a in sys.argv if a.startswith("--peers=")), "")
    peers = _installed(Path(folder)) if folder else {}
    one = _measure(ONE._replace(rounds=2) if quick else ONE, peers)
    many = _measure(MANY._replace(rounds=1) if quick else MANY, {})
    found = [_of_floor("backtest: 1 instrument", one), *_of_peers(one, peers)]
    found.append(_of_floor("backtest: 10 instruments", many))
    rate = _rate(many, "ours") / _rate(one, "ours")
    found.append(
        Figure(
            "backtest: a bar of 10 instruments", 1 / rate, "x 1", 1 / LEAST_RATE_OF_MANY, f"rate {rate:.2f}"
        )
    )
    peak = max(line["peak_mb"] for lines in many for line in lines["ours"])
    found.append(Figure("backtest: peak memory, 500,000 bars", peak, "MB", MOST_PEAK_MB))
    return found


def _installed(folder: Path) -> dict[str, Path]:
    """Peers with an environment of their own."""
    paths = {name: folder / name / "bin" / "python" for name in PEERS}
    return {name: path for name, path in paths.items() if path.exists()}


def _measure(job: Job, peers: dict[str, Path]) -> list[dict[str, list[dict[str, Any]]]]:
    """Rounds of lines by engine; each engine in turn."""
    here = Path(sys.executable)
    engines = {"floor": (here, "floor"), "ours": (here, "ours")}
    engines |= {name: (python, PEERS[name].module) for name, python in peers.items()}
    return [{name: _run(job, name, *how) for name, how in engines.items()} for _ in range(job.rounds)]


def _run(job: Job, name: str, python: Path, module: str) -> list[dict[str, Any]]:
    """What one engine says in a process of its own. Raises ValueError where it came to another result."""
    sizes = [str(n) for n in (job.instruments, job.bars, _REPEATS.get(name, 1))]
    done = subprocess.run(
        [str(python), "-W", "ignore", "-m", f"benchmarks.backtesting.{module}", *sizes],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]
    agrees = name not in PEERS or PEERS[name].agrees
    for line in lines:
        if line["orders"] != job.orders or (agrees and line["equity"] != job.equity):
            raise ValueError(f"{name} did another job: {line['orders']} orders, {line['equity']} USD")
    return lines


def _best(lines: list[dict[str, Any]]) -> float:
    return float(max(line["bars_per_s"] for line in lines))


def _rate(rounds: list[dict[str, list[dict[str, Any]]]], name: str) -> float:
    """Bars per second, the median over rounds."""
    return statistics.median(_best(lines[name]) for lines in rounds)


def _ratio(rounds: list[dict[str, list[dict[str, Any]]]], ours: str, other: str) -> float:
    """How many times as fast the first is, the median over rounds."""
    return statistics.median(_best(lines[ours]) / _best(lines[other]) for lines in rounds)


def _of_floor(name: str, rounds: list[dict[str, list[dict[str, Any]]]]) -> Figure:
    share = _ratio(rounds, "ours", "floor")
    note = f"{share:.2f} of the floor; {_rate(rounds, 'ours'):,.0f} bars/s"
    return Figure(name, 1 / share, "x floor", 1 / LEAST_OF_FLOOR, note)


def _of_peers(rounds: list[dict[str, list[dict[str, Any]]]], peers: dict[str, Path]) -> list[Figure]:
    found = []
    for name in peers:
        faster = _ratio(rounds, "ours", name)
        note = f"{faster:.1f} times as fast; {name} {_rate(rounds, name):,.0f} bars/s"
        found.append(Figure(f"backtest: beside {name}", 1 / faster, "x", 1 / PEERS[name].least, note))
    return found
