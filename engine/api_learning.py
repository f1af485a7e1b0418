"""What a strategy that learns knows of each contract, as a front end shows it; None where nothing is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ConfidenceView:
    """One model's view of one symbol. None where nothing is known."""

    symbol: str
    direction: int
    probability: float | None
    needed: float | None
    """Probability from which it trades; None while nothing is proven."""
    samples: int
    """Outcomes it has learnt from."""
    text: str
    """Why it does not trade now, in words."""
    evidence: float | None = None
    """Wealth of the bets on its shadow trades, of `evidence_needed`."""
    evidence_needed: float | None = None
    shadow_trades: int = 0
    live_trades: int = 0
    explored: int = 0
    """Trades made only to learn, never counted as evidence."""
    mean_r: float | None = None
    """Mean net of the shadow trades, in multiples of the most that one can lose; its 95 % interval."""
    mean_low: float | None = None
    mean_high: float | None = None
    drift: str = ""


class ModelState(StrEnum):
    """Where the trader of one contract stands."""

    WAITING = "waiting"
    """What its price moves is not known yet."""
    FEW = "not enough data"
    """Fewer outcomes than the least that a trade needs."""
    SHUT = "shut"
    """Nothing is proven."""
    REVOKED = "revoked"
    """What was proven counts no longer, after an alarm of drift or losing trades."""
    OPEN = "open"
    """An edge is proven; a decision that is sure enough trades."""
    HELD = "held"
    EXPLORING = "exploring"
    """It holds a position that is there to learn, not evidence."""
    OFF = "off"
    """The strategy was switched off, by a person or by its own errors."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bar of the reliability diagram: what was claimed, and what share of it came true."""

    claimed: float
    came_true: float
    n: int


@dataclass(frozen=True, slots=True)
class ConfidenceCell:
    """How often forecasts came true in one cell, leaning on what lies above it; `n` do not overlap."""

    regime: str
    """`calm` or `lively`; empty for the whole contract."""
    half_hour: int | None
    """Half-hours since the session opened; None for all of them."""
    n: int
    share: float
    low: float
    high: float
    """95 % interval."""


@dataclass(frozen=True, slots=True)
class RivalView:
    """A model in the champion's shadow and its contest for the champion's place."""

    name: str
    labels: int
    """Outcomes since this contest began."""
    loss: float | None
    """Mean log-loss of its forecasts, in nats; and of the champion's on the same outcomes."""
    champion_loss: float | None
    ratio: float | None
    """Likelihood of what came, by the rival, over that by the champion; it wins at `needed`."""
    needed: float | None
    contests: int
    """Trials so far, this one included; each asks for more than the one before."""


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """One turn in a model's life: an alarm of drift, a gate that closed, a challenger that won or lost."""

    at: datetime
    what: str
    """`drift`, `gate`, `takeover`, `promoted` or `dropped`."""
    text: str
    before: float | None = None
    """For drift: the figure of its detector before the change, and after it. For a takeover: the log-loss of
    the champion of before, and of the one of now, on the same outcomes."""
    after: float | None = None


@dataclass(frozen=True, slots=True)
class ModelView:
    """All about one contract's model. Probabilities are calibrated; R is the most that one trade can lose."""

    strategy: str
    symbol: str
    state: ModelState
    text: str
    """Why it does not trade now, in words."""
    labels: int = 0
    """Outcomes it has learnt from."""
    least: int = 0
    """Outcomes below which no figure of it means anything, and nothing is traded."""
    direction: int = 0
    probability: float | None = None
    p_needed: float | None = None
    """What this decision needs by evidence alone; None while nothing is proven."""
    threshold: float | None = None
    """The greater of floor and `p_needed`; None while nothing is proven."""
    floor: float = 0.0
    ceiling: float = 1.0
    p_move: float | None = None
    """Probability that the price moves at all within the horizon."""
    cost_ticks: float | None = None
    net_ticks: float | None = None
    """What the decision expects to net, by its own account."""
    evidence: float | None = None
    evidence_needed: float | None = None
    progress: float = 0.0
    """Share of the way to enough evidence, on the scale on which it grows."""
    lives: int = 1
    """How often evidence began anew, and once more; each asks for more than the one before."""
    shadow_trades: int = 0
    live_trades: int = 0
    explored: int = 0
    mean_r: float | None = None
    mean_low: float | None = None
    mean_high: float | None = None
    deflated: float | None = None
    """Probability that the Sharpe ratio per shadow trade is above what luck gives the best of `tries`."""
    tries: int = 0
    open_share: float | None = None
    """Share of its time in which the gate was open."""
    drawdown: float = 0.0
    """Share of the largest drawdown that is used up; it raises the bar and makes trades smaller."""
    error_rate: float | None = None
    """Share of wrong forecasts since the detector last began anew."""
    outcomes: int = 0
    """Outcomes the drift detectors have seen since then."""
    alarms: int = 0
    has_challenger: bool = False
    ratio: float | None = None
    """Likelihood of what came, by the challenger, over that by the champion; it wins at `ratio_needed`."""
    ratio_needed: float | None = None
    promotions: int = 0
    champion: str = ""
    """Which kind of model answers: `bayes` is our own, others are pipelines of River."""
    rivals: tuple[RivalView, ...] = ()
    experts: tuple[tuple[str, float], ...] = ()
    """Sets of features (`queue`, `l1`, `l1+l2`) and how much each counts now; they sum to 1."""
    brier: float | None = None
    calibration_error: float | None = None
    coverage: float | None = None
    regime: str = ""
    """The cell of the last decision."""
    half_hour: int | None = None
    bins: tuple[ReliabilityBin, ...] = ()
    cells: tuple[ConfidenceCell, ...] = ()
    """The contract, then its regimes, then their half-hours."""
    course: tuple[float, ...] = ()
    """Calibrated probability over time, oldest first, at even steps of decisions, at most 240 points."""
    course_from: datetime | None = None
    course_to: datetime | None = None
    events: tuple[ModelEvent, ...] = ()
    """The last ones, oldest first."""
