"""Taking a part of a position out by hand: a share of what is held now, the rest keeps its stop."""

from __future__ import annotations

import math

from engine.api import Command, Mode, Outcome
from engine.domain.reasons import Reason
from engine.execution.executor import CloseStatus, Executor
from engine.runtime.desk import Desk
from engine.runtime.outcomes import done, failed, refused


async def take_partial(desk: Desk, executor: Executor, command: Command) -> Outcome:
    """Close `value` percent of the position `target` at market, rounded down to whole units.

    Of what is held, not of what was once entered: whoever asks looks at what is there. No brake holds it.
    """
    key, share_pct = command.target, command.value
    position, instrument = desk.books.position(key), desk.instruments.get(key)
    if position is None or instrument is None:
        return refused(command, Reason.WRONG_TARGET.value, f"{key}: no position of ours to take a part of")
    if share_pct is None or not math.isfinite(share_pct) or not 0.0 < share_pct <= 100.0:
        text = f"{key}: a share is more than 0 and at most 100 percent; nothing was sent"
        return refused(command, Reason.OUT_OF_BOUNDS.value, text)
    if desk.mode is Mode.DRY_RUN:
        return refused(command, Reason.READ_ONLY.value, f"{key}: a dry run sends nothing")
    held = abs(position.quantity)
    # A whisker more, so that 29 % of 100 is 29 and not 28.
    units = math.floor(held * share_pct / 100.0 + 1e-9)
    if units == 0:
        text = f"{key}: {share_pct:g} % of {held} is less than one; nothing was sent"
        return refused(command, Reason.MIN_INCREMENT.value, text)
    result = await executor.reduce(key, instrument, fraction=units / max(position.entered, held))
    details = (f"{units} of {held}", *((result.ref,) if result.ref else ()))
    if result.status is CloseStatus.FLAT:
        return done(command, f"{units} of {held} closed; {result.text}", details)
    return failed(command, Reason.NOT_FLAT.value, result.text, details)
