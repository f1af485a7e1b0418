"""CPU of one refresh of 200 ticking rows: our table against Textual's DataTable in the same run.

Run `python -m benchmarks.table_refresh`. Prints milliseconds of CPU per refresh and their ratio; the
aim is 5 ms or less for ours, making the text of the changed rows included (its control gets it for
nothing). Both tables run headless with a real compositor, 160x45, every row changed.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import DataTable

from benchmarks.figures import Figure, show
from cockpit.panels.positions import COLUMNS, position_row
from cockpit.themes import THEMES
from cockpit.widgets.columns import RowsOf
from cockpit.widgets.ticking_table import TickingTable
from engine.api import PositionView

ROWS = 200
REFRESHES = 40
AIM_MS = 5.0
NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)


def views_at(step: int, *, every: int = 1) -> list[PositionView]:
    """200 positions; one in `every` ticks with the step."""
    made = []
    for index in range(ROWS):
        tick = (step if index % every == 0 else 0) * 0.01
        view = PositionView(
            symbol=f"SYM{index}",
            quantity=100 + index,
            avg_price=100.0 + index,
            last=100.0 + index + tick,
            unrealized_usd=(100 + index) * tick - 3.0,
            realized_usd=0.0,
            r_multiple=tick,
            protected_quantity=100 + index,
            stop_price=99.0 + index,
            owner="ma_fast",
            opened_at=NOW,
            decimals=2,
            quote_age_s=0.2,
            exposure_usd=10_000.0,
        )
        made.append(view)
    return made


class BenchApp(App[None]):
    """One table, nothing else."""

    def __init__(self, table: Widget) -> None:
        super().__init__()
        self.table = table

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours in Textual's theme."""
        return dict(THEMES[0].variables)

    def compose(self) -> ComposeResult:
        """The table."""
        yield self.table


async def measure(table: Widget, update: Callable[[int], None]) -> float:
    """Mean CPU milliseconds of this thread per refresh, painting included."""
    app = BenchApp(table)
    async with app.run_test(size=(160, 45)) as pilot:
        update(0)
        await pilot.pause()
        gc.collect()
        gc.freeze()  # as the cockpit does after its first frame
        started = time.thread_time()
        for step in range(1, REFRESHES + 1):
            update(step)
            await pilot.pause()
        return (time.thread_time() - started) * 1000.0 / REFRESHES


async def measure_idle() -> float:
    """The same loop without an update: what waiting for the screen costs by itself."""
    return await measure(TickingTable(COLUMNS), lambda _step: None)


async def ours(*, every: int) -> float:
    """Our table."""
    table = TickingTable(COLUMNS)
    steps = [views_at(step, every=every) for step in range(REFRESHES + 1)]
    return await measure(
        table, lambda step: table.set_rows(RowsOf(steps[step], partial(position_row, now=NOW)))
    )


async def control(*, every: int) -> float:
    """Textual's DataTable, only changed cells updated."""
    table: DataTable[str] = DataTable()
    views = [views_at(step, every=every) for step in range(REFRESHES + 1)]
    steps = [[position_row(view, now=NOW) for view in step] for step in views]

    def update(step: int) -> None:
        if step == 0:
            for index, column in enumerate(COLUMNS):
                table.add_column(column.title, key=str(index), width=10)
            for row in steps[0]:
                table.add_row(*(cell.text for cell in row.cells), key=row.key)
            return
        for before, row in zip(steps[step - 1], steps[step], strict=True):
            for index, (old, new) in enumerate(zip(before.cells, row.cells, strict=True)):
                if old != new:
                    table.update_cell(row.key, str(index), new.text)

    return await measure(table, update)


async def compare() -> list[Figure]:
    """Ours and the control, all rows changing and few."""
    idle = await measure_idle()
    made = []
    for every, words in ((1, "all rows change"), (50, "2 % of rows change")):
        mine, theirs = await ours(every=every), await control(every=every)
        note = (
            f"DataTable {theirs:.2f} ms = {theirs / mine:.1f}x ours; waiting alone, in both, {idle:.2f} ms; "
            f"net of it {(theirs - idle) / max(0.01, mine - idle):.1f}x"
        )
        made.append(Figure(f"refresh of {ROWS} rows, CPU: {words}", mine, "ms", AIM_MS, note))
    return made


def figures(*, quick: bool = False) -> list[Figure]:
    """The figures of one run; it is short enough to be always whole."""
    del quick
    return asyncio.run(compare())


def main() -> None:
    """Print the table."""
    show(figures())


if __name__ == "__main__":
    main()
