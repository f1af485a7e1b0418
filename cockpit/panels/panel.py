"""What all panels share: a quiet title, a slice of the frame in, lines out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from textual import events

from cockpit.frame import Frame
from cockpit.spans import Line
from cockpit.widgets.columns import Row
from cockpit.widgets.lines_view import LinesView
from cockpit.widgets.ticking_table import TickingTable


class Panel(LinesView, can_focus=True):
    """Lines made from a frame at the panel's present size; built anew when either changes."""

    _frame: Frame | None = None

    def show(self, frame: Frame) -> None:
        """Show what the frame says; repaints only what differs."""
        self._frame = frame
        self.set_title(self.title_of(frame))
        if self.size.width > 0:
            self.set_lines(self.build(frame, width=self.size.width, height=self.size.height))

    def on_resize(self, _event: events.Resize) -> None:
        """Build the lines for the new size."""
        if self._frame is not None:
            self.show(self._frame)

    @abstractmethod
    def title_of(self, frame: Frame) -> str:
        """The title: a name, a count, an age; empty for none."""

    @abstractmethod
    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """The lines for that many cells."""


class TablePanel(TickingTable):
    """A ticking table fed from frames; its title says which rows are in sight, so it follows the size."""

    _frame: Frame | None = None

    def show(self, frame: Frame) -> None:
        """Show what the frame says; repaints only what differs."""
        self._frame = frame
        self.set_rows(self.rows_of(frame))
        self.set_title(self.title_of(frame))

    def on_resize(self, _event: events.Resize) -> None:
        """After the table has settled into its new size, fit the title to it."""
        self.call_next(self._retitle)

    def _retitle(self) -> None:
        if self._frame is not None:
            self.set_title(self.title_of(self._frame))

    @abstractmethod
    def rows_of(self, frame: Frame) -> Sequence[Row]:
        """The rows."""

    @abstractmethod
    def title_of(self, frame: Frame) -> str:
        """The title for the present size."""
