"""Says to the engine which market this screen looks at: when it changes, and again before it is forgotten."""

from __future__ import annotations

from collections.abc import Callable

from engine.api_market import LOOK_LEASE_S

SAY_AGAIN_S = LOOK_LEASE_S / 3


class Gaze:
    """One per screen. What it says changes nothing but what is shown."""

    def __init__(self, tell: Callable[[str, int], None], *, monotonic: Callable[[], float]) -> None:
        self._tell = tell
        self._monotonic = monotonic
        self._at: tuple[str, int] = ("", 0)
        self._told_s = float("-inf")

    def look(self, symbol: str, bar_s: int) -> None:
        """Look at this market in bars of so many seconds; at none where the symbol is empty."""
        now_s = self._monotonic()
        is_news = (symbol, bar_s) != self._at and bool(symbol or self._at[0])
        if is_news or (symbol and now_s - self._told_s >= SAY_AGAIN_S):
            self._at, self._told_s = (symbol, bar_s), now_s
            self._tell(symbol, bar_s)

    def away(self) -> None:
        """Look at none."""
        self.look("", 0)
