"""The risk dial: every value and every strategy that may be changed while trading; tightening is cheap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from cockpit import format as fmt
from cockpit.action import Where
from cockpit.format import clean
from cockpit.keymap import bindings_for, key_for
from cockpit.previews import REGIME, STRATEGY, labelled, value_text
from cockpit.screens.table_dialog import TableDialog
from cockpit.spans import Line, Span, Tone, line
from cockpit.widgets.columns import Column, Row
from engine.api import RuntimeValue, Snapshot, StrategyView
from engine.api_selection import RegimeRow

COLUMNS = (
    Column("value", width=26, most=36),
    Column("now", right=True, width=8),
    Column("low", right=True, width=8),
    Column("high", right=True, width=8),
    Column("step", right=True, width=6),
    Column("origin", rank=1, width=11),
)
MOST_ROWS = 10
Step = Callable[[str, int], None]
"""Asks the app to move a value (key), or a strategy, by so many steps; up is asked about first."""


class RiskDialog(TableDialog):
    """Plus and minus move the row under the cursor; a figure can be typed, a strategy is switched."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for(Where.DIAL))

    def __init__(self, *, keys: Mapping[str, str], step: Step, choose: Callable[[str], None]) -> None:
        super().__init__(
            "Risk",
            keys=keys,
            columns=COLUMNS,
            empty="nothing can be changed while it runs",
            most_rows=MOST_ROWS,
        )
        self._step = step
        self._choose = choose

    def rows_of(self, snapshot: Snapshot) -> list[Row]:
        """One row per runtime value, then one per strategy."""
        return dial_rows(snapshot)

    def words_of(self, snapshot: Snapshot, *, chosen: str | None) -> list[Line]:
        """Which keys act, and who changed the row under the cursor."""
        up, down, enter = (
            key_for(name, overrides=self._keys) for name in ("step_up", "step_down", "details")
        )
        hint = f"{up} {down} one step, on and off · {enter} type a figure · lower and off act at once"
        return [line(Span(hint, Tone.MUTED)), *_about(snapshot, chosen)]

    def chose(self, key: str) -> None:
        """Enter on a row: type a figure, or switch the strategy."""
        self._choose(key)

    def action_step_up(self) -> None:
        """Raise the value under the cursor by one step, or switch its strategy on."""
        self._move(1)

    def action_step_down(self) -> None:
        """Lower the value under the cursor by one step, or switch its strategy off."""
        self._move(-1)

    def _move(self, steps: int) -> None:
        key = self.table.cursor_key
        if key is not None:
            self._step(key, steps)


def dial_rows(snapshot: Snapshot) -> list[Row]:
    """One row per runtime value, the regime, then one per strategy."""
    regime = snapshot.selection.regime
    said = Row(REGIME, regime, partial(_regime_cells, regime))
    values = [Row(item.key, item, partial(_cells, item)) for item in snapshot.runtime]
    switches = [Row(f"{STRATEGY}{s.name}", s, partial(_switch_cells, s)) for s in snapshot.strategies]
    return [*values, said, *switches]


def _about(snapshot: Snapshot, chosen: str | None) -> list[Line]:
    """Who changed it; of a strategy also what it is."""
    item = next((item for item in snapshot.runtime if item.key == chosen), None)
    if item is not None:
        return labelled("changed", item.changed) if item.changed else []
    if chosen == REGIME:
        return _about_regime(snapshot)
    strategy = next((s for s in snapshot.strategies if f"{STRATEGY}{s.name}" == chosen), None)
    if strategy is None:
        return []
    symbols = ", ".join(strategy.symbols)
    lines = labelled(strategy.name, f"{strategy.kind}, {strategy.timeframe}, {strategy.state}: {symbols}")
    return lines + (labelled("off", strategy.switched_off) if strategy.switched_off else [])


def _about_regime(snapshot: Snapshot) -> list[Line]:
    row = snapshot.selection.regime
    lines = labelled("regime", row.text or "not looked at yet")
    if not row.override or not row.who:
        return lines
    at = fmt.wall_time(row.since, time_zone=snapshot.session.time_zone)
    return lines + labelled("said", f"by {row.who}, {at}")


def _regime_cells(row: RegimeRow) -> tuple[Span, ...]:
    none = Span("", Tone.MUTED)
    return (
        Span(REGIME),
        Span(clean(row.regime) or "unknown", Tone.STRONG),
        none,
        none,
        none,
        Span("said here", Tone.WARN) if row.override else Span("as detected", Tone.MUTED),
    )


def _cells(item: RuntimeValue) -> tuple[Span, ...]:
    return (
        Span(item.key),
        Span(value_text(item.value), Tone.STRONG),
        Span(value_text(item.low), Tone.MUTED),
        Span(value_text(item.high), Tone.MUTED),
        Span(value_text(item.step), Tone.MUTED),
        Span("changed here", Tone.WARN) if item.overridden else Span("configured", Tone.MUTED),
    )


def _switch_cells(strategy: StrategyView) -> tuple[Span, ...]:
    is_off = bool(strategy.switched_off)
    none = Span("", Tone.MUTED)
    return (
        Span(clean(f"{STRATEGY}{strategy.name}")),
        Span("off" if is_off else "on", Tone.WARN if is_off else Tone.STRONG),
        none,
        none,
        none,
        Span("changed here", Tone.WARN) if is_off else Span("configured", Tone.MUTED),
    )
