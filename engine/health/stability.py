"""When health blocks entries and when it lets them go on: at once, and after all was well for a while."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from engine.domain.reasons import Reason
from engine.health.verdicts import State, Verdict


class HealthBlock(NamedTuple):
    """Why health lets no entry through."""

    reason: Reason
    text: str


class Stability:
    """Blocks at the first bad verdict; lets go when none was bad for `stable_s`. Times are monotonic seconds.

    It knows nothing of brakes: what a person (or a limit) pulled stays until a person lifts it.
    """

    def __init__(self) -> None:
        self._bad_until_s: float | None = None
        """When something was bad last; None where nothing was, or long enough ago."""
        self._last = ""

    def judge(self, verdicts: Iterable[Verdict], *, now_s: float, stable_s: float) -> HealthBlock | None:
        """The block in force at `now_s`; None where entries may happen."""
        bad = [v for v in verdicts if v.state is State.BAD]
        if bad:
            self._bad_until_s = now_s
            self._last = ", ".join(v.check.value for v in bad)
            text = "; ".join(f"{v.check.value}: {v.text}" for v in bad)
            return HealthBlock(bad[0].reason or Reason.NOT_READY, text)
        if self._bad_until_s is None:
            return None
        left_s = self._bad_until_s + stable_s - now_s
        if left_s > 0.0:
            text = f"{self._last} well again, entries in {left_s:.0f} s"
            return HealthBlock(Reason.HEALTH_SETTLING, text)
        self._bad_until_s = None
        return None
