"""Faults a drill or a test has switched on: what the gateway does wrong, on purpose, and until when."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Faults:
    """All off unless the admin socket asked for them. Times are monotonic seconds."""

    frozen_until: float = 0.0
    """Nothing is read, processed or sent before this instant."""
    reject_code: int = 0
    """The next new order is refused with this error code; 0 = none."""
    reject_text: str = ""
    order_delay_s: float = 0.0
    """Order events reach clients this much later."""
    market_data_type: int = 1
    """1 live, 2 frozen, 3 delayed, 4 delayed-frozen: what level-1 subscriptions are told they get."""
    order_id_rollback: int = 0
    """nextValidId is told this much too low, as after a nightly restart of TWS."""

    def is_frozen(self, mono_s: float) -> bool:
        """Whether the gateway plays dead at this instant."""
        return mono_s < self.frozen_until

    def take_rejection(self) -> tuple[int, str] | None:
        """The refusal due for the next order, once."""
        if not self.reject_code:
            return None
        taken = self.reject_code, self.reject_text
        self.reject_code, self.reject_text = 0, ""
        return taken
