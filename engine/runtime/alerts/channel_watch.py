"""Notices a channel that takes no messages: what nobody hears is no alert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from engine.api import Level
from engine.runtime.alerts.channels import ChannelState
from engine.runtime.alerts.notices import Notices

ALERT: Final = "channel_failed"


class ChannelWatch:
    """A step of the regular round. Told once per set of failing channels: telling goes to them, too."""

    def __init__(self, notices: Notices, *, states: Callable[[], Sequence[ChannelState]]) -> None:
        self._notices = notices
        self._states = states
        self._failing: tuple[str, ...] | None = None
        """None before the first look: the run before may have told of one."""

    async def round(self) -> None:
        """Compare with the last look."""
        states = [state for state in self._states() if state.error]
        failing = tuple(state.name for state in states)
        if failing == self._failing:
            return
        self._failing = failing
        if not failing:
            self._notices.clear_alert(ALERT)
            return
        said = "; ".join(f"{state.name}: {state.error}" for state in states)
        text = f"alerts do not get through: {said}; screen, log and database have them"
        self._notices.raise_alert(Level.WARNING, ALERT, text)
