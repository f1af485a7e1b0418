"""What the best trial is: a figure, and whether more or less of it is better. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from engine.backtest.sweep.outcome import Outcome, metric_names


class ChoiceError(ValueError):
    """A figure that nothing can be chosen by; the text says what can."""


class Better(StrEnum):
    """Which end of a figure is the good one."""

    HIGHEST = "highest"
    LOWEST = "lowest"


_HIGHER: Final = (
    *("sharpe", "sharpe_probability", "sortino", "calmar"),
    *("cagr", "total_return", "pnl_usd", "final_usd", "hit_rate"),
    *("trades_total_pnl", "trades_win_rate", "trades_winners", "trades_avg_winner", "trades_largest_winner"),
    # Losses are negative here: the highest is the smallest.
    *("trades_avg_loser", "trades_largest_loser"),
)
_LOWER: Final = (
    *("max_drawdown", "max_drawdown_usd", "volatility", "sharpe_standard_error"),
    *("costs_commission_usd", "costs_slippage_usd", "turnover_per_year", "exposure", "time_in_market"),
    *("refused", "trades_losers"),
)
BETTER: Final = dict.fromkeys(_HIGHER, Better.HIGHEST) | dict.fromkeys(_LOWER, Better.LOWEST)
"""Of the figures of which one end is the good one; of the others (bars, orders …) whoever asks has to say."""


class Choice(NamedTuple):
    """The figure by which the best is chosen."""

    metric: str
    better: Better = Better.HIGHEST

    def worth(self, outcome: Outcome) -> float | None:
        """How good a trial is, the higher the better; None where it has no such figure.

        Where less is better, a trial that traded nothing is none: it lost nothing because it did nothing.
        """
        value = outcome.figures.get(self.metric)
        if value is None or (self.better is Better.LOWEST and not outcome.figures.get("fills")):
            return None
        return float(value) if self.better is Better.HIGHEST else -float(value)


SHARPE: Final = Choice("sharpe")


def choice_of(text: str) -> Choice:
    """Out of `max_drawdown`, or with the end that is wanted, `orders:lowest`. Raises ChoiceError."""
    name, _, end = text.partition(":")
    known = metric_names()
    if name not in known:
        raise ChoiceError(f"--metric {name}: known are {', '.join(sorted(known))}")
    if end and end not in list(Better):
        raise ChoiceError(f"--metric {text}: expected {name}:{Better.HIGHEST} or {name}:{Better.LOWEST}")
    better = Better(end) if end else BETTER.get(name)
    if better is None:
        raise ChoiceError(
            f"--metric {name}: neither end of it is the better one; say {name}:{Better.HIGHEST} or "
            f"{name}:{Better.LOWEST}"
        )
    return Choice(name, better)
