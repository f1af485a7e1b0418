"""How far a Sharpe ratio can be believed: its standard error, and its odds after many tries. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_NORMAL: Final = NormalDist()
_EULER: Final = 0.5772156649015329
"""The Euler-Mascheroni constant."""
_SPREAD_FLOOR: Final = 1e-12
"""A standard deviation of returns below this is rounding, not risk."""


class Sharpe(NamedTuple):
    """A Sharpe ratio per period with what is needed to doubt it."""

    ratio: float
    """Mean over standard deviation (n - 1) of the returns, per period; 0.0 where returns do not vary."""
    standard_error: float | None
    """Of the ratio, per period; None where there are too few returns or none that vary."""
    skewness: float
    kurtosis: float
    """Not in excess: 3.0 for normal returns."""
    returns: int


def sharpe_of(returns: NDArray[np.float64]) -> Sharpe:
    """The Sharpe ratio of returns per period, with Mertens' standard error.

    `se = sqrt((1 - g3 SR + (g4 - 1) / 4 SR^2) / (n - 1))` with skewness g3 and kurtosis g4 of the population
    (Mertens 2002; Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier", 2012).
    """
    n = len(returns)
    spread = float(np.std(returns, ddof=1)) if n > 1 else 0.0
    if spread < _SPREAD_FLOOR:
        return Sharpe(0.0, None, 0.0, 3.0, n)
    mean = float(np.mean(returns))
    centred = returns - mean
    second = float(np.mean(centred**2))
    skewness = float(np.mean(centred**3)) / second**1.5
    kurtosis = float(np.mean(centred**4)) / second**2
    ratio = mean / spread
    variance = (1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio**2) / (n - 1)
    return Sharpe(ratio, math.sqrt(variance) if variance > 0.0 else None, skewness, kurtosis, n)


def probabilistic(sharpe: Sharpe, *, against: float = 0.0) -> float | None:
    """Probability that the true Sharpe ratio is above `against` (per period): `Phi((SR - SR*) / se)`.

    Bailey and Lopez de Prado 2012. None where there is no standard error, so nothing to say.
    """
    if sharpe.standard_error is None:
        return None
    return _NORMAL.cdf((sharpe.ratio - against) / sharpe.standard_error)


def expected_best(trials: int, variance: float) -> float:
    """The Sharpe ratio that the best of `trials` worthless strategies is expected to show, per period.

    `sqrt(V) ((1 - g) PhiInv(1 - 1/N) + g PhiInv(1 - 1/(N e)))`, g being Euler's constant and V the variance
    of the trials' ratios (Bailey and Lopez de Prado, "The Deflated Sharpe Ratio", 2014). 0.0 for one trial.
    """
    if trials < 2:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(max(variance, 0.0)) * ((1.0 - _EULER) * first + _EULER * second)


def deflated(sharpe: Sharpe, *, tried: Sequence[float], unknown: int = 0) -> float | None:
    """Probability that the true ratio is above what luck alone gives the best of all trials.

    Args:
        tried: ratios per period of every trial on the same data, this one included.
        unknown: trials that were run but left no ratio; they count as tries all the same.
    """
    known = np.asarray(tried, dtype=np.float64)
    variance = float(np.var(known, ddof=1)) if len(known) > 1 else (sharpe.standard_error or 0.0) ** 2
    return probabilistic(sharpe, against=expected_best(len(known) + unknown, variance))
