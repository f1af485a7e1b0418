"""Sums that fade: what happened lately, on clocks that tick when they like, at a constant cost per event."""

from __future__ import annotations

import math
from collections.abc import Sequence


class FadingSum:
    """s <- s·exp(-dt/tau) + x: about the sum of the last `tau` seconds."""

    __slots__ = ("_at", "_sum", "_tau")

    def __init__(self, tau_s: float) -> None:
        self._tau, self._sum, self._at = tau_s, 0.0, 0.0

    def add(self, at: float, x: float) -> None:
        """Add `x` at that time; times never go backwards."""
        self._sum = self._sum * math.exp((self._at - at) / self._tau) + x
        self._at = at

    def value(self, at: float) -> float:
        """The sum as it has faded until then."""
        return self._sum * math.exp((self._at - at) / self._tau)

    def state(self) -> list[float]:
        """The sum and its time."""
        return [self._sum, self._at]

    def restore(self, state: Sequence[float]) -> None:
        """Continue exactly where `state` was taken."""
        self._sum, self._at = state


class FadingShare:
    """A signed sum over the sum of what it could have been, in [-1, 1]; both fade alike.

    Where nothing happened it is 0. So it has no unit, whatever the sizes of the market are.
    """

    __slots__ = ("_at", "_most", "_sums", "_taus")

    def __init__(self, taus_s: Sequence[float]) -> None:
        self._taus = tuple(taus_s)
        self._sums = [0.0] * len(self._taus)
        self._most = [0.0] * len(self._taus)
        self._at = 0.0

    def add(self, at: float, x: float) -> None:
        """Add `x` to the sum and its size to the most it could have been."""
        back, size = self._at - at, abs(x)
        for index, tau in enumerate(self._taus):
            kept = math.exp(back / tau)
            self._sums[index] = self._sums[index] * kept + x
            self._most[index] = self._most[index] * kept + size
        self._at = at

    def values(self) -> list[float]:
        """One share per tau."""
        return [s / most if most > 1e-9 else 0.0 for s, most in zip(self._sums, self._most, strict=True)]

    def state(self) -> list[float]:
        """Sums, the most they could have been, and their time."""
        return [*self._sums, *self._most, self._at]

    def restore(self, state: Sequence[float]) -> None:
        """Continue exactly where `state` was taken."""
        count = len(self._taus)
        self._sums, self._most = list(state[:count]), list(state[count : 2 * count])
        self._at = state[-1]
