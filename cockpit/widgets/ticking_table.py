"""A table for rows that tick: one changed row costs one repainted line, not the whole widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.message import Message

from cockpit.action import Where
from cockpit.keymap import bindings_for
from cockpit.spans import Span, Tone, cells_of
from cockpit.widgets.columns import (
    MARKER,
    Column,
    Row,
    Slot,
    fit_columns,
    header_line,
    line_width,
    natural_width,
    row_line,
)
from cockpit.widgets.lines_view import LinesView


class TickingTable(LinesView, can_focus=True):
    """Rows under a fixed header with a cursor that stays with its row's key while rows move.

    Column widths only grow between two resizes, so that nothing shakes while numbers tick.
    """

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for(Where.TABLE))

    class Chosen(Message):
        """The operator asked for the details of a row."""

        def __init__(self, table: TickingTable, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

    class Moved(Message):
        """The cursor is on another row."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "",
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._lines = ((Span(" " * MARKER + empty, Tone.MUTED),),)
        self._rows: Sequence[Row] = ()
        self._longest = [0] * len(self._columns)
        self._slots: tuple[Slot, ...] = ()
        self._line_width = 0
        self._cursor = 0
        self._top = 0
        self._shown: list[tuple[Row, bool] | None] = []

    # What it shows

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, shown or scrolled away."""
        return tuple(self._rows)

    @property
    def cursor_key(self) -> str | None:
        """Key of the row under the cursor; None while there is no row."""
        return self._rows[self._cursor].key if self._rows else None

    @property
    def span_text(self) -> str:
        """`1-9 of 24` where not every row is in sight; else empty."""
        room = self._room
        if not self._rows or len(self._rows) <= room:
            return ""
        return f"{self._top + 1}-{min(len(self._rows), self._top + room)} of {len(self._rows)}"

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show `rows`; the cursor follows its key, or stays near its place when that row is gone."""
        key = self.cursor_key
        self._rows = rows
        self._cursor = self._place_of(key)
        self._settle()

    def set_empty(self, text: str) -> None:
        """What is said while there is no row."""
        fresh = ((Span(" " * MARKER + text, Tone.MUTED),),)
        if fresh != self._lines:
            self._lines = fresh
            self._repaint_lines([1])  # below the header

    # Painting

    def on_resize(self, _event: events.Resize) -> None:
        """Fit the columns anew; widths may shrink here and only here."""
        self._longest = [0] * len(self._columns)
        self._slots, self._shown = (), []
        self._settle()

    def _segments_of(self, y: int) -> list[Segment]:
        """Header at the top, then the rows in sight; one hint line where there is no row."""
        if y == 0:
            return self._segments(header_line(self._columns, slots=self._slots))
        shown = self._shown[y - 1] if y <= len(self._shown) else None
        if shown is None:
            return self._segments(self._lines[0] if y == 1 and not self._rows else ())
        row, marked = shown
        spans = row_line(row, slots=self._slots, marked=marked)
        return self._fitted(spans, length=self._line_width, selected=marked and self.has_focus)

    def _settle(self) -> None:
        """Rows, cursor or size changed: follow the cursor, widen what must be, repaint what differs."""
        self._follow_cursor()
        fresh, before = self._in_sight(), self._shown
        self._shown = fresh
        if len(before) != len(fresh):
            before = [None] * len(fresh)
        changed = [y for y, (old, new) in enumerate(zip(before, fresh, strict=True), 1) if old != new]
        grown = self._measure([shown[0] for shown in (fresh[y - 1] for y in changed) if shown is not None])
        if (grown or not self._slots) and self._layout_columns():
            self.refresh()
        else:
            self._repaint_lines(changed)

    def _in_sight(self) -> list[tuple[Row, bool] | None]:
        """For each line below the header its row, and whether the cursor is on it."""
        room, top, cursor = self._room, self._top, self._cursor
        rows: list[tuple[Row, bool] | None] = [
            (row, place == cursor) for place, row in enumerate(self._rows[top : top + room], top)
        ]
        return rows + [None] * (room - len(rows))

    def _layout_columns(self) -> bool:
        """Give every column its cells; True where one has others than before."""
        wanted = [
            natural_width(column, longest=self._longest[index]) for index, column in enumerate(self._columns)
        ]
        before, self._slots = self._slots, fit_columns(self._columns, wanted=wanted, width=self.width)
        self._line_width = line_width(self._slots)
        return self._slots != before

    def _measure(self, rows: Sequence[Row]) -> bool:
        """Remember the longest content per column of these rows; True where one grew."""
        grown = False
        longest = self._longest
        for row in rows:
            for index, (text, _) in enumerate(row.cells):
                if len(text) <= longest[index] and text.isascii():
                    continue
                length = cells_of(text)
                if length > longest[index]:
                    longest[index] = length
                    grown = True
        return grown

    # The cursor

    def move_cursor(self, place: int) -> None:
        """Put the cursor on row `place`, clamped, and keep it in sight."""
        before = self._cursor
        self._cursor = max(0, min(place, len(self._rows) - 1))
        self._settle()
        if self._cursor != before:
            self.post_message(self.Moved())

    def action_cursor_down(self) -> None:
        """One row down."""
        self.move_cursor(self._cursor + 1)

    def action_cursor_up(self) -> None:
        """One row up."""
        self.move_cursor(self._cursor - 1)

    def action_page_down(self) -> None:
        """One screenful down."""
        self.move_cursor(self._cursor + self._room)

    def action_page_up(self) -> None:
        """One screenful up."""
        self.move_cursor(self._cursor - self._room)

    def action_first_row(self) -> None:
        """To the first row."""
        self.move_cursor(0)

    def action_last_row(self) -> None:
        """To the last row."""
        self.move_cursor(len(self._rows) - 1)

    def action_details(self) -> None:
        """Ask for everything about the row under the cursor."""
        key = self.cursor_key
        if key is not None:
            self.post_message(self.Chosen(self, key))

    def on_focus(self, _event: events.Focus) -> None:
        """The cursor row is lit only where keys go."""
        self._relight()

    def on_blur(self, _event: events.Blur) -> None:
        """The cursor row stays marked, but no longer lit."""
        self._relight()

    def _relight(self) -> None:
        self._repaint_lines([self._cursor - self._top + 1])

    @property
    def _room(self) -> int:
        return max(1, self.height - 1)

    def _place_of(self, key: str | None) -> int:
        here = self._cursor
        if here < len(self._rows) and self._rows[here].key == key:
            return here  # nearly always; the others need not be made to be asked
        for place, row in enumerate(self._rows):
            if row.key == key:
                return place
        return max(0, min(here, len(self._rows) - 1))

    def _follow_cursor(self) -> None:
        room = self._room
        self._top = max(self._cursor - room + 1, min(self._top, self._cursor))
        self._top = max(0, min(self._top, len(self._rows) - room))
