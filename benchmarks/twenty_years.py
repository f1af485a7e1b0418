"""Measures twenty years of daily bars of four ETFs, report included, from the command's start to its end.

Wall time of `cockpit backtest --report` in a process of its own, once as the very first run (which makes the
calendar of the sessions, by a library that loads slowly) and then again. The control beside it is a process
that does nothing but load the libraries which no such run can do without.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.figures import Figure
from engine.backtest.data.calendars import CalendarShelf
from engine.market.calendar_source import make_calendars

ROOT: Final = Path(__file__).parents[1]
SYMBOLS: Final = ("SPY", "QQQ", "IWM", "DIA")
_DAY_0: Final = date(1970, 1, 1).toordinal()
FIRST, LAST = date(2005, 1, 3), date(2024, 12, 31)
MOST_WALL_S: Final = 5.0
_LIBRARIES: Final = "import numpy, pyarrow.parquet, pyarrow.compute, pydantic, typer, jinja2"
_CONFIG: Final = """
[history]
data_dir = "{folder}"

[strategies.cross]
kind = "ma_crossover"
symbols = [{symbols}]
timeframe = "1D"
holds_overnight = true
params = {{ fast = 20, slow = 50, stop_atr = 4.0 }}
"""


class Took(NamedTuple):
    """Seconds of one process."""

    wall_s: float
    cpu_s: float


def figures(*, quick: bool) -> list[Figure]:
    """The first run and the later ones."""
    with tempfile.TemporaryDirectory(prefix="ck-") as place:
        folder = Path(place)
        config = _prepared(folder)
        command = [sys.executable, "-m", "cockpit", "backtest", "--report"]
        command += ["--config", str(config), "--state", str(folder / "state")]
        first, later, control = _run(command), [], []
        for _ in range(2 if quick else 5):
            later.append(_run(command))
            control.append(_run([sys.executable, "-c", _LIBRARIES]))
    usual, loading = _middle(later), _middle(control)
    beside = (
        f"{usual.wall_s / loading.wall_s:.1f} x its libraries alone, which load in {loading.wall_s:.2f} s"
    )
    return [
        _figure("backtest: 20 years of 4 ETFs, with report", usual, beside),
        _figure("backtest: the same for the first time", first, "makes its calendar of sessions"),
    ]


def _figure(name: str, took: Took, note: str) -> Figure:
    return Figure(name, took.wall_s, "s", MOST_WALL_S, f"CPU {took.cpu_s:.2f} s; {note}")


def _middle(runs: list[Took]) -> Took:
    return Took(statistics.median(r.wall_s for r in runs), statistics.median(r.cpu_s for r in runs))


def _run(command: list[str]) -> Took:
    """Start to end of a process. Raises CalledProcessError where it fails."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True
    )
    wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _prepared(folder: Path) -> Path:
    """Files of bars by date, and a configuration that reads them."""
    shelf = CalendarShelf(folder / "days", make_calendars)
    days = [date.fromordinal(_DAY_0 + int(day)) for day in shelf.sessions("NYSE", FIRST, LAST).day]
    for number, symbol in enumerate(SYMBOLS):
        pq.write_table(_bars(days, seed=number), folder / f"{symbol}.parquet")
    config = folder / "config.toml"
    symbols = ", ".join(f'"{symbol}"' for symbol in SYMBOLS)
    config.write_text(_CONFIG.format(folder=folder, symbols=symbols), encoding="utf-8")
    return config


def _bars(days: list[date], *, seed: int) -> pa.Table:
    """A walk of prices, a bar per day."""
    random = np.random.default_rng(seed)
    close = np.round(100.0 * np.exp(np.cumsum(random.normal(2e-4, 0.012, len(days)))), 2)
    first = np.round(close * (1.0 + random.normal(0.0, 0.004, len(days))), 2)
    away = np.abs(random.normal(0.0, 0.005, (2, len(days))))
    high = np.round(np.maximum(first, close) * (1.0 + away[0]), 2)
    low = np.round(np.minimum(first, close) * (1.0 - away[1]), 2)
    volume = random.integers(1_000_000, 9_000_000, len(days))
    columns = {"open": first, "high": high, "low": low, "close": close, "volume": volume}
    return pa.table({"date": pa.array(days, pa.date32()), **columns})
