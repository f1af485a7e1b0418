"""Pages to read: help, and everything about one position or order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from cockpit.frame import Frame
from cockpit.screens.dialog import Dialog
from cockpit.spans import Line

PageBuilder = Callable[[Frame], Sequence[Line]]


class PageDialog(Dialog[None]):
    """Lines in a box that scrolls where they do not fit; escape closes it."""

    def __init__(self, title: str, *, keys: Mapping[str, str], build: PageBuilder) -> None:
        super().__init__(title, keys=keys)
        self._build = build

    def compose(self) -> ComposeResult:
        """The lines in a scrolling box that has the keys."""
        with VerticalScroll(id="dialog") as box:
            box.border_title = self.box_title
            box.border_subtitle = self.key_hints("↑ ↓ pgup pgdn")
            yield self.text

    def on_mount(self) -> None:
        """The box scrolls with the arrow keys."""
        self.query_one("#dialog").focus()

    def show(self, frame: Frame) -> None:
        """Follow the account."""
        self.put(self._build(frame))
