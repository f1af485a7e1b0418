"""The risk dial: every value that may change while trading, with its bounds; tightening is cheap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from cockpit.action import Where
from cockpit.frame import Frame
from cockpit.keymap import bindings_for, key_for
from cockpit.previews import value_text
from cockpit.screens.dialog import Dialog
from cockpit.spans import Span, Tone, line
from cockpit.widgets.columns import Column, Row
from cockpit.widgets.ticking_table import TickingTable
from engine.api import RuntimeValue, Snapshot

COLUMNS = (
    Column("value", width=26, most=36),
    Column("now", right=True, width=8),
    Column("low", right=True, width=8),
    Column("high", right=True, width=8),
    Column("step", right=True, width=6),
    Column("origin", rank=1, width=11),
)

Step = Callable[[str, int], None]
"""Asks the app to move a value (key) by so many steps; raising is asked about first."""


class RiskDialog(Dialog[None]):
    """A table of values; plus and minus move the one under the cursor, a figure can be typed."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for(Where.DIAL))

    def __init__(self, *, keys: Mapping[str, str], step: Step, type_value: Callable[[str], None]) -> None:
        super().__init__("Risk", keys=keys)
        self._step = step
        self._type = type_value
        self.table = TickingTable(COLUMNS, empty="nothing can be changed while it runs", id="values")

    def compose(self) -> ComposeResult:
        """The table and one line of keys."""
        with Vertical(id="dialog") as box:
            box.border_title = self._box_title
            box.border_subtitle = self.key_hints()
            yield self.table
            yield self.text

    def on_mount(self) -> None:
        """The table has the keys."""
        self.table.focus()
        up, down, enter = (
            key_for(name, overrides=self._keys) for name in ("step_up", "step_down", "details")
        )
        hint = f"{up} {down} one step · {enter} type a figure · lower acts at once, higher asks"
        self.put([line(Span(hint, Tone.MUTED))])

    def show(self, frame: Frame) -> None:
        """Follow the values: what is shown is what the engine says, not what was asked."""
        rows = value_rows(frame.snapshot)
        self.table.styles.height = max(2, len(rows) + 1)
        self.table.set_rows(rows)

    def on_ticking_table_chosen(self, event: TickingTable.Chosen) -> None:
        """Enter on a row: type a figure."""
        event.stop()
        self._type(event.key)

    def action_step_up(self) -> None:
        """Raise the value under the cursor by one step."""
        self._move(1)

    def action_step_down(self) -> None:
        """Lower the value under the cursor by one step."""
        self._move(-1)

    def _move(self, steps: int) -> None:
        key = self.table.cursor_key
        if key is not None:
            self._step(key, steps)


def value_rows(snapshot: Snapshot) -> list[Row]:
    """One row per runtime value."""
    return [Row(item.key, item, partial(_cells, item)) for item in snapshot.runtime]


def _cells(item: RuntimeValue) -> tuple[Span, ...]:
    return (
        Span(item.key),
        Span(value_text(item.value), Tone.STRONG),
        Span(value_text(item.low), Tone.MUTED),
        Span(value_text(item.high), Tone.MUTED),
        Span(value_text(item.step), Tone.MUTED),
        Span("changed here", Tone.WARN) if item.overridden else Span("configured", Tone.MUTED),
    )
