"""The Textual app: wiring between the engine's handle and the screens; it holds no trading state."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Unpack

from textual import events
from textual.screen import Screen
from textual.timer import Timer

from cockpit.action import Where
from cockpit.bell import Bell
from cockpit.bridge import Bridge, Details
from cockpit.drill_process import Drills
from cockpit.exits import Exit
from cockpit.format import clean
from cockpit.frame import Clock, Frame, ScreenState
from cockpit.keymap import checked_keymap, keys_at
from cockpit.later import import_later
from cockpit.line_actions import LineActions
from cockpit.line_history import LineHistory
from cockpit.looking import Gaze
from cockpit.messages import LeaveNow, OutcomeArrived, Urgent
from cockpit.palette import ActionProvider
from cockpit.screens.cockpit import CockpitScreen
from cockpit.screens.dialog import Dialog
from cockpit.settings import ColorMode, UiSettings
from cockpit.spans import Span, Tone
from cockpit.themes import DEFAULT_THEME, THEME_NAMES, THEMES, next_theme
from engine.api import Command, CommandKind, EngineState, Outcome, OutcomeStatus
from engine.api_handle import EngineHandle

REFRESH_BUDGET_MS = 50.0
"""A refresh dearer than this (or a tick this late) slows the screen down to one look a second."""
SLOW_REFRESH_S = 1.0
SEEN_EVERY_S = 15.0
LATE_TICK_S = 1.0
THROTTLE_FOR_S = 5.0
SECOND_CTRL_C_S = 3.0


def wall_clock() -> datetime:
    """Wall time, aware UTC."""
    return datetime.now(UTC)


class CockpitApp(LineActions, inherit_bindings=False):
    """One operator's screen. `run()` returns how it was left; carrying that out is the caller's."""

    TITLE = "cockpit"
    CSS_PATH = "cockpit.tcss"
    ENABLE_COMMAND_PALETTE = False
    COMMANDS: ClassVar = {ActionProvider}

    def __init__(
        self,
        handle: EngineHandle,
        *,
        settings: UiSettings | None = None,
        clock: Clock = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] | None = None,
    ) -> None:
        """Prepare the screen of `handle`.

        Raises:
            KeymapError: the operator's keys clash or name an unknown action.
        """
        self.settings = settings or UiSettings()
        keymap = checked_keymap(self.settings.keys)
        if self.settings.color is ColorMode.NONE:
            os.environ["NO_COLOR"] = "1"  # Textual reads it while it begins.
        self._colourless = "NO_COLOR" in os.environ
        super().__init__()
        self.animation_level = "none"
        self.history = LineHistory(self.settings.history)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self._theme_name()
        # Textual's own palette key would also work in dialogs; ours comes from the action table.
        self.use_command_palette = True
        self.failure = ""
        self._handle = handle
        self._bridge = Bridge(handle, on_outcome=self._outcome_arrived, new_id=new_id)
        self.gaze = Gaze(self._bridge.tell_watch, monotonic=monotonic)
        self._bell = Bell(self.settings.bell)
        self._clock = clock
        self._monotonic = monotonic
        self._refresh_ms = 0.0
        self._throttled_until = 0.0
        self._last_tick: float | None = None
        self._last_look = 0.0
        self._told_seen = float("-inf")
        self._focused_app = True
        self._last_ctrl_c: float | None = None
        self._questions: set[str] = set()
        self._looked_at: tuple[int, int, ScreenState] | None = None
        self._timer: Timer | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._frame = Frame(handle.snapshot(), clock(), self._screen_state())
        self._cockpit = CockpitScreen(keys=self.settings.keys)
        self.set_keymap(keymap)
        self._everywhere = keys_at(Where.EVERYWHERE, overrides=self.settings.keys)

    # What the keys need to know

    @property
    def native_ansi_color(self) -> bool:
        """True also without colours: else Textual would write shades of grey, colours to a terminal."""
        return self._colourless or super().native_ansi_color

    @property
    def frame(self) -> Frame:
        """What is shown now."""
        return self._frame

    @property
    def standing(self) -> str:
        """How a replay stands; empty on a live engine."""
        return ""

    @property
    def handle(self) -> EngineHandle:
        """The engine."""
        return self._handle

    @property
    def keys(self) -> Mapping[str, str]:
        """The operator's own keys."""
        return self.settings.keys

    @property
    def drills(self) -> Drills | None:
        """What runs drills."""
        return self.settings.drills

    @property
    def cockpit(self) -> CockpitScreen:
        """The cockpit screen, whatever lies over it."""
        return self._cockpit

    # Life

    def run(self, *args: Any, **options: Any) -> Exit:
        """Run until the operator leaves; a broken screen comes back as UI_FAILED, never as an exception."""
        result = super().run(*args, **options)
        return result if result is not None else Exit.UI_FAILED

    def leave(self, how: Exit) -> None:
        """Make the screen go, from any thread, without a question."""
        self.post_message(LeaveNow(how))

    async def on_event(self, event: events.Event) -> None:
        """Halt, kill and ctrl+c come before every screen, dialog and text field.

        A binding would not do: text fields take letters before any binding sees them.
        """
        if isinstance(event, events.Key):
            self._tell_seen()
        if isinstance(event, events.Key) and not event.is_forwarded and event.key in self._everywhere:
            event.stop()
            await self.run_action(self._everywhere[event.key])
            return
        await super().on_event(event)

    def _tell_seen(self) -> None:
        """A key is a sign of life, told now and then, and only where the engine waits for one."""
        now = self._monotonic()
        waited_for = not self._handle.seat().read_only and self._handle.snapshot().dead_man_minutes > 0
        if waited_for and now - self._told_seen >= SEEN_EVERY_S:
            self._told_seen = now
            self._bridge.tell_seen()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Values for our own variables in themes that do not know them."""
        return dict(THEMES[0].variables)

    def get_default_screen(self) -> Screen[None]:
        """Screen 1."""
        return self._cockpit

    def on_mount(self) -> None:
        """The first frame, the timer, and the engine's urgent calls."""
        self._unsubscribe = self._handle.subscribe(self._wake)
        self._timer = self.set_interval(self.settings.refresh_s, self._tick, name="snapshot")
        self.call_after_refresh(self._first_look)

    def on_unmount(self) -> None:
        """End the subscription: the engine must not call a screen that is gone."""
        self._unsubscribe()

    def _first_look(self) -> None:
        self._look_and_offer()
        self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        """What the first frame need not wait for; later no key waits for a file that an update replaced."""
        import_later()
        if self.settings.freeze_gc:
            # A full collection walks every object of both threads: 30 to 90 ms in which nobody trades.
            gc.collect()
            gc.freeze()
        gc.enable()

    def _wake(self) -> None:
        """The engine's urgent call, from its thread."""
        self.post_message(Urgent())

    # Looking

    def look(self) -> None:
        """Show the present snapshot wherever it differs from what is shown."""
        if not self.is_running:
            return  # the screens are being taken down, and the timer does not know it yet
        snapshot, now, state = self._handle.snapshot(), self._clock(), self._screen_state()
        frame = Frame(snapshot, now, state)
        self._frame = frame
        # Without news only whole seconds change a thing: the ages in the titles.
        looked_at = (snapshot.seq, int(frame.age_s), state)
        if looked_at == self._looked_at:
            return
        self._looked_at = looked_at
        self.tell_seat(state.seat)
        if self._bell.is_due(snapshot.alerts):
            self.bell()
        started = self._monotonic()
        with self.batch_update():
            self._cockpit.show(frame)
            for screen in self.open_screens:
                screen.show(frame)
            if isinstance(self.screen, Dialog):
                self.screen.follow(frame)
        self._refresh_ms = (self._monotonic() - started) * 1000.0
        if self._refresh_ms > REFRESH_BUDGET_MS:
            self._throttled_until = self._monotonic() + THROTTLE_FOR_S

    def _look_and_offer(self) -> None:
        """A look; what waits to be settled then comes up by itself."""
        self.look()
        if self.is_running and not self.offer_digest():
            self.offer_recovery()

    def on_urgent(self) -> None:
        """Something must be seen now, throttled or not."""
        self._look_and_offer()

    def _tick(self) -> None:
        """One regular look, unless the screen is too slow or nobody watches it."""
        now = self._monotonic()
        before, self._last_tick = self._last_tick, now
        if before is not None and now - before > self.settings.refresh_s + LATE_TICK_S:
            # The terminal did not take our bytes, or the machine is busy: paint less.
            self._throttled_until = now + THROTTLE_FOR_S
        slow = self._is_throttled or not self._focused_app
        if slow and now - self._last_look < SLOW_REFRESH_S:
            return
        self._last_look = now
        if not self._handle.is_alive and self._handle.snapshot().engine_state is EngineState.STOPPED:
            self.exit(Exit.ENGINE_STOPPED)
            return
        self._look_and_offer()

    def on_app_blur(self, _event: events.AppBlur) -> None:
        """Nobody types here: look once a second."""
        self._focused_app = False

    def on_app_focus(self, _event: events.AppFocus) -> None:
        """Back at full pace."""
        self._focused_app = True
        self.look()

    @property
    def _is_throttled(self) -> bool:
        return self._monotonic() < self._throttled_until

    def _screen_state(self) -> ScreenState:
        return ScreenState(
            # In steps of 5 ms: a figure that changes at every look would repaint at every look.
            refresh_ms=5.0 * round(self._refresh_ms / 5.0),
            throttled=self._is_throttled,
            seat=self._handle.seat(),
            engine_alive=self._handle.is_alive,
            replay=self.standing,
        )

    # Wishes and outcomes

    def send(self, kind: CommandKind, **details: Unpack[Details]) -> Command | None:
        """Submit a command and say so; None (and a word why) where a screen that only watches may not.

        The engine refuses such a command, too: this only spares the way.
        """
        if not self._handle.seat().allows(kind):
            self.say(Span(f"{kind.value} not sent: {self.why_not_acting()}", Tone.WARN))
            return None
        about = details.get("target") or details.get("scope", "")
        what = " ".join(part for part in (kind.value, str(about)) if part)
        self.say(Span("requested ", Tone.WARN), Span(clean(what)))
        return self._bridge.submit(kind, **details)

    def question(self, kind: CommandKind, **details: Unpack[Details]) -> Command | None:
        """As `send`, without a word: the dialog on top hears the answer. None where it may not ask."""
        if not self._handle.seat().allows(kind):
            return None
        command = self._bridge.submit(kind, **details)
        self._questions.add(command.command_id)
        return command

    def say(self, *spans: Span) -> None:
        """One message in the status line of every screen."""
        self._cockpit.status.say(*spans)
        for screen in self.open_screens:
            screen.status.say(*spans)

    def _outcome_arrived(self, command: Command, outcome: Outcome) -> None:
        """From any thread."""
        self.post_message(OutcomeArrived(command, outcome))

    def on_outcome_arrived(self, message: OutcomeArrived) -> None:
        """Say what became of a wish; a refusal or failure also pops up."""
        if not self.is_running:
            return
        command, outcome = message.command, message.outcome
        if command.command_id in self._questions:
            self._questions.remove(command.command_id)
        else:
            self._tell(command, outcome)
        self.look()
        if self.recovery_screen is not None:
            self.recovery_screen.heard(command, outcome)
        if isinstance(self.screen, Dialog):
            self.screen.heard(command, outcome)

    def _tell(self, command: Command, outcome: Outcome) -> None:
        good = outcome.status is OutcomeStatus.DONE
        code = f" [{outcome.code}]" if outcome.code else ""
        self.say(
            Span(f"{command.kind.value} {outcome.status.value}", Tone.GAIN if good else Tone.ERROR),
            Span(f" {outcome.text}{code}"),
        )
        if not good:
            self.notify(
                clean(f"{outcome.text}{code}"),
                title=f"{command.kind.value} {outcome.status.value}",
                severity="error",
                markup=False,
            )

    # Keys of the app itself

    def action_interrupt(self) -> None:
        """Ctrl+c: the question of `q`; a second one within 3 s stops by `shutdown.on_signal`.

        On a screen that only watches it leaves.
        """
        now = self._monotonic()
        if self._last_ctrl_c is not None and now - self._last_ctrl_c <= SECOND_CTRL_C_S:
            self.exit(Exit.STOP_DEFAULT if self._handle.seat().acting else Exit.DETACH)
            return
        self._last_ctrl_c = now
        self.action_leave()

    def action_theme(self) -> None:
        """The next theme."""
        self.theme = next_theme(self.theme)
        self.say(Span(f"theme {self.theme}", Tone.MUTED))

    def on_leave_now(self, message: LeaveNow) -> None:
        """Go, without a question."""
        self.exit(message.how)

    def _theme_name(self) -> str:
        if self.settings.color is ColorMode.ANSI:
            return "ansi"
        return self.settings.theme if self.settings.theme in THEME_NAMES else DEFAULT_THEME

    def _fatal_error(self) -> None:
        """A broken screen leaves one sentence, not a traceback on the operator's terminal."""
        error = self._exception
        self.failure = (
            f"{type(error).__name__}: {clean(str(error))}" if error is not None else "unknown error"
        )
        self._close_messages_no_wait()
