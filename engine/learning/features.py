"""What the models see of one contract's market: signed numbers without a unit, at constant cost.

Up is positive throughout. Nothing here looks ahead: a snapshot is taken before the event that follows it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from engine.learning import plain
from engine.learning.book import STALE_S, Flaw, Order, Timeline, Top, flaw_of
from engine.learning.decay import FadingShare, FadingSum
from engine.learning.estimator import Plain

TAUS_S: Final = (0.5, 2.0, 10.0, 60.0)
LONG_S: Final = 600.0
RETURN_TAUS_S: Final = TAUS_S[1:]
MOST_TICKS: Final = 10.0
MOST_RATIO: Final = 10.0
DEPTHS: Final = (3, 5, 10)
WARM_S: Final = 10.0
"""Data needed after a fresh start before the first snapshot."""

QUEUE: Final = ("qi", "qi3", "queue_log", "micro", "spread")
_FLOW: Final = (
    "qi_vol",
    *(f"ofi_{tau:g}" for tau in TAUS_S),
    *(f"sign_{tau:g}" for tau in TAUS_S),
    *(f"ret_{tau:g}" for tau in RETURN_TAUS_S),
    "last_move",
    "vol",
    "vol_ratio",
    "activity",
    "clock_sin",
    "clock_cos",
)
_DEPTH: Final = tuple(f"depth_{levels}" for levels in DEPTHS)
LEVEL_1: Final = QUEUE + _FLOW
LEVEL_2: Final = LEVEL_1 + _DEPTH
FEATURE_SETS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {"queue": QUEUE, "l1": LEVEL_1, "l1+l2": LEVEL_2}
)
"""Nested sets, smallest first: an expert each."""


class LookAheadError(ValueError):
    """A snapshot was asked for a time at which later events are already known."""


class FeatureStream:
    """Market events of one contract in, snapshots out.

    Books that are crossed, one-sided or not finite make it blind until the next good one, and no flow is
    measured across them. A long silence, a clock that was set back and a new session begin it anew.
    """

    def __init__(self, tick_size: float) -> None:
        if not (math.isfinite(tick_size) and tick_size > 0):
            raise ValueError(f"a tick of {tick_size} is no price step")
        self._tick = tick_size
        self._time = Timeline()
        self._session = (math.nan, math.nan)
        self._starts = 0
        self._begin()

    @property
    def flaws(self) -> Mapping[Flaw, int]:
        """Events left out so far, by reason."""
        return self._time.flaws

    @property
    def top(self) -> Top | None:
        """The book in force; None while there is no good one."""
        return self._top

    @property
    def last_at(self) -> float:
        """Time of the last event taken; minus infinity before the first."""
        return self._time.last

    @property
    def opens_at(self) -> float:
        """When the session began; NaN while it is not known."""
        return self._session[0]

    @property
    def starts(self) -> int:
        """How often it began anew. What was decided before has no outcome that could be learnt."""
        return self._starts

    def _begin(self) -> None:
        self._starts += 1
        self._first_at = math.nan
        self._top: Top | None = None
        self._earlier: Top | None = None
        self._flow, self._signs = FadingShare(TAUS_S), FadingShare(TAUS_S)
        self._returns = [FadingSum(tau) for tau in RETURN_TAUS_S]
        self._squares, self._squares_long = FadingSum(TAUS_S[-1]), FadingSum(LONG_S)
        self._quotes, self._quotes_long = FadingSum(TAUS_S[2]), FadingSum(LONG_S)
        self._moved_at, self._moved = -math.inf, 0.0
        self._depths: list[float] | None = None
        self._depth_at = -math.inf

    def begin_session(self, opens_at: float, closes_at: float) -> None:
        """A new session: nothing of the last one is carried into it."""
        self._session = (opens_at, closes_at)
        self._begin()

    def on_top(self, top: Top) -> bool:
        """Take a quote; False where it was left out."""
        if not self._in_order(top.at):
            return False
        flaw = flaw_of(top)
        if flaw is not None:
            self._time.flaws[flaw] += 1
            # No flow can be measured from a book that was not seen.
            self._top = self._earlier = None
            return False
        before, self._earlier, self._top = self._top, self._top, top
        self._quotes.add(top.at, 1.0)
        self._quotes_long.add(top.at, 1.0)
        if before is not None:
            self._flow.add(top.at, order_flow(before, top))
            moved = (top.mid - before.mid) / self._tick
            if moved:
                self._move(top.at, max(-MOST_TICKS, min(MOST_TICKS, moved)))
        return True

    def on_print(self, at: float, price: float, size: float) -> bool:
        """Take a trade, signed by the quote that was in force before it; False where it was left out."""
        if not self._in_order(at):
            return False
        if not (math.isfinite(price) and math.isfinite(size) and size > 0):
            self._time.flaws[Flaw.NOT_FINITE] += 1
            return False
        # A quote of the same instant may already be the trade's own doing.
        book = self._top if self._top is not None and self._top.at < at else self._earlier
        if book is None:
            return False
        side = (price > book.mid) - (price < book.mid)
        if side:
            self._signs.add(at, side * size)
        return True

    def on_depth(self, at: float, bid_sizes: Sequence[float], ask_sizes: Sequence[float]) -> bool:
        """Take the visible book, sizes best first; False where it was left out and depth is unknown."""
        if not self._in_order(at):
            return False
        if not (bid_sizes and ask_sizes and math.isfinite(math.fsum((*bid_sizes, *ask_sizes)))):
            self._time.flaws[Flaw.NOT_FINITE if bid_sizes and ask_sizes else Flaw.ONE_SIDED] += 1
            self._depths = None
            return False
        sums = [(sum(bid_sizes[:levels]), sum(ask_sizes[:levels])) for levels in DEPTHS]
        self._depths = [(b - a) / (b + a) if b + a > 0 else 0.0 for b, a in sums]
        self._depth_at = at
        return True

    def on_depth_reset(self) -> None:
        """The broker threw its book away (317): depth is unknown until it is told anew."""
        self._depths = None

    def snapshot(self, at: float) -> dict[str, float] | None:
        """All features as they stand just before `at`; None while blind, locked, stale or not warm.

        LookAheadError where an event of `at` or later was already taken.
        """
        if at <= self._time.last:
            raise LookAheadError(f"a snapshot of {at} was asked for after an event of {self._time.last}")
        top = self._top
        if top is None or at - top.at > STALE_S or not at - self._first_at >= WARM_S:
            return None
        if top.bid == top.ask:
            return None  # in between two prices: nothing can be had at either
        qi, spread = top.imbalance, (top.ask - top.bid) / self._tick
        vol = math.sqrt(self._squares.value(at))
        values = {
            "qi": qi,
            "qi3": qi * qi * qi,
            "queue_log": math.log((top.bid_size + 1.0) / (top.ask_size + 1.0)),
            "micro": qi * spread / 2.0,
            "spread": spread,
            "qi_vol": qi * vol,
            "last_move": self._moved * math.exp((self._moved_at - at) / TAUS_S[2]),
            "vol": vol,
            "vol_ratio": self._vol_ratio(at),
            "activity": self._activity(at),
        }
        values.update(zip(_FLOW[1:5], self._flow.values(), strict=True))
        values.update(zip(_FLOW[5:9], self._signs.values(), strict=True))
        for name, part in zip(_FLOW[9:12], self._returns, strict=True):
            values[name] = max(-MOST_TICKS, min(MOST_TICKS, part.value(at)))
        values["clock_sin"], values["clock_cos"] = self._clock(at)
        values.update(zip(_DEPTH, self._depth(at), strict=True))
        return values

    def state(self) -> dict[str, Plain]:
        """All that it remembers, so that a restart within a session changes nothing."""
        return {
            "time": self._time.state(),
            "session": None if math.isnan(self._session[0]) else list(self._session),
            "first_at": None if math.isnan(self._first_at) else self._first_at,
            "top": None if self._top is None else list(self._top),
            "earlier": None if self._earlier is None else list(self._earlier),
            "flow": list(self._flow.state()),
            "signs": list(self._signs.state()),
            "sums": [number for part in self._sums() for number in part.state()],
            "moved": None if self._moved == 0.0 else [self._moved_at, self._moved],
            "depths": None if self._depths is None else [*self._depths, self._depth_at],
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken; after a long silence the next event begins anew."""
        shares, sums = 2 * len(TAUS_S) + 1, self._sums()
        flow, signs = (plain.floats(state, name, count=shares) for name in ("flow", "signs"))
        numbers = plain.floats(state, "sums", count=2 * len(sums))
        self._time.restore(plain.maybe(state, "time"))
        opens, closes = plain.maybe_floats(state, "session", count=2) or (math.nan, math.nan)
        self._session = (opens, closes)
        first_at = plain.maybe(state, "first_at")
        self._first_at = math.nan if first_at is None else first_at
        self._top, self._earlier = plain_top(state, "top"), plain_top(state, "earlier")
        self._flow.restore(flow)
        self._signs.restore(signs)
        for index, part in enumerate(sums):
            part.restore(numbers[2 * index : 2 * index + 2])
        self._moved_at, self._moved = plain.maybe_floats(state, "moved", count=2) or (-math.inf, 0.0)
        depths = plain.maybe_floats(state, "depths", count=len(DEPTHS) + 1)
        self._depths = None if depths is None else depths[:-1]
        self._depth_at = -math.inf if depths is None else depths[-1]

    def _sums(self) -> list[FadingSum]:
        return [*self._returns, self._squares, self._squares_long, self._quotes, self._quotes_long]

    def _in_order(self, at: float) -> bool:
        order = self._time.place(at)
        if order is Order.ANEW:
            self._begin()
        if order is not Order.LATE and math.isnan(self._first_at):
            self._first_at = at
        return order is not Order.LATE

    def _move(self, at: float, ticks: float) -> None:
        for part in self._returns:
            part.add(at, ticks)
        self._squares.add(at, ticks * ticks)
        self._squares_long.add(at, ticks * ticks)
        self._moved_at, self._moved = at, math.copysign(1.0, ticks)

    def _vol_ratio(self, at: float) -> float:
        long = self._squares_long.value(at) / LONG_S
        short = self._squares.value(at) / TAUS_S[-1]
        return min(MOST_RATIO, math.sqrt(short / long)) if long > 1e-12 else 0.0

    def _activity(self, at: float) -> float:
        long = self._quotes_long.value(at) / LONG_S
        return min(MOST_RATIO, self._quotes.value(at) / TAUS_S[2] / long) if long > 1e-12 else 0.0

    def _clock(self, at: float) -> tuple[float, float]:
        opens, closes = self._session
        if not closes > opens:
            return 0.0, 0.0
        angle = 2.0 * math.pi * (at - opens) / (closes - opens)
        return math.sin(angle), math.cos(angle)

    def _depth(self, at: float) -> Sequence[float]:
        if self._depths is None or at - self._depth_at > STALE_S:
            return (0.0,) * len(DEPTHS)
        return self._depths


def plain_top(state: Mapping[str, Plain], name: str) -> Top | None:
    """A book kept under `name`, or None."""
    numbers = plain.maybe_floats(state, name, count=5)
    return None if numbers is None else Top(*numbers)


def order_flow(before: Top, now: Top) -> float:
    """Signed size that came to, or left, the best prices between two quotes (Cont, Kukanov, Stoikov)."""
    flow = 0.0
    if now.bid >= before.bid:
        flow += now.bid_size
    if now.bid <= before.bid:
        flow -= before.bid_size
    if now.ask <= before.ask:
        flow -= now.ask_size
    if now.ask >= before.ask:
        flow += before.ask_size
    return flow
