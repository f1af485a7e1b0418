"""How the gate says no: a stable code, a sentence, and the figures behind them."""

from __future__ import annotations

from typing import NamedTuple

from engine.domain.reasons import Reason


class Refusal(NamedTuple):
    """No, and why: a stable code, the limit that said so and the value that broke it."""

    reason: Reason
    words: str
    """The sentence, or its pattern where there are `figures`."""
    limit: float | None = None
    value: float | None = None
    figures: tuple[object, ...] = ()
    """What the pattern is filled with, once somebody reads it: a decision costs less than its sentence."""

    @property
    def text(self) -> str:
        """Why, for people."""
        return self.words.format(*self.figures) if self.figures else self.words


class OrderRefusedError(Exception):
    """The last look refused an order: nothing of it was written down or sent."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(f"{refusal.text} ({refusal.reason.value}); nothing was sent")
