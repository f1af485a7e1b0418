"""The operator's own words in the record: who wrote what when, beside what the engine wrote."""

from __future__ import annotations

from typing import Final

from engine.api import Command, Level, Outcome
from engine.domain.reasons import Reason
from engine.runtime.alerts.notices import clean
from engine.runtime.desk import Desk
from engine.runtime.outcomes import done, refused
from engine.store.day_record import NOTE

LONGEST: Final = 500
"""Characters of one note: it is a line of the record, not a document."""


async def note(desk: Desk, command: Command) -> Outcome:
    """Write `command.reason` into the event log, about the symbol `target` where one is named."""
    # Blanks of any kind become one: a line break would tear the line that a note is.
    text = " ".join(clean(command.reason).split())
    if not text:
        return refused(command, Reason.NEEDS_REASON.value, "a note needs words; nothing was written")
    if len(text) > LONGEST:
        said = f"a note has at most {LONGEST} characters, this has {len(text)}; nothing was written"
        return refused(command, Reason.OUT_OF_BOUNDS.value, said)
    key = command.target
    if key and key not in desk.instruments:
        return refused(
            command, Reason.WRONG_TARGET.value, f"{clean(key)} is not known here; nothing was written"
        )
    event = desk.notices.event(Level.INFO, NOTE, f"note by {command.who}: {text}", symbol=key)
    return done(command, f"noted as event {event.seq}")
