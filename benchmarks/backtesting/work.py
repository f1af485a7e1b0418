"""The job itself: bars on a one-cent grid, averages of 20 and 50 closes that cross, always 100 units.

The open of a bar is the close before, so that engines that fill at this close and at the next open agree.
"""

from __future__ import annotations

import json
import resource
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FAST: Final = 20
SLOW: Final = 50
SIZE: Final = 100
CASH_USD: Final = 1_000_000
FEE_BPS: Final = 1.0
FEE_FIXED_USD: Final = 1.0
FIRST_S: Final = 1_600_000_020
"""Epoch seconds of the first bar's beginning, on a minute."""
LEAST_GAP: Final = 1e-9
"""What the fast average must be above the slow one."""


def make_bars(instruments: int, bars: int, *, seed: int = 7) -> NDArray[np.float64]:
    """Open, high, low, close, volume of one-minute bars, as [instrument, bar, column]."""
    made = np.empty((instruments, bars, 5))
    for number in range(instruments):
        random = np.random.default_rng(seed * 1000 + number)
        close = np.round(_walk(random.normal(0, 0.05, bars)), 2)
        first = np.concatenate(([100.0], close[:-1]))
        high = np.round(np.maximum(first, close) + np.abs(random.normal(0, 0.02, bars)), 2)
        low = np.round(np.minimum(first, close) - np.abs(random.normal(0, 0.02, bars)), 2)
        made[number] = np.stack([first, high, low, close, random.integers(20_000, 90_000, bars)], 1)
    return made


def _walk(steps: NDArray[np.float64]) -> list[float]:
    """A price that is pulled back to 100."""
    price, path = 100.0, []
    for step in steps.tolist():
        price += step - 0.0005 * (price - 100.0)
        path.append(price)
    return path


def report(
    name: str, *, symbols: int, bars: int, run_s: float, orders: int, equity: float, **more: Any
) -> None:
    """One line of JSON for whoever started this process."""
    line = {
        "name": name,
        "bars_per_s": symbols * bars / run_s,
        "run_s": run_s,
        "orders": orders,
        "equity": round(equity, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(line | more), flush=True)
