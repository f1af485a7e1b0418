"""A dialog that is a table, and in words what the row under its cursor means; both follow the engine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from cockpit.frame import Frame
from cockpit.screens.dialog import Dialog
from cockpit.spans import Line
from cockpit.widgets.columns import Column, Row
from cockpit.widgets.ticking_table import TickingTable
from engine.api import Snapshot


class TableDialog(Dialog[None]):
    """Says what its rows and words are by `rows_of` and `words_of`; the table has the keys."""

    def __init__(
        self,
        title: str,
        *,
        keys: Mapping[str, str],
        columns: Sequence[Column],
        empty: str,
        most_rows: int,
        hints: Sequence[str] = (),
    ) -> None:
        super().__init__(title, keys=keys)
        self._snapshot: Snapshot | None = None
        self.most_rows = most_rows
        self._hints = tuple(hints)
        self.table = TickingTable(tuple(columns), empty=empty, id="table")

    @abstractmethod
    def rows_of(self, snapshot: Snapshot) -> list[Row]:
        """The rows, in the order of the screen."""

    @abstractmethod
    def words_of(self, snapshot: Snapshot, *, chosen: str | None) -> Sequence[Line]:
        """All about the row with this key."""

    def compose(self) -> ComposeResult:
        """The table, then the words."""
        with Vertical(id="dialog") as box:
            box.border_title = self._box_title
            box.border_subtitle = self.key_hints(*self._hints)
            yield self.table
            yield self.text

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
