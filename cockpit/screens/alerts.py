"""The journal: every alert that stands, what to do about it, and what happened last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from cockpit import format as fmt
from cockpit.action import Where
from cockpit.frame import Frame, mark_of_level, tone_of_level
from cockpit.keymap import bindings_for, key_for
from cockpit.panels.events import event_line
from cockpit.previews import labelled
from cockpit.screens.dialog import Dialog
from cockpit.spans import Line, Span, Tone, line
from cockpit.widgets.columns import Column, Row
from cockpit.widgets.ticking_table import TickingTable
from engine.api import AlertView, Level, Snapshot

COLUMNS = (
    Column("alert", width=10, most=14),
    Column("about", width=6, most=12),
    Column("since", width=8),
    Column("times", rank=2, right=True, width=5),
    Column("code", rank=1, width=18, most=26),
    Column("answer", width=12, most=16),
)
MOST_ROWS = 8
MOST_EVENTS = 8

_LOUDNESS = list(Level)


class AlertsDialog(Dialog[None]):
    """A table of alerts, the words of the one under the cursor, and the last events."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for(Where.ALERTS))

    def __init__(self, *, keys: Mapping[str, str], acknowledge: Callable[[int], object]) -> None:
        super().__init__("Alerts and events", keys=keys)
        self._acknowledge = acknowledge
        self._snapshot: Snapshot | None = None
        self.table = TickingTable(COLUMNS, empty="no alert stands", id="alerts")

    def compose(self) -> ComposeResult:
        """The table, then the words."""
        with Vertical(id="dialog") as box:
            box.border_title = self._box_title
            seen = key_for("acknowledge_this", overrides=self._keys)
            box.border_subtitle = self.key_hints(f"{seen} acknowledges")
            yield self.table
            yield self.text

    def on_mount(self) -> None:
        """The table has the keys."""
        self.table.focus()

    def show(self, frame: Frame) -> None:
        """Follow the engine."""
        self._snapshot = frame.snapshot
        rows = alert_rows(frame.snapshot)
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

    def action_acknowledge_this(self) -> None:
        """Acknowledge the alert under the cursor."""
        if self.table.cursor_key is not None:
            self._acknowledge(int(self.table.cursor_key))

    def _tell(self) -> None:
        if self._snapshot is not None:
            room = max(3, self.app.size.height - len(self.table.rows[:MOST_ROWS]) - 12)
            self.put(words(self._snapshot, chosen=self.table.cursor_key, most_events=min(MOST_EVENTS, room)))


def alert_rows(snapshot: Snapshot) -> list[Row]:
    """One row per alert: what waits first, the loudest first, the newest of equals first."""
    ordered = sorted(snapshot.alerts, key=lambda a: (a.acknowledged, -_LOUDNESS.index(a.level), -a.alert_id))
    zone = snapshot.session.time_zone
    return [Row(str(alert.alert_id), alert, partial(_cells, alert, zone)) for alert in ordered]


def words(snapshot: Snapshot, *, chosen: str | None, most_events: int) -> list[Line]:
    """What the chosen alert says and wants; then the newest events."""
    alert = next((a for a in snapshot.alerts if str(a.alert_id) == chosen), None)
    lines: list[Line] = [line()]
    if alert is not None:
        lines += labelled("says", alert.text, tone=tone_of_level(alert.level))
        lines += labelled("to do", alert.to_do or "look at the runbook", tone=Tone.STRONG)
        lines += labelled("more", f"docs/runbook.md, alert-{alert.code.replace('_', '-')}")
        lines.append(line())
    newest: Sequence[Line] = [
        event_line(event, time_zone=snapshot.session.time_zone)
        for event in list(reversed(snapshot.events))[:most_events]
    ]
    return [*lines, *newest]


def answer_of(alert: AlertView) -> str:
    """What became of an alert, in a word."""
    if alert.acknowledged:
        return "seen"
    return "ESCALATED" if alert.escalated else "waits"


def _cells(alert: AlertView, zone: str) -> tuple[Span, ...]:
    tone = Tone.MUTED if alert.acknowledged else tone_of_level(alert.level)
    return (
        Span(f"{mark_of_level(alert.level)} {alert.level.value}", tone),
        Span(alert.symbol or "—", tone),
        Span(fmt.wall_time(alert.at, time_zone=zone), Tone.MUTED),
        Span(str(alert.count), Tone.MUTED),
        Span(alert.code, Tone.TEXT),
        Span(answer_of(alert), Tone.MUTED if alert.acknowledged else Tone.STRONG),
    )
