"""Where every error inside the engine arrives: logged, counted, held to what it touched.

An error at one symbol changes nothing for another; a loop that fails goes on with its next turn. What the
counts mean is decided by `engine.risk.breakers`; closing and ending is done by whoever listens here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

import structlog

from engine.api import Level
from engine.config import Config
from engine.domain.reasons import Reason
from engine.risk.breakers import BreakerLimits, ErrorRate, LoopLadder, PositionErrors, Rung
from engine.runtime.alerts.notices import Notices
from engine.runtime.breakers.severity import Severity, severity_of

RATE_ALERT: Final = "breaker_error_rate"
LOOP_ALERT: Final = "breaker_loop"

SAME_S: Final = 1.0
"""The same error at the same place is written down at most once in this time (real seconds)."""

KEPT: Final = 200
"""Different errors that are remembered for that."""

_log = structlog.get_logger("engine")
_WRITE: Final = {
    Level.INFO: "info",
    Level.WARNING: "warning",
    Level.ERROR: "error",
    Level.CRITICAL: "critical",
}


def breaker_limits(config: Config) -> BreakerLimits:
    """How many errors are borne."""
    errors, breaker = config.errors, config.breaker
    return BreakerLimits(
        position_max=errors.position_max,
        rate_per_minute=errors.rate_per_minute,
        rate_pause_s=errors.rate_pause_s,
        loop_consecutive=breaker.loop_consecutive,
        loop_pause_s=breaker.pause_s,
        fatal_above=breaker.fatal_above,
    )


class Pause(NamedTuple):
    """A breaker that holds entries."""

    reason: Reason
    cause: str
    left_s: float

    @property
    def text(self) -> str:
        """With its countdown."""
        return f"entries paused for {self.left_s:.0f} s: {self.cause}"


class Faults:
    """Counts errors for one engine. Used on its loop only."""

    def __init__(
        self,
        notices: Notices,
        *,
        monotonic: Callable[[], float],
        config: Callable[[], Config],
    ) -> None:
        self._notices = notices
        self._monotonic = monotonic
        self._config = config
        self._ladder = LoopLadder()
        self._rate = ErrorRate()
        self._positions = PositionErrors()
        self.causes: dict[Reason, str] = {}
        """What tripped the breakers that hold entries; empty where none does."""
        self._written_s: dict[tuple[str, str, str], float] = {}
        self._failing: set[str] = set()
        self.last = ""
        """The latest error, for people."""
        self.on_due: Callable[[str, str], None] = lambda _key, _why: None
        """Called once where the position of an instrument is to be closed."""
        self.on_fatal: Callable[[Exception, str], None] = lambda _err, _text: None
        """Called where the session must end."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Errors of each instrument that is held."""
        return self._positions.counts

    def _limits(self) -> BreakerLimits:
        return breaker_limits(self._config())

    # --- what fails -----------------------------------------------------------------------------

    @contextmanager
    def loop(self, name: str) -> Iterator[None]:
        """One turn of a loop. An error ends the turn and not the loop; a turn that works clears its count."""
        try:
            yield
        except Exception as err:  # noqa: BLE001 - whatever it is, the next turn comes
            self.loop_failed(name, err)
        else:
            self.loop_worked(name)

    def loop_failed(self, name: str, err: Exception) -> None:
        """A turn of a loop failed."""
        severity = self.failed(name, err)
        if not severity.is_counted or severity.level is Level.CRITICAL:
            return
        self._failing.add(name)
        self._ladder, rung = self._ladder.failed(name, self._monotonic(), self._limits())
        count = self._ladder.counts.get(name, 0)
        if rung is Rung.PAUSED:
            cause = f"{count} consecutive errors in {name}, the last: {_said(err)}"
            self._pause(Reason.BREAKER_LOOP, Level.ERROR, LOOP_ALERT, cause, self._limits().loop_pause_s)
        elif rung is Rung.FATAL:
            self.on_fatal(err, f"{count} consecutive errors in {name}, the last: {_said(err)}")

    def loop_worked(self, name: str) -> None:
        """A turn of a loop went through."""
        if name in self._failing:
            self._failing.discard(name)
            self._ladder = self._ladder.succeeded(name)

    @contextmanager
    def position(self, key: str, where: str) -> Iterator[None]:
        """One look at one instrument: an error there touches no other."""
        try:
            yield
        except Exception as err:  # noqa: BLE001 - the others are looked at all the same
            self.position_failed(key, where, err)

    def position_failed(self, key: str, where: str, err: Exception) -> None:
        """An error at one instrument; enough of them, and its position is closed."""
        severity = self.failed(where, err, key=key)
        if not severity.is_counted:
            return
        limits = self._limits()
        self._positions, is_due = self._positions.failed(key, limits)
        count = self._positions.counts[key]
        text = f"{key}: error {count} of {limits.position_max} in {where}: {_said(err)}; the others go on"
        self._notices.event(Level.ERROR, "error", text, symbol=key)
        if is_due:
            self.on_due(key, f"{count} errors, the last in {where}: {_said(err)}")

    def failed(self, where: str, err: Exception, *, key: str = "") -> Severity:
        """Log an error with its traceback and count it by its severity."""
        severity = severity_of(err)
        self._write(where, err, severity, key)
        if severity.level is Level.CRITICAL:
            self.on_fatal(err, f"{where} failed: {_said(err)}")
        elif severity.is_counted:
            self._count(where, err, key)
        return severity

    def _write(self, where: str, err: Exception, severity: Severity, key: str) -> None:
        now_s, same = self._monotonic(), (where, key, _said(err))
        if now_s - self._written_s.get(same, float("-inf")) < SAME_S:
            return
        if len(self._written_s) >= KEPT:
            self._written_s.clear()
        self._written_s[same] = now_s
        write = getattr(_log, _WRITE[severity.level])
        mapped = {} if severity.is_mapped else {"unmapped": type(err).__qualname__}
        write("engine.error", where=where, symbol=key, error=_said(err), exc_info=err, **mapped)

    def _count(self, where: str, err: Exception, key: str) -> None:
        self.last = f"{where}{f' at {key}' if key else ''}: {_said(err)}"
        limits = self._limits()
        self._rate, tripped = self._rate.failed(self._monotonic(), limits)
        if tripped:
            cause = f"{limits.rate_per_minute + 1} errors within a minute, the last in {self.last}"
            self._pause(Reason.BREAKER_ERROR_RATE, Level.WARNING, RATE_ALERT, cause, limits.rate_pause_s)

    def _pause(self, reason: Reason, level: Level, alert: str, cause: str, pause_s: float) -> None:
        self.causes[reason] = cause
        text = f"{cause}; entries are paused for {pause_s:.0f} s, exits and stops go on ({reason.value})"
        self._notices.raise_alert(level, alert, text)

    # --- what follows from it -------------------------------------------------------------------

    def pause(self) -> Pause | None:
        """The breaker that holds entries the longest now; None where none does."""
        if not self.causes:
            return None
        now_s = self._monotonic()
        left = {
            Reason.BREAKER_LOOP: self._ladder.left_s(now_s),
            Reason.BREAKER_ERROR_RATE: self._rate.left_s(now_s),
        }
        reason = max(left, key=lambda r: left[r])
        return Pause(reason, self.causes.get(reason, ""), left[reason]) if left[reason] > 0 else None

    def round(self, held: frozenset[str]) -> None:
        """Once a second: end what is over, forget what is not held any more."""
        self._positions = self._positions.keep(held)
        now_s = self._monotonic()
        over = {
            Reason.BREAKER_LOOP: (LOOP_ALERT, self._ladder.left_s(now_s)),
            Reason.BREAKER_ERROR_RATE: (RATE_ALERT, self._rate.left_s(now_s)),
        }
        for reason, (alert, left_s) in over.items():
            if reason in self.causes and left_s == 0:
                del self.causes[reason]
                self._notices.clear_alert(alert)
                self._notices.event(Level.INFO, "error", f"entries go on: {reason.value} is over")

    def words(self) -> tuple[Level, str]:
        """State, cause and time to reset of all breakers, for the health panel."""
        pause, now_s, limits = self.pause(), self._monotonic(), self._limits()
        if pause is not None:
            level = Level.ERROR if pause.reason is Reason.BREAKER_LOOP else Level.WARNING
            return level, f"OPEN {pause.reason.value}, {pause.text}"
        parts = [f"{n} of {limits.loop_consecutive} in {name}" for name, n in self._ladder.counts.items()]
        parts += [f"{key} {n} of {limits.position_max}" for key, n in self._positions.counts.items()]
        errors = self._rate.count(now_s)
        if errors:
            parts.append(f"{errors} of {limits.rate_per_minute} a minute, the last in {self.last}")
        return (Level.WARNING, "closed, " + "; ".join(parts)) if parts else (Level.OK, "closed")


def _said(err: Exception) -> str:
    return f"{type(err).__name__}: {err}"
