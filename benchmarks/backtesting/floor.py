"""What plain Python needs for the job with the stages of a real engine: no gate, no ledger, nothing shared.

Per bar: an event into a log in memory, the strategy, the equity. Per signal: six checks, an order that moves
from submitted over accepted to filled, an event for each. The garbage collector is left alone.

Usage: python -m benchmarks.backtesting.floor INSTRUMENTS BARS [REPEATS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.backtesting import work


@dataclass(slots=True)
class PlainBar:
    """One bar."""

    at: int
    number: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(slots=True)
class PlainOrder:
    """One order; `status` 0 submitted, 1 accepted, 2 filled."""

    order_id: int
    number: int
    quantity: int
    at: int
    status: int = 0
    price: float = 0.0
    fee: float = 0.0


@dataclass(slots=True)
class Signal:
    """What the strategy wants to hold."""

    at: int
    number: int
    target: int
    fast: float
    slow: float


class Average:
    """A mean kept up bar by bar."""

    __slots__ = ("count", "length", "place", "ring", "total", "value")

    def __init__(self, length: int) -> None:
        self.length, self.ring, self.place = length, [0.0] * length, 0
        self.total, self.value, self.count = 0.0, 0.0, 0

    def update(self, price: float) -> float:
        """The next close."""
        place, ring = self.place, self.ring
        self.total += price - ring[place]
        ring[place] = price
        self.place = place + 1 if place + 1 < self.length else 0
        if self.count < self.length:
            self.count += 1
        self.value = value = self.total / self.length
        return value


class Rule:
    """The job's strategy at one instrument."""

    __slots__ = ("bars", "fast", "number", "pipeline", "slow")

    def __init__(self, pipeline: Pipeline, number: int) -> None:
        self.pipeline, self.number, self.bars = pipeline, number, 0
        self.fast, self.slow = Average(work.FAST), Average(work.SLOW)

    def on_bar(self, bar: PlainBar) -> None:
        """Both averages, then the decision."""
        fast, slow = self.fast.update(bar.close), self.slow.update(bar.close)
        self.bars += 1
        if self.bars < work.SLOW:
            return
        self.decide(bar, fast, slow)

    def decide(self, bar: PlainBar, fast: float, slow: float) -> None:
        """Say what should be held where that is not what is."""
        pipeline, target = self.pipeline, work.SIZE if fast - slow > work.LEAST_GAP else 0
        if target != pipeline.held[self.number]:
            pipeline.on_signal(Signal(bar.at, self.number, target, fast, slow))


class Pipeline:
    """Bars to signals to checks to orders to fills."""

    def __init__(self, instruments: int) -> None:
        self.cash, self.value, self.peak = float(work.CASH_USD), 0.0, float(work.CASH_USD)
        self.held, self.last = [0] * instruments, [0.0] * instruments
        self.pending: list[list[PlainOrder]] = [[] for _ in range(instruments)]
        self.orders: list[PlainOrder] = []
        self.equity: list[float] = []
        self.log: list[tuple[int, str, int, object]] = []
        self.listeners: list[Callable[[str, int, object], None]] = [self._keep]
        self.halted = False
        self.rules = [Rule(self, number) for number in range(instruments)]
        self.checks: list[Callable[[Signal, int, float], bool]] = [
            lambda s, q, e: not self.halted,
            lambda s, q, e: abs(self.held[s.number] + q) <= 1000,
            lambda s, q, e: abs(q) * self.last[s.number] <= 1e6,
            lambda s, q, e: self.cash > 0,
            lambda s, q, e: (self.peak - e) / self.peak < 0.5,
            lambda s, q, e: len(self.pending[s.number]) < 3,
        ]

    def _keep(self, kind: str, at: int, what: object) -> None:
        self.log.append((len(self.log), kind, at, what))

    def tell(self, kind: str, at: int, what: object) -> None:
        """An event for everyone who listens."""
        for listener in self.listeners:
            listener(kind, at, what)

    def on_signal(self, signal: Signal) -> None:
        """Judge it, and make an order of it."""
        self.tell("signal", signal.at, signal)
        quantity, equity = signal.target - self.held[signal.number], self.cash + self.value
        self.peak = max(self.peak, equity)
        for check in self.checks:
            if not check(signal, quantity, equity):
                self.tell("reject", signal.at, signal)
                return
        order = PlainOrder(len(self.orders), signal.number, quantity, signal.at)
        self.orders.append(order)
        self.pending[signal.number].append(order)
        self.tell("submitted", signal.at, order)
        order.status = 1
        self.tell("accepted", signal.at, order)

    def fill(self, order: PlainOrder, price: float) -> None:
        """All of it at once."""
        fee = abs(order.quantity) * price * work.FEE_BPS / 1e4 + work.FEE_FIXED_USD
        self.cash -= order.quantity * price + fee
        self.held[order.number] += order.quantity
        self.value += order.quantity * price
        order.status, order.price, order.fee = 2, price, fee
        self.tell("fill", order.at, order)

    def run(self, bars: list[PlainBar]) -> None:
        """Every bar, oldest first."""
        held, last, pending, rules, curve = self.held, self.last, self.pending, self.rules, self.equity
        for bar in bars:
            number = bar.number
            waiting = pending[number]
            self.value += held[number] * (bar.open - last[number])
            last[number] = bar.open
            if waiting:
                for order in waiting:
                    self.fill(order, bar.open)
                waiting.clear()
            self.value += held[number] * (bar.close - last[number])
            last[number] = bar.close
            self.tell("bar", bar.at, bar)
            rules[number].on_bar(bar)
            curve.append(self.cash + self.value)


def main() -> None:
    """Print a line per repeat."""
    instruments, count = int(sys.argv[1]), int(sys.argv[2])
    rows = [one.tolist() for one in work.make_bars(instruments, count)]
    bars = [
        PlainBar(work.FIRST_S + 60 * i, number, *rows[number][i])
        for i in range(count)
        for number in range(instruments)
    ]
    del rows
    for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 1):
        began = time.process_time()
        pipeline = Pipeline(instruments)
        pipeline.run(bars)
        work.report(
            "floor",
            symbols=instruments,
            bars=count,
            run_s=time.process_time() - began,
            orders=sum(order.status == 2 for order in pipeline.orders),
            equity=pipeline.equity[-1],
        )


if __name__ == "__main__":
    main()
