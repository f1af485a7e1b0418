"""A dialog that is a table, and in words what the row under its cursor means; both follow the engine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from cockpit.frame import Frame, condition_words
from cockpit.screens.dialog import Dialog
from cockpit.spans import Line
from cockpit.widgets.columns import Column, Row
from cockpit.widgets.ticking_table import TickingTable
from engine.api import Snapshot

SMALL: Final = 30
"""Lines of a terminal below which the words below a table need its room."""
LARGE: Final = 50
NARROW: Final = 100
"""Columns of a terminal below which the box takes all of them."""


class TableDialog(Dialog[None]):
    """Says what its rows and words are by `rows_of` and `words_of`; the table has the keys.

    It may lie over the header, so its title says how old it is and whatever else the header would.
    """

    def __init__(
        self,
        title: str,
        *,
        keys: Mapping[str, str],
        columns: Sequence[Column],
        empty: str,
        most_rows: int,
        few_rows: int = 0,
        broad: bool = False,
        hints: Sequence[str] = (),
    ) -> None:
        super().__init__(title, keys=keys)
        self._snapshot: Snapshot | None = None
        self._rows_by_height = (few_rows or most_rows, most_rows, 2 * most_rows)
        self._broad = broad
        self._hints = tuple(hints)
        self.table = TickingTable(tuple(columns), empty=empty, id="table")

    @property
    def most_rows(self) -> int:
        """Rows of the table at this height of the terminal."""
        few, most, many = self._rows_by_height
        height = self.app.size.height
        return few if height < SMALL else most if height < LARGE else many

    def title_words(self, frame: Frame) -> Sequence[str]:
        """All that the header would say of safety, and how old it is."""
        return condition_words(frame)

    @abstractmethod
    def rows_of(self, snapshot: Snapshot) -> list[Row]:
        """The rows, in the order of the screen."""

    @abstractmethod
    def words_of(self, snapshot: Snapshot, *, chosen: str | None) -> Sequence[Line]:
        """All about the row with this key."""

    def compose(self) -> ComposeResult:
        """The table, then the words."""
        with Vertical(id="dialog", classes="-broad" if self._broad else "") as box:
            box.border_title = self.box_title
            box.border_subtitle = self.key_hints(*self._hints)
            yield self.table
            yield self.text

    def on_resize(self, event: events.Resize) -> None:
        """A small terminal has no cell to spare beside the box."""
        self.set_class(event.size.width < NARROW, "-narrow")

    def on_mount(self) -> None:
        """The table has the keys."""
        self.table.focus()

    def show(self, frame: Frame) -> None:
        """Follow the engine: what is shown is what it says, not what was asked."""
        self._snapshot = frame.snapshot
        rows = self.rows_of(frame.snapshot)
        self.table.styles.height = max(2, min(self.most_rows, len(rows)) + 1)
        self.table.set_rows(rows)
        self._tell()

    def on_ticking_table_moved(self, event: TickingTable.Moved) -> None:
        """Another row: its words."""
        event.stop()
        self._tell()

    def on_ticking_table_chosen(self, event: TickingTable.Chosen) -> None:
        """Enter on a row; it has no page of its own where `chose` does nothing."""
        event.stop()
        self.chose(event.key)

    def chose(self, key: str) -> None:
        """What enter does with the row of this key."""

    def _tell(self) -> None:
        if self._snapshot is not None:
            self.put(self.words_of(self._snapshot, chosen=self.table.cursor_key))
