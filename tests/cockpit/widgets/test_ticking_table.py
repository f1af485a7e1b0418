"""The ticking table repaints what changed, keeps its cursor, and scrolls by keyboard."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.geometry import Region

from cockpit.spans import Span
from cockpit.themes import THEMES
from cockpit.widgets.columns import Column, Row
from cockpit.widgets.ticking_table import TickingTable

COLUMNS = (Column("name", width=6), Column("value", right=True, width=8))


def row(index: int, value: str) -> Row:
    """One row."""
    return Row(f"r{index}", value, lambda: (Span(f"r{index}"), Span(value)))


def rows(count: int, **changed: str) -> list[Row]:
    """Rows r0, r1, …; `changed` gives some of them another value."""
    return [row(index, changed.get(f"r{index}", "1.00")) for index in range(count)]


class Watched(TickingTable):
    """Remembers what it asked to be repainted."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, empty="nothing here", id="table")
        self.repainted: list[Region] = []
        self.built: list[int] = []

    def _repaint_lines(self, changed: Sequence[int]) -> None:
        self.repainted += [Region(0, y, 1, 1) for y in changed]
        super()._repaint_lines(changed)

    def _segments_of(self, y: int) -> list[Segment]:
        self.built.append(y)
        return super()._segments_of(y)


class TableApp(App[None]):
    """A table alone."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Watched()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(THEMES[0].variables)

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()

    def line(self, y: int) -> str:
        """One painted line."""
        return self.table.render_line(y).text.rstrip()


async def test_one_changed_row_repaints_one_line() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.set_rows(rows(8))
        await pilot.pause()
        app.table.repainted.clear()

        app.table.set_rows(rows(8, r3="2.00"))

        assert [region.y for region in app.table.repainted] == [4]
        assert "2.00" in app.line(4)


async def test_a_changed_row_is_the_only_line_that_is_made_anew_for_the_terminal() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.set_rows(rows(8))
        await pilot.pause()
        app.table.built.clear()

        app.table.set_rows(rows(8, r3="2.00"))
        await pilot.pause()
        assert app.table.built == [4]

        app.table.set_title("another title")
        await pilot.pause()
        assert sorted(app.table.built[1:]) == list(range(12)), "what is around the lines may have changed"


async def test_equal_rows_and_rows_out_of_sight_repaint_nothing() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 6)) as pilot:
        app.table.set_rows(rows(50))
        await pilot.pause()
        app.table.repainted.clear()

        app.table.set_rows(rows(50))
        app.table.set_rows(rows(50, r40="9.00"))

        assert app.table.repainted == []


async def test_keys_move_the_cursor_and_the_view_follows() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 6)) as pilot:
        app.table.set_rows(rows(50))
        await pilot.press("j", "down", "k")
        assert app.table.cursor_key == "r1"

        await pilot.press("G")
        assert app.table.cursor_key == "r49"
        assert app.line(5).startswith("▸ r49")
        assert app.table.span_text == "46-50 of 50"

        await pilot.press("pageup", "up")
        assert app.table.cursor_key == "r43"
        await pilot.press("g")
        assert app.line(1).startswith("▸ r0")
        await pilot.press("up", "pagedown", "space")
        assert app.table.cursor_key == "r10"


@pytest.mark.parametrize("gone", ["r1", "r2"])
async def test_the_cursor_stays_with_its_key_or_near_its_place(gone: str) -> None:
    app = TableApp()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.set_rows(rows(4))
        await pilot.press("down", "down")

        app.table.set_rows([kept for kept in rows(4) if kept.key != gone])

        assert app.table.cursor_key == ("r2" if gone == "r1" else "r3")


async def test_an_empty_table_says_so_and_has_no_cursor() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 6)) as pilot:
        await pilot.pause()
        assert app.line(1) == "  nothing here"
        await pilot.press("enter", "down", "G")
        assert app.table.cursor_key is None

        app.table.set_rows(rows(2))
        app.table.set_rows([])
        await pilot.pause()
        assert app.line(1) == "  nothing here"
        assert app.line(2) == ""


async def test_columns_widen_with_their_content_but_do_not_shrink_again() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 6)) as pilot:
        app.table.set_rows(rows(2, r1="1,234,567.89"))
        await pilot.pause()
        wide = len(app.line(2))
        app.table.set_rows(rows(2))
        await pilot.pause()

        assert wide == len("  r1      1,234,567.89")
        assert len(app.line(2)) == wide


async def test_rows_out_of_sight_are_never_turned_into_text() -> None:
    made: list[str] = []

    def making(index: int) -> Row:
        def cells() -> tuple[Span, ...]:
            made.append(f"r{index}")
            return (Span(f"r{index}"), Span("1"))

        return Row(f"r{index}", index, cells)

    app = TableApp()
    async with app.run_test(size=(40, 6)) as pilot:
        app.table.set_rows([making(index) for index in range(50)])
        await pilot.pause()

        assert made == ["r0", "r1", "r2", "r3", "r4"]


async def test_a_resize_measures_every_row_in_sight_again() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.set_rows(rows(3, r2="1,234,567.89"))
        await pilot.pause()
        await pilot.resize_terminal(50, 10)
        await pilot.pause()

        assert app.line(3).endswith("1,234,567.89")
