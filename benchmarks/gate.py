"""CPU of one decision of the gate, taken and refused, in a typical world, beside a plain loop of Python.

Run `python -m benchmarks.gate`. The world holds 10 positions and 20 orders; what they come to is summed up
once per change of the books and reckoned in USD once per world, as in the engine, and both are figures of
their own. Nothing is picked out: decision, refusal and control take turns of 500 calls, with the garbage
collected as it comes, and each figure is the median of all its turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.figures import Figure, quantile, show
from engine.domain.order import Role
from engine.risk.exposure import Holding, commitments, exposure
from engine.risk.gate import check_entry
from tests.builders import LIMITS, order, proposal, world

TURNS = 100
CALLS = 500
AIM_US = 10.0
HELD = tuple(Holding(f"H{n}", 10) for n in range(10))
ORDERS = (
    *(order(f"H{n}", Role.STOP) for n in range(10)),
    *(order(f"W{n}", quantity=10) for n in range(10)),
)
UNITS = {f"{letter}{n}": 100.0 for letter in "HW" for n in range(10)}
CONTROL = "control: 100 steps of a plain loop, CPU"


def _plain_loop() -> int:
    """Nothing of ours: what a hundred steps of any Python cost on this machine at this moment."""
    total = 0
    for step in range(100):
        total += step * step % 7
    return total


def _turn_us(act: Callable[[], object]) -> float:
    """CPU microseconds of one call, over one turn."""
    began = time.process_time_ns()
    for _ in range(CALLS):
        act()
    return (time.process_time_ns() - began) / CALLS / 1000


def _medians_us(acts: dict[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """CPU microseconds of one call of each, in turn: a slow stretch of the machine hits all of them."""
    taken: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(turns):
        for name, act in acts.items():
            taken[name].append(_turn_us(act))
    return {name: quantile(times, 0.5) for name, times in taken.items()}


def figures(*, quick: bool = False) -> list[Figure]:
    """One decision that passes, one that is refused late, the control, and what is made once for many."""
    turns = TURNS // 10 if quick else TURNS
    roomy = replace(LIMITS, max_positions=50)
    full = replace(roomy, max_gross_exposure_usd=100.0)
    out = commitments(HELD, ORDERS)
    here, wish = world(out=out, unit_usd=UNITS), proposal()
    aimed = {"one decision that passes": AIM_US, "one refused by the last cap": AIM_US}
    medians = _medians_us(
        {
            "one decision that passes": lambda: check_entry(wish, here, roomy),
            "one refused by the last cap": lambda: check_entry(wish, here, full),
            CONTROL: _plain_loop,
            "summing up the books, per change": lambda: commitments(HELD, ORDERS),
            "reckoning that in USD, per world": lambda: exposure(out, UNITS.__getitem__),
        },
        turns,
    )
    control = medians.pop(CONTROL)
    note = f"{len(HELD)} positions, {len(ORDERS)} orders"
    made = [
        Figure(f"gate: {name}, CPU", us, "us", aimed.get(name), f"{us / control:.2f}x the control; {note}")
        for name, us in medians.items()
    ]
    return [*made, Figure(f"  {CONTROL}", control, "us", None, f"each figure: the median of {turns} turns")]


def main() -> None:
    """Print the table."""
    show(figures())


if __name__ == "__main__":
    main()
