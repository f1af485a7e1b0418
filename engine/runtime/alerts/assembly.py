"""Makes the notices of one engine: whose clock, which log, which secrets they must not tell."""

from __future__ import annotations

from functools import partial

import structlog

from engine.api import EventView, Level
from engine.config import Config
from engine.runtime.alerts.notices import AlertTimes, Notices
from engine.runtime.process.late_log import LateLog
from engine.runtime.process.options import RunOptions

_LOG_LEVEL = {
    Level.OK: "info",
    Level.INFO: "info",
    Level.WARNING: "warning",
    Level.ERROR: "error",
    Level.CRITICAL: "critical",
}
_log = structlog.get_logger("engine")


def notices_of(config: Config, options: RunOptions, late: LateLog) -> Notices:
    """Events and alerts of this run; ordinary ones are logged a moment later, when the orders are out."""
    return Notices(
        now=options.clock.now,
        monotonic=options.clock.monotonic,
        log=partial(_log_event, late),
        times=AlertTimes(config.alerts.dedupe_s, config.alerts.escalate_s),
        redactor=options.redactor,
    )


def _log_event(late: LateLog, event: EventView) -> None:
    log = getattr(_log, _LOG_LEVEL[event.level])
    about = {"ref": event.ref} if event.ref else {}
    late.add(log, event.text, kind=event.kind, symbol=event.symbol, seq=event.seq, **about)
    if event.level not in (Level.OK, Level.INFO):
        late.flush()
