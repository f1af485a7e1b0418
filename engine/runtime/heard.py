"""When the broker last named the account's figures and margins: what is old is no ground for an entry."""

from __future__ import annotations

import math
from collections.abc import Callable


class Heard:
    """Ages on the monotonic clock, seconds; NaN for what was never heard."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._values_at_s = math.nan
        self._margin_at_s: dict[str, float] = {}

    def values(self) -> None:
        """The account's value was named just now."""
        self._values_at_s = self._monotonic()

    def margin(self, key: str) -> None:
        """The margin of one contract was named just now."""
        self._margin_at_s[key] = self._monotonic()

    @property
    def values_age_s(self) -> float:
        """Since the account's value was named."""
        return self._monotonic() - self._values_at_s

    def margin_age_s(self, key: str) -> float:
        """Since the margin of this contract was named."""
        at_s = self._margin_at_s.get(key)
        return math.nan if at_s is None else self._monotonic() - at_s
