"""Columns of a ticking table: what each is worth and how many cells it gets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar, overload

from cockpit.spans import Line, Span, Tone, pad

Item = TypeVar("Item")

GAP = 2
"""Cells between two columns."""
MARKER = 2
"""Cells at the left for the cursor mark."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: title, class of content and how dear it is."""

    title: str
    rank: int = 0
    """0 is always shown; higher ranks are dropped first where the table is narrow."""
    right: bool = False
    """Right-aligned: numbers."""
    width: int = 4
    """Least cells, so that the table stands still while numbers change."""
    most: int = 24
    """Most cells; longer content is cut with `…`."""
    flex: bool = False
    """Asks for its least width only and takes what the others leave."""


class Row:
    """One row: a stable key (the cursor stays with it) and what its cells are made from.

    Cells are made when the row comes into sight: of 200 ticking rows some 40 are ever looked at.
    Two rows are equal when key and source are.
    """

    __slots__ = ("_cells", "_make", "key", "source")

    def __init__(self, key: str, source: object, make: Callable[[], tuple[Span, ...]]) -> None:
        self.key = key
        self.source = source
        self._make = make
        self._cells: tuple[Span, ...] | None = None

    @property
    def cells(self) -> tuple[Span, ...]:
        """One span per column."""
        if self._cells is None:
            self._cells = self._make()
        return self._cells

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Row) and self.key == other.key and self.source == other.source

    __hash__ = None  # type: ignore[assignment]  # compared, never a key: its source may be anything


class RowsOf(Sequence[Row], Generic[Item]):
    """One row for each item, made when it is first looked at: that a row is there need not cost anything."""

    __slots__ = ("_items", "_made", "_make")

    def __init__(self, items: Sequence[Item], make: Callable[[Item], Row]) -> None:
        self._items = items
        self._make = make
        self._made: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(len(self._items)))]
        row = self._made.get(place)
        if row is None:
            row = self._made[place] = self._make(self._items[place])
        return row


class Slot(NamedTuple):
    """A column that fits, and its width in cells."""

    column: int
    width: int
    right: bool = False


def natural_width(column: Column, *, longest: int) -> int:
    """Cells the column wants when its longest content is `longest` cells."""
    return min(column.most, max(column.width, len(column.title), longest))


def fit_columns(columns: Sequence[Column], *, wanted: Sequence[int], width: int) -> tuple[Slot, ...]:
    """The columns that fit into `width` cells, dearest first to stay; order is kept.

    Of two columns of equal rank the right one goes first. Rank 0 stays even where it must be cropped.
    """
    least = [
        min(wanted[index], column.width) if column.flex else wanted[index]
        for index, column in enumerate(columns)
    ]
    kept = list(range(len(columns)))
    while kept:
        total = MARKER + sum(least[index] for index in kept) + GAP * (len(kept) - 1)
        worst = max(columns[index].rank for index in kept)
        if total <= width or worst == 0:
            break
        kept.remove(max(index for index in kept if columns[index].rank == worst))
    spare = max(0, width - MARKER - sum(least[index] for index in kept) - GAP * (len(kept) - 1))
    slots = []
    for index in kept:
        extra = min(spare, wanted[index] - least[index])
        spare -= extra
        slots.append(Slot(index, least[index] + extra, columns[index].right))
    return tuple(slots)


def header_line(columns: Sequence[Column], *, slots: Sequence[Slot]) -> Line:
    """Column titles over their columns."""
    gap = " " * GAP
    titles = [pad(columns[column].title, width=width, right=right) for column, width, right in slots]
    return (Span(" " * MARKER + gap.join(titles), Tone.MUTED),)


def line_width(slots: Sequence[Slot]) -> int:
    """Cells of a row's line, whatever is in it."""
    return MARKER + sum(slot.width for slot in slots) + GAP * max(0, len(slots) - 1)


def row_line(row: Row, *, slots: Sequence[Slot], marked: bool) -> Line:
    """One row as spans of exactly `line_width` cells that a terminal only prints.

    Gaps join the cell before them, and equal tones each other: fewer style changes, fewer bytes.
    """
    spans: list[Span] = []
    cells, last = row.cells, len(slots) - 1
    run, of = ("▸ ", Tone.ACCENT) if marked else ("  ", Tone.TEXT)
    for position, (column, width, right) in enumerate(slots):
        text, tone = cells[column]
        gap = 0 if position == last else GAP
        if len(text) <= width and text.isascii() and text.isprintable():  # most of them; a call less each
            text = (text.rjust(width) if right else text).ljust(width + gap)
        else:
            text = pad(text, width=width, right=right) + " " * gap
        if tone is of:
            run += text
        else:
            spans.append(Span(run, of))
            run, of = text, tone
    spans.append(Span(run, of))
    return tuple(spans)
