"""What trades have earned, in moments: enough for a mean with its error, a Sharpe ratio, and a size."""

from __future__ import annotations

import math
from collections.abc import Mapping

from engine.learning import plain
from engine.learning.estimator import Plain


class TradeRecord:
    """Running moments of net outcomes in R (multiples of what was risked). Non-overlapping trades only."""

    def __init__(self) -> None:
        self.n = 0
        self.mean = 0.0
        self._second = self._third = self._fourth = 0.0

    def add(self, r: float) -> None:
        """One trade; what is not finite is not known and not counted."""
        if not math.isfinite(r):
            return
        before, self.n = self.n, self.n + 1
        off = r - self.mean
        part = off / self.n
        square = off * part * before
        self.mean += part
        self._fourth += (
            square * part * part * (self.n * self.n - 3 * self.n + 3)
            + 6 * part * part * self._second
            - 4 * part * self._third
        )
        self._third += square * part * (self.n - 2) - 3 * part * self._second
        self._second += square

    @property
    def variance(self) -> float:
        """Sample variance; NaN below two trades."""
        return self._second / (self.n - 1) if self.n > 1 else math.nan

    @property
    def error(self) -> float:
        """Standard error of the mean; NaN below two trades."""
        return math.sqrt(self.variance / self.n) if self.n > 1 else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean; NaN below two trades."""
        return self.mean - 1.96 * self.error, self.mean + 1.96 * self.error

    @property
    def sharpe(self) -> float:
        """Sharpe ratio per trade, never annualised; NaN where there is no spread."""
        return self.mean / math.sqrt(self.variance) if self.n > 1 and self.variance > 0 else math.nan

    @property
    def sharpe_error(self) -> float:
        """Its standard error, skew and fat tails included; NaN where there is no Sharpe ratio."""
        ratio = self.sharpe
        if not math.isfinite(ratio):
            return math.nan
        inner = 1.0 - self.skew * ratio + (self.kurtosis - 1.0) / 4.0 * ratio * ratio
        return math.sqrt(max(0.0, inner) / (self.n - 1))

    @property
    def skew(self) -> float:
        """Third standardised moment; 0 where there is no spread."""
        return math.sqrt(self.n) * self._third / self._second**1.5 if self._second > 0 else 0.0

    @property
    def kurtosis(self) -> float:
        """Fourth standardised moment, 3 for a normal distribution and where there is no spread."""
        return self.n * self._fourth / (self._second * self._second) if self._second > 0 else 3.0

    def state(self) -> dict[str, Plain]:
        """Count and moments."""
        moments: list[Plain] = [self.mean, self._second, self._third, self._fourth]
        return {"n": self.n, "moments": moments}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        moments = plain.floats(state, "moments", count=4)
        self.n = plain.whole(state, "n")
        self.mean, self._second, self._third, self._fourth = moments
