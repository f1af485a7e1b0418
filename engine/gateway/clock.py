"""The exchange's own clock: its time, its speed, and how it stands still.

Exchange time is `epoch + (monotonic - anchor) * speed`. In lockstep mode real time plays no part: each
reqCurrentTime of a client moves the clock one step, and the answer goes out after everything that
happened in that step was sent, so that a replay is the same however fast the client is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

LOCKSTEP_STEP_S: Final = 1.0


class ExchangeClock:
    """Exchange time in epoch seconds (UTC), over an injected monotonic source."""

    def __init__(
        self, epoch: float, *, monotonic: Callable[[], float], speed: float = 1.0, lockstep: bool = False
    ) -> None:
        self._epoch = epoch
        self._monotonic = monotonic
        self._anchor = monotonic()
        self._speed = speed
        self._lockstep = lockstep
        self._frozen = False

    @property
    def speed(self) -> float:
        """Exchange seconds per second; 0 while frozen or in lockstep."""
        return 0.0 if self._frozen or self._lockstep else self._speed

    @property
    def is_lockstep(self) -> bool:
        """True where clients move the clock."""
        return self._lockstep

    def now(self) -> float:
        """Exchange time now."""
        return self._epoch + (self._monotonic() - self._anchor) * self.speed

    def step(self, seconds: float = LOCKSTEP_STEP_S) -> float:
        """Move a lockstep clock on; returns the new time. Only lockstep clocks step."""
        if not self._lockstep:
            raise ValueError("this clock follows real time; only a lockstep clock is stepped")
        self._epoch += seconds
        return self._epoch

    def freeze(self) -> None:
        """Stand still from now on."""
        self._rebase(frozen=True)

    def resume(self) -> None:
        """Go on from where it stood."""
        self._rebase(frozen=False)

    def jump(self, epoch: float) -> None:
        """Continue from another instant (the next session's start)."""
        self._epoch = epoch
        self._anchor = self._monotonic()

    def _rebase(self, *, frozen: bool) -> None:
        self._epoch = self.now()
        self._anchor = self._monotonic()
        self._frozen = frozen
