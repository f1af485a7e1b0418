"""The question of `q` and ctrl+c: how to leave, and what that does to positions and stops."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Button

from cockpit.action import Where
from cockpit.exits import Exit
from cockpit.frame import Frame
from cockpit.keymap import bindings_for
from cockpit.previews import leave_preview
from cockpit.screens.dialog import Dialog


class LeaveDialog(Dialog[Exit]):
    """Three ways out and Cancel, which has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for(Where.LEAVE))

    def compose_controls(self) -> ComposeResult:
        """Cancel first, the ways out beside it."""
        with Horizontal(classes="buttons"):
            yield Button("Cancel", id="cancel", compact=True)
            yield Button("Detach", id="detach", compact=True)
            yield Button("Stop, flatten", id="stop_flatten", compact=True)
            yield Button("Stop, keep", id="stop_keep", compact=True)

    def on_mount(self) -> None:
        """Cancel has the focus."""
        self.query_one("#cancel", Button).focus()

    def show(self, frame: Frame) -> None:
        """The figures follow the account."""
        self.put(leave_preview(frame.snapshot, keys=self._keys).lines)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button was chosen."""
        event.stop()
        self.dismiss(None if event.button.id == "cancel" else Exit(str(event.button.id)))

    def action_detach(self) -> None:
        """Leave, the engine trades on."""
        self.dismiss(Exit.DETACH)

    def action_stop_flatten(self) -> None:
        """Stop the engine, positions closed."""
        self.dismiss(Exit.STOP_FLATTEN)

    def action_stop_keep(self) -> None:
        """Stop the engine, positions stay."""
        self.dismiss(Exit.STOP_KEEP)
