"""How the gate says no: a stable code, a sentence, and the figures behind them."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.reasons import Reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """No, and why: a stable code, the limit that said so and the value that broke it."""

    reason: Reason
    text: str
    limit: float | None = None
    value: float | None = None


class OrderRefusedError(Exception):
    """The last look refused an order: nothing of it was written down or sent."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(f"{refusal.text} ({refusal.reason.value}); nothing was sent")
