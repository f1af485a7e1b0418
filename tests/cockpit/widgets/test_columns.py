"""Columns that fit: the dear ones stay, nothing is wider than the table unless it must be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cockpit.spans import Span, text_of, width_of
from cockpit.widgets.columns import GAP, MARKER, Column, Row, RowsOf, fit_columns, header_line, row_line


def made_of(*cells: str) -> Row:
    """A row of plain texts."""
    return Row("k", cells, lambda: tuple(map(Span, cells)))


columns_and_widths = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 20), st.booleans()), min_size=1, max_size=10
)


@given(columns_and_widths, st.integers(0, 200))
def test_only_what_must_stay_may_overflow_and_order_is_kept(
    made: list[tuple[int, int, bool]], width: int
) -> None:
    columns = [
        Column(f"c{index}", rank=rank, flex=flex, width=1) for index, (rank, _wide, flex) in enumerate(made)
    ]
    wanted = [wide for _rank, wide, _flex in made]

    slots = fit_columns(columns, wanted=wanted, width=width)

    shown = [slot.column for slot in slots]
    assert shown == sorted(shown)
    assert {index for index, column in enumerate(columns) if column.rank == 0} <= set(shown)
    total = MARKER + sum(slot.width for slot in slots) + GAP * max(0, len(slots) - 1)
    assert total <= width or all(columns[index].rank == 0 for index in shown)
    dropped = [columns[index].rank for index in range(len(columns)) if index not in shown]
    assert max((columns[index].rank for index in shown), default=0) <= min(dropped, default=99)


def test_a_flexible_column_takes_what_is_left_and_no_more_than_it_wants() -> None:
    columns = [Column("a"), Column("words", width=5, flex=True)]

    assert [slot.width for slot in fit_columns(columns, wanted=[4, 40], width=30)] == [4, 22]
    assert [slot.width for slot in fit_columns(columns, wanted=[4, 9], width=30)] == [4, 9]


def test_numbers_line_up_at_the_right_and_long_text_is_marked_as_cut() -> None:
    columns = [Column("symbol", width=6), Column("qty", right=True, width=5)]
    slots = fit_columns(columns, wanted=[6, 5], width=40)

    head = text_of(header_line(columns, slots=slots))
    first = text_of(row_line(made_of("TSLA", "50"), slots=slots, marked=True))
    second = text_of(row_line(made_of("GOOGLEISH", "−1,200"), slots=slots, marked=False))

    assert first == "▸ TSLA       50"
    assert second == "  GOOGL…  −1,2…"
    assert len(head) == len(first) == len(second)


@given(st.text(max_size=30), st.integers(1, 12))
def test_wide_characters_never_make_a_cell_wider_than_its_slot(text: str, width: int) -> None:
    columns = [Column("x", width=width, most=width)]
    slots = fit_columns(columns, wanted=[width], width=80)
    spans = row_line(made_of("".join(filter(str.isprintable, text))), slots=slots, marked=False)

    assert width_of(spans) == MARKER + width


def test_a_row_is_made_when_it_is_looked_at_and_only_once() -> None:
    asked: list[int] = []

    def make(item: int) -> Row:
        asked.append(item)
        return made_of(str(item))

    rows = RowsOf(range(200), make)

    assert len(rows) == 200
    assert asked == []
    assert [row.cells[0].text for row in rows[3:5]] == ["3", "4"]
    assert rows[3] is rows[3]
    assert rows[-1].cells[0].text == "199"
    assert asked == [3, 4, 199]
    assert len(list(rows)) == 200
