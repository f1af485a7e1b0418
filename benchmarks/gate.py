"""CPU of one decision of the gate, taken and refused, in a typical world.

Run `python -m benchmarks.gate`. The world holds 10 positions and 20 orders; what they come to is summed up
once per change of the books, as in the engine, and shown as a figure of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.figures import Figure, quantile, show
from engine.domain.order import Role
from engine.risk.exposure import Holding, commitments
from engine.risk.gate import check_entry
from tests.builders import LIMITS, order, proposal, world

ROUNDS = 20_000
AIM_US = 10.0
HELD = tuple(Holding(f"H{n}", 10) for n in range(10))
ORDERS = (
    *(order(f"H{n}", Role.STOP) for n in range(10)),
    *(order(f"W{n}", quantity=10) for n in range(10)),
)
UNITS = {f"{letter}{n}": 100.0 for letter in "HW" for n in range(10)}


def _median_us(act: Callable[[], object], rounds: int) -> float:
    """CPU microseconds of one call: the median of batches of a hundred."""
    batches = []
    for _ in range(rounds // 100):
        began = time.process_time_ns()
        for _ in range(100):
            act()
        batches.append((time.process_time_ns() - began) / 100_000)
    return quantile(batches, 0.5)


def figures(*, quick: bool = False) -> list[Figure]:
    """One decision that passes, one that is refused late, and the sum behind both."""
    rounds = ROUNDS // 10 if quick else ROUNDS
    roomy = replace(LIMITS, max_positions=50)
    here = world(commitments=commitments(HELD, ORDERS), unit_usd=UNITS)
    wish = proposal()
    full = replace(roomy, max_gross_exposure_usd=100.0)
    note = f"{len(HELD)} positions, {len(ORDERS)} orders"
    taken = _median_us(lambda: check_entry(wish, here, roomy), rounds)
    refused = _median_us(lambda: check_entry(wish, here, full), rounds)
    summed = _median_us(lambda: commitments(HELD, ORDERS), rounds)
    return [
        Figure("gate: one decision that passes, CPU", taken, "us", AIM_US, note),
        Figure("gate: one refused by the last cap, CPU", refused, "us", AIM_US, note),
        Figure("gate: summing up the books, per change, CPU", summed, "us", None, note),
    ]


def main() -> None:
    """Print the table."""
    show(figures())


if __name__ == "__main__":
    main()
