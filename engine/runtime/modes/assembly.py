"""Puts together what watches how real it may get: the diary of days, CANARY, the view of the gates."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.runtime.alerts.channels import AlertChannels
from engine.runtime.desk import Desk
from engine.runtime.drills.views import drill_views
from engine.runtime.modes.canary import CanaryWatch
from engine.runtime.modes.diary import DayDiary
from engine.runtime.modes.errors import ErrorCount
from engine.runtime.modes.evidence import EvidenceBook
from engine.runtime.modes.gather import judged
from engine.runtime.modes.watch import GateWatch

if TYPE_CHECKING:
    from engine.runtime.assembly import Given
    from engine.runtime.engine import Engine


def mode_chores(
    desk: Desk, given: Given, channels: AlertChannels, engine: Engine
) -> dict[str, Callable[[], Awaitable[None]]]:
    """Steps of the regular round, by name."""
    stored, loaded = given.stored, given.loaded
    book = EvidenceBook(desk, given.store, given.options.version, loaded.config.rules_fingerprint)
    errors = ErrorCount()
    diary = DayDiary(
        desk, book, known=stored.evidence, errors=lambda: errors.total, alert_delays=channels.take_delays
    )
    if not diary.counts_text:  # for the rest of the process: one engine is all it ever holds
        logging.getLogger().addHandler(errors)
    diary.crashed(stored.last_run, last_sign=stored.saved_at)
    canary = CanaryWatch(desk, book, known=stored.evidence)
    for hear in (diary.hear, canary.hear):
        desk.notices.on_told(hear)
    watch = GateWatch(
        desk,
        judge=lambda: judged(loaded, now=datetime.now(UTC), environ=os.environ),
        drills=lambda: drill_views(given.options.state_dir),
        counts_text=lambda: diary.counts_text,
        stage_text=lambda: canary.text,
        spawn=engine.spawn,
    )
    return {"days": diary.round, "canary": canary.round, "gates": watch.round}
