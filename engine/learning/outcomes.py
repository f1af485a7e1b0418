"""What became of each decision: told when it is known, not earlier, and dropped where it never is."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.learning import plain
from engine.learning.book import STALE_S, Top
from engine.learning.estimator import Plain
from engine.learning.head import answer_of, numbers_of
from engine.learning.judge import Said
from engine.learning.shadow import ShadowTerms, ShadowTrade
from engine.learning.succession import Forecast

_Watched = tuple[int, ShadowTrade]


class Decision(NamedTuple):
    """What must be kept of a decision until its outcome is known."""

    number: int
    at: float
    features: Mapping[str, float]
    said: Said
    is_up: bool
    mid: float
    traded: bool = False
    """A real order was sent on it, live or exploring."""


class Move(NamedTuple):
    """The learning label of a decision: how far the mid had moved at the horizon."""

    decision: Decision
    ticks: float
    """NaN where no honest price was there when it was due."""


class Payoff(NamedTuple):
    """The payoff label of a decision: the net of its shadow trade."""

    number: int
    net_ticks: float
    """NaN where it could not be entered or left at an honest price."""


class Outcomes:
    """Two queues of one contract: labels that are not due, and shadow trades under way.

    Its clock is the market's: what is due at t is settled by the book in force at t, when the first event
    after t arrives, or when `advance` is told that t has passed.
    """

    def __init__(self, terms: ShadowTerms) -> None:
        self.terms = terms
        self.dropped = 0
        """Decisions whose outcome will never be known."""
        self._labels: deque[Decision] = deque()
        self._trades: list[_Watched] = []
        self._book: Top | None = None
        self._check_at = math.inf
        self._bounds = (-math.inf, math.inf, -math.inf, math.inf)

    def __len__(self) -> int:
        return len(self._labels)

    def waiting(self) -> Sequence[Decision]:
        """Decisions whose label is not due yet, oldest first."""
        return tuple(self._labels)

    def entry_of(self, number: int) -> float:
        """At what the shadow trade of a decision went in; NaN where it is not in, or over."""
        return next((trade.entry for one, trade in self._trades if one == number), math.nan)

    @property
    def latest(self) -> Decision | None:
        """The last decision whose label is not due yet."""
        return self._labels[-1] if self._labels else None

    def add(self, decision: Decision) -> None:
        """A decision was taken; its outcome is owed."""
        self._labels.append(decision)
        trade = ShadowTrade(self.terms, is_up=decision.is_up, decided_at=decision.at)
        self._trades.append((decision.number, trade))
        self._check_at = min(self._check_at, trade.starts_at)

    def advance(self, at: float) -> tuple[Sequence[Move], Sequence[Payoff]]:
        """Settle everything that was due until `at`, `at` itself included, by the book in force then."""
        moves = []
        while self._labels and self._labels[0].at + self.terms.horizon_s <= at:
            past = self._labels.popleft()
            moves.append(Move(past, self._moved(past)))
        return moves, self._advance_trades(at) if at >= self._check_at else ()

    def _moved(self, past: Decision) -> float:
        book = self._honest(past.at + self.terms.horizon_s)
        if book is None:
            self.dropped += 1
            return math.nan
        return round((book.mid - past.mid) / self.terms.tick_size, 6)

    def _honest(self, due: float) -> Top | None:
        """The book in force at `due`, unless there was none or it was stale by then."""
        return self._book if self._book is not None and due - self._book.at <= STALE_S else None

    def on_top(self, new: Top) -> Sequence[Payoff]:
        """A new good book is in force: stops and targets that it reached. Call `advance` before."""
        self._book = new
        above, below, over, under = self._bounds
        if above < new.bid < below and over < new.ask < under:
            return ()
        done = [(number, trade, trade.touch(new)) for number, trade in self._trades]
        self._trades = [(number, trade) for number, trade, net in done if net is None]
        self._rebound()
        return [Payoff(number, net) for number, _, net in done if net is not None]

    def on_blind(self) -> None:
        """The book is unusable from now on: what falls due meanwhile has no honest price."""
        self._book = None

    def drop(self) -> Sequence[int]:
        """Nothing under way will be known (session end, gap, lost data); returns the decisions dropped."""
        numbers = sorted({one.number for one in self._labels} | {number for number, _ in self._trades})
        self.dropped += len(numbers)
        self._labels.clear()
        self._trades.clear()
        self._book = None
        self._rebound()
        return numbers

    def _advance_trades(self, at: float) -> Sequence[Payoff]:
        done = [(number, trade, self._outcome(trade, at)) for number, trade in self._trades]
        self._trades = [(number, trade) for number, trade, net in done if net is None]
        self._rebound()
        return [Payoff(number, net) for number, _, net in done if net is not None]

    def _outcome(self, trade: ShadowTrade, at: float) -> float | None:
        """Its net where it is over by `at`, NaN where it met no honest price, None while it goes on."""
        if not trade.is_in:
            if at < trade.starts_at:
                return None
            book = self._honest(trade.starts_at)
            if book is None:
                return math.nan
            trade.enter(book)
        if at < trade.leaves_at:
            return None
        book = self._honest(trade.leaves_at)
        return math.nan if book is None else trade.leave(book)

    def _rebound(self) -> None:
        """The prices and the time at which some trade must be looked at: most books reach none."""
        self._check_at = min((trade.due for _, trade in self._trades), default=math.inf)
        long = [t for _, t in self._trades if t.side > 0 and t.is_in]
        short = [t for _, t in self._trades if t.side < 0 and t.is_in]
        self._bounds = (
            max((t.stop for t in long), default=-math.inf),
            min((t.target for t in long), default=math.inf),
            max((t.target for t in short), default=-math.inf),
            min((t.stop for t in short), default=math.inf),
        )

    def state(self) -> dict[str, Plain]:
        """Everything that is owed. After a restart it is settled from data, or dropped, never guessed."""
        labels: list[Plain] = [
            {
                "number": one.number,
                "at": one.at,
                "features": dict(one.features),
                "direction": one.said.direction.state(),
                "movement": numbers_of(one.said.movement),
                "is_up": one.is_up,
                "mid": one.mid,
                "traded": one.traded,
            }
            for one in self._labels
        ]
        trades: list[Plain] = [{"number": number, **trade.state()} for number, trade in self._trades]
        book: Plain = None if self._book is None else list(self._book)
        return {"labels": labels, "trades": trades, "book": book, "dropped": self.dropped}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        labels = [_decision(part) for part in plain.tables(state, "labels")]
        trades = [
            (plain.whole(part, "number"), ShadowTrade.restored(self.terms, part))
            for part in plain.tables(state, "trades")
        ]
        book = None if state.get("book") is None else Top(*plain.floats(state, "book", count=5))
        self.dropped = plain.whole(state, "dropped")
        self._labels, self._trades, self._book = deque(labels), trades, book
        self._rebound()


def _decision(part: Mapping[str, Plain]) -> Decision:
    features = plain.table(part, "features")
    return Decision(
        number=plain.whole(part, "number"),
        at=plain.number(part, "at"),
        features={name: plain.number(features, name) for name in features},
        said=Said(
            Forecast.restored(plain.table(part, "direction")),
            answer_of(plain.floats(part, "movement")),
        ),
        is_up=part.get("is_up") is True,
        mid=plain.number(part, "mid"),
        traded=part.get("traded") is True,
    )
