"""The evidence gate: no live trade before outcomes have proven an edge, at any market's dependence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from engine.learning import plain
from engine.learning.estimator import Plain
from engine.learning.ranks import RecentRanks
from engine.learning.record import TradeRecord
from engine.learning.wealth import Bets

FIRST_LEVELS: Final = 4
"""A trader of level k needs 2^(k+4) claims before its quantile means anything."""


class Evidence(NamedTuple):
    """How far one level is, for people: "x of y needed"."""

    level: int
    threshold: float
    """Net claim from which it takes part, in units of R."""
    evidence: float
    needed: float
    """Infinite where the drawdown leaves no chance."""
    trades: int
    """Shadow trades booked since the last reset."""
    mean_r: float
    """Their mean net outcome in multiples of the worst case; NaN while there is none."""
    is_open: bool

    @property
    def progress(self) -> float:
        """Share of the way, on the scale on which evidence grows: 0 at none, 1 where it is enough."""
        if self.is_open:
            return 1.0
        if not math.isfinite(self.needed) or self.evidence <= 1.0:
            return 0.0
        return min(1.0, math.log(self.evidence) / math.log(self.needed))


class _Shadow:
    """One shadow trader: single position, enters when flat on every claim above its quantile."""

    def __init__(self) -> None:
        self.bets = Bets()
        self.peak = 1.0
        self.losing = Bets(restarts=True)
        self.was_open = False
        self.holds: int | None = None
        self.is_void = False
        self.record = TradeRecord()

    def restart(self) -> None:
        """What was proven counts no longer; a trade under way is booked nowhere."""
        self.bets.restart()
        self.losing.restart()
        self.peak, self.was_open, self.record = 1.0, False, TradeRecord()
        self.is_void = self.holds is not None

    def state(self) -> dict[str, Plain]:
        return {
            "bets": self.bets.state(),
            "losing": self.losing.state(),
            "peak": self.peak,
            "was_open": self.was_open,
            "holds": self.holds,
            "is_void": self.is_void,
            "record": self.record.state(),
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        self.bets.restore(state, "bets")
        self.losing.restore(state, "losing")
        self.peak = plain.number(state, "peak")
        self.record.restore(plain.table(state, "record"))
        self.was_open, self.is_void = state.get("was_open") is True, state.get("is_void") is True
        self.holds = None if state.get("holds") is None else plain.whole(state, "holds")


class EvidenceGate:
    """Tests, for k = 0, 1, 2, …, whether trading the best 2^-k of the claims earns money after costs.

    Each level bets on the outcomes of its own shadow trades, which never overlap. Level k is open when
    its wealth has reached (k+1)(k+2)·r(r+1)/alpha, r being its lives so far: the weights of all levels
    and lives sum to 1, so that alpha is the chance of ever opening without an edge. A drawdown shrinks
    alpha, and what was proven may then no longer be enough. A mirrored detector closes all levels at
    once when the edge is gone; what is proven after that is proven anew.
    """

    def __init__(self, *, alpha: float) -> None:
        if not 0.0 < alpha < 1.0:
            raise ValueError(f"alpha {alpha} is no chance between 0 and 1")
        self.alpha = alpha
        self.lives = 1
        self.drawdown = 0.0
        """Share of the largest drawdown that is used up, 0 to 1."""
        self._claims = RecentRanks()
        self._shadows: list[_Shadow] = []

    @property
    def threshold(self) -> float:
        """Net claim from which live trades are allowed; infinite while nothing is proven."""
        for level in range(len(self._shadows)):
            if self.is_open(level):
                return self.threshold_of(level)
        return math.inf

    @property
    def target(self) -> int:
        """The level whose threshold counts: the first open one, else the one nearest to opening."""
        found = [self.report_of(level) for level in range(len(self._shadows))]
        if not found:
            return 0
        for one in found:
            if one.is_open:
                return one.level
        return max(found, key=lambda one: (one.progress, -one.level)).level

    def threshold_of(self, level: int) -> float:
        """Net claim from which this level takes part; 0 before there are claims."""
        return max(0.0, self._claims.quantile(1.0 - 0.5**level)) if len(self._claims) else 0.0

    def needed(self, level: int) -> float:
        """Wealth at which this level opens, at the drawdown of now."""
        alpha = self.alpha * (1.0 - min(1.0, self.drawdown))
        spent = (level + 1) * (level + 2) * self.lives * (self.lives + 1)
        return spent / alpha if alpha > 0.0 else math.inf

    def is_open(self, level: int) -> bool:
        """Its wealth has been enough in this life, judged by what is needed now.

        The highest wealth counts, not the last: the bound holds for ever reaching it. Closing is the
        detector's business.
        """
        return level < len(self._shadows) and self._shadows[level].peak >= self.needed(level)

    def consider(self, claim: float, decision: int) -> None:
        """Take one decision's own net claim; shadow traders that are flat enter where it is high enough.

        The quantiles are those of the claims before it. A claim that is not finite enters nowhere.
        """
        if not math.isfinite(claim):
            return
        for level, shadow in enumerate(self._shadows):
            if shadow.holds is None and claim > self.threshold_of(level):
                shadow.holds, shadow.is_void = decision, False
        self._claims.add(claim)
        allowed = int(math.log2(len(self._claims))) - FIRST_LEVELS
        while len(self._shadows) < allowed:
            self._shadows.append(_Shadow())

    def holds(self, decision: int) -> bool:
        """Some shadow trader waits for this decision's outcome."""
        return any(shadow.holds == decision for shadow in self._shadows)

    def book(self, decision: int, *, r: float, worst_r: float) -> bool:
        """Book a decision's shadow trade for those that hold it. True = the gate closed because of it.

        `r` is its net outcome and `worst_r` > 0 the largest loss known before the bet, in the same unit.
        An outcome that is not finite is not known: it is booked nowhere, and the traders are flat again.
        """
        closes = False
        for level, shadow in enumerate(self._shadows):
            if shadow.holds != decision:
                continue
            shadow.holds = None
            if shadow.is_void or not (math.isfinite(r) and worst_r > 0.0):
                continue
            shadow.record.add(r / worst_r)
            if self.is_open(level):
                shadow.was_open = True
            if shadow.was_open:
                closes = shadow.losing.bet(-r / worst_r) >= 1.0 / self.alpha or closes
            shadow.peak = max(shadow.peak, shadow.bets.bet(r / worst_r))
        if closes:
            self.revoke()
        return closes

    def revoke(self) -> None:
        """All that was proven counts no longer; the next life needs more. For alarms of drift, too."""
        self.lives += 1
        for shadow in self._shadows:
            shadow.restart()

    def forget_open_trades(self) -> None:
        """Shadow trades under way have no known outcome any more (the session ended, data was lost)."""
        for shadow in self._shadows:
            shadow.holds = None

    def record_of(self, level: int) -> TradeRecord:
        """Net outcomes of a level's shadow trades since the last reset, in multiples of the worst case."""
        return self._shadows[level].record if level < len(self._shadows) else TradeRecord()

    def report_of(self, level: int) -> Evidence:
        """One level's state."""
        shadow = self._shadows[level]
        return Evidence(
            level=level,
            threshold=self.threshold_of(level),
            evidence=shadow.bets.wealth,
            needed=self.needed(level),
            trades=shadow.record.n,
            mean_r=shadow.record.mean if shadow.record.n else math.nan,
            is_open=self.is_open(level),
        )

    def report(self) -> Sequence[Evidence]:
        """Every level's state; empty while there are too few claims for the first."""
        return [self.report_of(level) for level in range(len(self._shadows))]

    def state(self) -> dict[str, Plain]:
        """Everything: without it a restart would be a second chance at alpha."""
        return {
            "kind": "evidence",
            "alpha": self.alpha,
            "lives": self.lives,
            "drawdown": self.drawdown,
            "claims": self._claims.state(),
            "shadows": [shadow.state() for shadow in self._shadows],
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken. Another appetite judges the same evidence anew."""
        shadows: list[_Shadow] = []
        for part in plain.tables(state, "shadows"):
            shadows.append(_Shadow())
            shadows[-1].restore(part)
        self._claims.restore(state, "claims")
        self.lives, self.drawdown = plain.whole(state, "lives"), plain.number(state, "drawdown")
        self._shadows = shadows
