"""The cockpit on a past session: the same screens, keys for its clock, and nothing that can act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from textual import events
from textual.widgets import Input

from cockpit.action import Where
from cockpit.app import CockpitApp
from cockpit.exits import Exit
from cockpit.keymap import key_for, keys_at
from cockpit.settings import UiSettings
from cockpit.spans import Span, Tone
from engine.api_replay import ReplayHandle

_HINTS: Final = (
    ("replay_toggle", "pause"),
    ("replay_slower", "slower"),
    ("replay_faster", "faster"),
    ("replay_back", "back"),
    ("replay_step", "step"),
    ("replay_trade", "trade"),
    ("replay_alert", "alert"),
)


class ReplayApp(CockpitApp):
    """Looks like the cockpit did; every command is refused, here and by the handle."""

    def __init__(self, player: ReplayHandle, *, settings: UiSettings) -> None:
        self._player = player
        # A bell that rang then must not ring again, and in the past nothing is practised.
        super().__init__(player, settings=replace(settings, bell=None, drills=None))
        self._clock_keys = keys_at(Where.REPLAY, overrides=settings.keys)

    @property
    def standing(self) -> str:
        """How the replay stands."""
        return self._player.standing

    async def on_event(self, event: events.Event) -> None:
        """The keys of the clock come before those of the screens, but not before what is typed."""
        if isinstance(event, events.Key) and not event.is_forwarded and not isinstance(self.focused, Input):
            action = self._clock_keys.get(event.key)
            if action is not None:
                event.stop()
                await self.run_action(action)
                self.look()
                return
        await super().on_event(event)

    def on_mount(self) -> None:
        """Say which keys move the time."""
        super().on_mount()
        self.call_after_refresh(lambda: self.say(Span(hints(self.settings.keys), Tone.MUTED)))

    def action_leave(self) -> None:
        """Leave: there is nothing to stop."""
        self.exit(Exit.DETACH)

    def action_interrupt(self) -> None:
        """As `q`."""
        self.exit(Exit.DETACH)

    def action_replay_toggle(self) -> None:
        """Play or pause."""
        self._player.toggle()

    def action_replay_faster(self) -> None:
        """One step faster."""
        self._player.faster(1)

    def action_replay_slower(self) -> None:
        """One step slower."""
        self._player.faster(-1)

    def action_replay_step(self) -> None:
        """To what happened next."""
        self._player.step(1)

    def action_replay_back(self) -> None:
        """To what happened before."""
        self._player.step(-1)

    def action_replay_trade(self) -> None:
        """To the next execution."""
        if not self._player.next_trade():
            self.say(Span("no trade follows", Tone.MUTED))

    def action_replay_alert(self) -> None:
        """To the next alert."""
        if not self._player.next_alert():
            self.say(Span("no alert follows", Tone.MUTED))


def hints(keys: Mapping[str, str]) -> str:
    """The keys of the clock in one line."""
    return "REPLAY  " + "  ".join(f"{key_for(name, overrides=keys)} {word}" for name, word in _HINTS)
