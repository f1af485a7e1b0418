"""CPU of one decision of the learned trader, and of one label that it learns, beside a plain loop of Python.

Run `python -m benchmarks.learning`. The strategy hears the quotes of a market with an edge, with every
feature it has. Timed are the quotes that bring a decision (features, forecasts, gate and, where it asks for
one, the entry) and, apart from them, learning what was due: it never stands between a decision and its order.
Nothing is picked out; the first stretch, while it imports and has nothing to learn, is left out.
"""

from __future__ import annotations

import time
from itertools import pairwise

from benchmarks.figures import Figure, quantile, show
from engine.domain.market import Quote
from tests.strategy.learned_market import KEY, made, quotes

SECONDS, WARM_S = 1500.0, 100.0
AIM_US = 1000.0


def _control_us() -> float:
    """What a hundred steps of any Python cost on this machine at this moment."""
    began, total = time.thread_time_ns(), 0
    for step in range(100):
        total += step * step % 7
    return (time.thread_time_ns() - began) / 1000


def _measured(tape: list[Quote]) -> dict[str, list[float]]:
    """CPU microseconds of every decision, label and control."""
    contract = made().contracts[KEY]
    judge = contract.trader.judge
    taken: dict[str, list[float]] = {"decision": [], "label": [], "control": []}
    first = tape[0].at
    for quote, following in pairwise(tape):
        began = time.thread_time_ns()
        decided = contract.hear(quote)
        heard = time.thread_time_ns()
        labels = judge.labels
        contract.learn()
        learnt = time.thread_time_ns()
        if following.at - first < WARM_S:
            continue
        if decided is not None:
            taken["decision"].append((heard - began) / 1000)
            taken["control"].append(_control_us())
        if judge.labels > labels:
            taken["label"].append((learnt - heard) / 1000 / (judge.labels - labels))
    return taken


def figures(*, quick: bool = False) -> list[Figure]:
    """Half of them take less than p50, all but a hundredth less than p99."""
    taken = _measured(list(quotes(3, SECONDS / 4 if quick else SECONDS, leaning=0.5)))
    control = quantile(taken.pop("control"), 0.5)
    found = []
    for name, times in taken.items():
        for q, aim in ((0.5, None), (0.99, AIM_US)):
            us = quantile(times, q)
            note = f"{us / control:.1f}x the control; {len(times)} of them"
            found.append(Figure(f"learned trader: one {name}, p{100 * q:.0f}, CPU", us, "us", aim, note))
    return [*found, Figure("  control: 100 steps of a plain loop, CPU, p50", control, "us", None)]


def main() -> None:
    """Print the table."""
    show(figures())


if __name__ == "__main__":
    main()
