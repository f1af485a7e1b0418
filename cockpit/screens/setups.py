"""The watch list: which level is near, what its last break lacked, how often it was tried, why it waits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.frame import Frame
from cockpit.previews import labelled
from cockpit.screens.dialog import Dialog
from cockpit.spans import Line, Span, Tone, line
from cockpit.widgets.columns import Column, Row
from cockpit.widgets.ticking_table import TickingTable
from engine.api import FilterView, SetupView, Snapshot

COLUMNS = (
    Column("symbol", width=6, most=10),
    Column("support", right=True, width=9),
    Column("way", right=True, width=7),
    Column("resistance", right=True, width=10),
    Column("way up", right=True, width=7),
    Column("tried", width=7),
    Column("score", rank=2, right=True, width=5),
    Column("strategy", rank=3, width=9, most=14),
    Column("waits for", rank=1, width=12, most=48),
)
MOST_ROWS = 12
NEAR_PCT = 0.1
"""Nearer than this a level is shown as one to watch."""


class SetupsDialog(Dialog[None]):
    """A table of levels, nearest first, and all about the one under the cursor."""

    def __init__(self, *, keys: Mapping[str, str]) -> None:
        super().__init__("Setups", keys=keys)
        self._snapshot: Snapshot | None = None
        self.table = TickingTable(COLUMNS, empty="no levels: no strategy trades them, or none are found yet")

    def compose(self) -> ComposeResult:
        """The table, then the words."""
        with Vertical(id="dialog") as box:
            box.border_title = self._box_title
            box.border_subtitle = self.key_hints("↑ ↓")
            yield self.table
            yield self.text

    def on_mount(self) -> None:
        """The table has the keys."""
        self.table.focus()

    def show(self, frame: Frame) -> None:
        """Follow the engine."""
        self._snapshot = frame.snapshot
        rows = setup_rows(frame.snapshot)
        self.table.styles.height = max(2, min(MOST_ROWS, len(rows)) + 1)
        self.table.set_rows(rows)
        self._tell()

    def on_ticking_table_moved(self, event: TickingTable.Moved) -> None:
        """Another row: its words."""
        event.stop()
        self._tell()

    def on_ticking_table_chosen(self, event: TickingTable.Chosen) -> None:
        """Enter has no page of its own here: everything is shown."""
        event.stop()

    def _tell(self) -> None:
        if self._snapshot is not None:
            self.put(words(self._snapshot, chosen=self.table.cursor_key))


def setup_rows(snapshot: Snapshot) -> list[Row]:
    """One row per strategy and instrument, as the engine orders them: the nearest to a level first."""
    return [Row(key_of(setup), setup, partial(_cells, setup)) for setup in snapshot.setups]


def key_of(setup: SetupView) -> str:
    """Names a row: two strategies may watch one instrument."""
    return f"{setup.strategy} {setup.symbol}"


def words(snapshot: Snapshot, *, chosen: str | None) -> list[Line]:
    """All about the chosen row."""
    setup = next((s for s in snapshot.setups if key_of(s) == chosen), None)
    if setup is None:
        return [line()]
    tried = f"{setup.attempts_long} long, {setup.attempts_short} short of {setup.max_attempts} per level"
    lines: list[Line] = [line()]
    lines += labelled("waits for", f"{clean(setup.text)} ({setup.code})", tone=Tone.STRONG)
    lines += labelled("above", f"{_price(setup, setup.resistance)}, {setup.stage_above}")
    lines += labelled("below", f"{_price(setup, setup.support)}, {setup.stage_below}")
    lines += labelled("attempts", tried)
    lines += labelled("levels from", clean(setup.source))
    if not setup.filters:
        return lines + labelled("filters", "no break was judged yet", tone=Tone.MUTED)
    lines.append(line(Span("Filters at the last break", Tone.ACCENT)))
    for one in setup.filters:
        lines += _filter_line(one)
    return lines


def _filter_line(one: FilterView) -> list[Line]:
    mark, tone = ("✓", Tone.TEXT) if one.passed else ("✗", Tone.WARN)
    return labelled(f"{mark} {one.name}", f"{fmt.number(one.value)} of {fmt.number(one.limit)}", tone=tone)


def _price(setup: SetupView, value: float) -> str:
    return fmt.price(value, decimals=setup.decimals)


def _cells(setup: SetupView) -> tuple[Span, ...]:
    held = setup.code == "in_position"
    return (
        Span(setup.symbol, Tone.STRONG if held else Tone.TEXT),
        Span(_price(setup, setup.support), Tone.TEXT),
        _way(setup.below_pct),
        Span(_price(setup, setup.resistance), Tone.TEXT),
        _way(setup.above_pct),
        Span(f"{setup.attempts_long}↑ {setup.attempts_short}↓ /{setup.max_attempts}", Tone.MUTED),
        Span(fmt.number(setup.score, decimals=0), Tone.MUTED),
        Span(setup.strategy, Tone.MUTED),
        Span("held" if held else clean(setup.text), Tone.STRONG if held else Tone.MUTED),
    )


def _way(pct: float | None) -> Span:
    """The way to a level in percent; beyond it and close to it in words of their own tone."""
    if pct is None:
        return Span("—", Tone.MUTED)
    text = f"{pct:.2f} %" if pct >= 0 else f"{-pct:.2f}%!"
    return Span(text, Tone.WARN if pct < NEAR_PCT else Tone.TEXT)
