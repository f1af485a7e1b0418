"""What a learned strategy said about the price when it asked for an entry. For the record alone."""

from __future__ import annotations

from typing import NamedTuple


class Forecast(NamedTuple):
    """A forecast with the evidence it was held against. Amounts are in ticks of the contract."""

    decision: int
    """Its number in the record of the model's decisions."""
    p: float
    """Calibrated probability of the entry's direction, given a move; at least one half."""
    p_move: float
    """Calibrated probability of a move at all."""
    move_ticks: float
    """Mean size of a move."""
    cost_ticks: float
    """Spread, fees and slippage of the round trip."""
    needed: float
    """Probability from which it trades; infinite while nothing is proven."""
    evidence: float
    """Wealth of the bets on its shadow trades; NaN before the first."""
    evidence_needed: float
    explores: bool
    """Nothing is proven: it is made to learn, and is never evidence."""
