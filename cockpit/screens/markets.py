"""Who may be entered and who not: tier, theme, traded value, spread; the regime and the data lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.previews import labelled
from cockpit.screens.table_dialog import TableDialog
from cockpit.spans import Line, Span, Tone, line
from cockpit.widgets.columns import Column, Row
from engine.api import Snapshot
from engine.api_selection import LinesRow, UniverseRow

COLUMNS = (
    Column("symbol", width=6, most=10),
    Column("tier", width=4),
    Column("traded, 24 h", right=True, width=12),
    Column("spread bps", right=True, width=10),
    Column("theme", rank=1, width=10, most=16),
    Column("not entered", rank=2, width=17, most=20),
)
MOST_ROWS = 16
FEW_ROWS = 7
"""Rows on a small terminal, where the words below need the room."""


class MarketsDialog(TableDialog):
    """The universe, best tier first; below it the row under the cursor, the regime and the data lines."""

    def __init__(self, *, keys: Mapping[str, str]) -> None:
        super().__init__(
            "Markets",
            keys=keys,
            columns=COLUMNS,
            empty="no instrument was measured yet",
            most_rows=MOST_ROWS,
            few_rows=FEW_ROWS,
            broad=True,
            hints=("↑ ↓",),
        )

    def rows_of(self, snapshot: Snapshot) -> list[Row]:
        """One row per instrument, as the engine orders them: best tier first, those left out last."""
        return [Row(row.symbol, row, partial(_cells, row)) for row in snapshot.selection.universe]

    def words_of(self, snapshot: Snapshot, *, chosen: str | None) -> Sequence[Line]:
        """Why the chosen one is left out, and what counts for all of them."""
        selection = snapshot.selection
        row = next((row for row in selection.universe if row.symbol == chosen), None)
        lines: list[Line] = [line()]
        if row is not None and row.code:
            lines += labelled(row.symbol, f"{clean(row.text)} ({row.code})", tone=Tone.WARN)
        elif row is not None:
            traded = any(row.symbol in strategy.symbols for strategy in snapshot.strategies)
            may = "may be entered" if traded else "watched; no strategy trades it"
            lines += labelled(row.symbol, f"tier {row.tier}: {may}")
        regime = clean(selection.regime.text) or "not looked at yet"
        lines += labelled("regime", regime, tone=Tone.WARN if selection.regime.factor <= 0 else Tone.TEXT)
        return lines + labelled("data lines", lines_text(selection.lines))


def lines_text(lines: LinesRow) -> str:
    """How the account's lines are used, and who has none."""
    used = f"{lines.used} of {lines.limit}"
    if not lines.left_out:
        return used
    return f"{used}; without one: {', '.join(clean(key) for key in lines.left_out)}"


def _cells(row: UniverseRow) -> tuple[Span, ...]:
    tone = Tone.MUTED if row.code else Tone.TEXT
    return (
        Span(clean(row.symbol), tone),
        Span(str(row.tier), Tone.STRONG) if row.tier else Span("—", Tone.WARN),
        Span(fmt.compact(row.value_usd), tone),
        Span(fmt.number(row.spread_bps, decimals=1), tone),
        Span(clean(row.theme), Tone.MUTED),
        Span(row.code, Tone.WARN),
    )
