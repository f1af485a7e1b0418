"""What a rule asks for in percent: how much, where it is wrong, where it is done. Checked when it is made."""

from __future__ import annotations

import math
from dataclasses import dataclass


class TermsError(ValueError):
    """Terms that cannot be right. `field` names what is wrong, the text says what was expected."""

    def __init__(self, field: str, expected: str) -> None:
        self.field = field
        super().__init__(f"{field}: expected {expected}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Terms of one entry; every one must be given. Raises TermsError when made wrong."""

    notional_pct: float
    """Largest exposure it asks for, in percent of net liquidation value, in (0, 100]."""
    stop_loss_pct: float
    """Way to the protective stop, in percent of price, in (0, 50]."""
    take_profit_pct: float
    """Way to the target, in percent of price, in (0, 1000]."""

    def __post_init__(self) -> None:
        """Check every one against its bounds; what is not a number is out of them."""
        for name, most in (("notional_pct", 100.0), ("stop_loss_pct", 50.0), ("take_profit_pct", 1000.0)):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.0 < value <= most):
                raise TermsError(name, f"above 0 and at most {most:g}, not {value!r}")

    def stop(self, price: float, sign: int) -> float:
        """Price of the protective stop of an entry at `price`, not rounded; `sign` is +1 for a long."""
        return price * (1.0 - sign * self.stop_loss_pct / 100.0)

    def target(self, price: float, sign: int) -> float:
        """Price at which profit is taken, not rounded; a short's is never below a hundredth of the price."""
        return max(price * (1.0 + sign * self.take_profit_pct / 100.0), price * 0.01)
