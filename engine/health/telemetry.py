"""What is measured while trading: times per minute, counters of the run, whether the times are kept. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from engine.health.histogram import Histogram

WINDOW_MINUTES: Final = 5
"""Minutes over which times are judged and shown, the running one counted."""

LEAST_SAMPLES: Final = 20
"""Fewer than these say nothing about a percentile."""


class Timing(StrEnum):
    """What is timed."""

    CYCLE = "decision cycle"
    """A bar's arrival until every strategy has decided on it."""
    TICK_TO_ORDER = "tick to order"
    """A bar's arrival to the order's bytes at the kernel."""
    ORDER_TO_ACK = "order to ack"
    """Bytes at the kernel to the broker's first word on the order."""
    BROKER = "broker request"
    """A question's bytes to the end of its answer, heartbeats among them; history not counted."""
    STORE = "store write"
    """A durable write, there and back."""
    BAR_TO_SUBMIT = "bar close to submit"
    """The close of the bar by the exchange's clock to the order's bytes, in real time."""


class Limit(NamedTuple):
    """A time to keep."""

    timing: Timing
    pct: float
    limit_ms: float


@dataclass(slots=True)
class Counters:
    """Of this run."""

    bars: int = 0
    proposed: int = 0
    approved: int = 0
    submitted: int = 0
    cycles: int = 0
    degraded: int = 0
    """Decision cycles that ran while health blocked entries."""

    def minus(self, before: Counters) -> Counters:
        """What came since `before`."""
        return Counters(
            self.bars - before.bars,
            self.proposed - before.proposed,
            self.approved - before.approved,
            self.submitted - before.submitted,
            self.cycles - before.cycles,
            self.degraded - before.degraded,
        )

    def copy(self) -> Counters:
        """As they are now."""
        return self.minus(Counters())


class Figures(NamedTuple):
    """One timing over a span, ms."""

    samples: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float


class Minute(NamedTuple):
    """One finished minute."""

    figures: dict[Timing, Figures]
    counters: Counters
    """What came in it."""


class Violation(NamedTuple):
    """A time that was not kept."""

    name: str
    text: str


def _empty() -> dict[Timing, Histogram]:
    return {timing: Histogram() for timing in Timing}


@dataclass(slots=True)
class Telemetry:
    """Written where things happen, one `add` or one `+= 1` each; read once a second."""

    counters: Counters = field(default_factory=Counters)
    now: dict[Timing, Histogram] = field(default_factory=_empty)
    """The running minute."""
    _past: deque[dict[Timing, Histogram]] = field(default_factory=lambda: deque(maxlen=WINDOW_MINUTES - 1))
    _before: Counters = field(default_factory=Counters)
    """The counters when the minute began."""

    def add(self, timing: Timing, ms: float) -> None:
        """One measured time."""
        self.now[timing].add(ms)

    def turn(self) -> Minute:
        """End the running minute and begin the next."""
        ended, self.now = self.now, _empty()
        self._past.append(ended)
        came, self._before = self.counters.minus(self._before), self.counters.copy()
        return Minute({timing: figures(ended[timing]) for timing in Timing}, came)

    def window(self, timing: Timing) -> Histogram:
        """The last minutes, the running one counted."""
        return Histogram.merged((*(minute[timing] for minute in self._past), self.now[timing]))

    def degraded_pct(self) -> float | None:
        """Share of decision cycles that ran while health was not well; None before the first."""
        counters = self.counters
        return 100.0 * counters.degraded / counters.cycles if counters.cycles else None

    def summary(self) -> str:
        """The counters in one line for people."""
        c = self.counters
        return (
            f"{c.bars} bars processed, {c.proposed} orders proposed, {c.approved} approved, "
            f"{c.submitted} submitted; {c.degraded} of {c.cycles} cycles degraded"
        )


def figures(times: Histogram) -> Figures:
    """Percentiles of one span."""
    return Figures(
        times.count,
        times.percentile(50.0),
        times.percentile(95.0),
        times.percentile(99.0),
        times.max_ms,
    )


def violations(telemetry: Telemetry, limits: tuple[Limit, ...], *, degraded_pct: float) -> list[Violation]:
    """Every time that is not kept, the share of degraded cycles last."""
    found = []
    for timing, pct, limit_ms in limits:
        times = telemetry.window(timing)
        value_ms = times.percentile(pct)
        if times.count >= LEAST_SAMPLES and value_ms is not None and value_ms > limit_ms:
            text = f"{timing.value} p{pct:g} is {shown_ms(value_ms)}, limit {shown_ms(limit_ms)}"
            found.append(Violation(timing.value, text))
    share = telemetry.degraded_pct()
    if share is not None and telemetry.counters.cycles >= LEAST_SAMPLES and share > degraded_pct:
        text = f"{share:.2f} % of decision cycles ran degraded, limit {degraded_pct:g} %"
        found.append(Violation("degraded cycles", text))
    return found


def shown_ms(ms: float) -> str:
    """`0.42 ms`, `12.3 ms`, `1.20 s`."""
    if ms >= 1000.0:
        return f"{ms / 1000.0:.2f} s"
    return f"{ms:.1f} ms" if ms >= 1.0 else f"{ms:.2f} ms"
