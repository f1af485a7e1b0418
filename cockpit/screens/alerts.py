"""The journal: every alert that stands, what to do about it, and what happened last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from cockpit import format as fmt
from cockpit.action import Where
from cockpit.frame import mark_of_level, tone_of_level
from cockpit.keymap import bindings_for, key_for
from cockpit.panels.events import event_line
from cockpit.previews import labelled
from cockpit.screens.table_dialog import TableDialog
from cockpit.spans import Line, Span, Tone, line
from cockpit.widgets.columns import Column, Row
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

_LOUDNESS = list(Level)


class AlertsDialog(TableDialog):
    """A table of alerts, the words of the one under the cursor, and the last events."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for(Where.ALERTS))

    def __init__(self, *, keys: Mapping[str, str], acknowledge: Callable[[int], object]) -> None:
        seen = key_for("acknowledge_this", overrides=keys)
        super().__init__(
            "Alerts and events",
            keys=keys,
            columns=COLUMNS,
            empty="no alert stands",
            most_rows=MOST_ROWS,
            broad=True,
            hints=(f"{seen} acknowledges",),
        )
        self._acknowledge = acknowledge

    def rows_of(self, snapshot: Snapshot) -> list[Row]:
        """One row per alert."""
        return alert_rows(snapshot)

    def words_of(self, snapshot: Snapshot, *, chosen: str | None) -> list[Line]:
        """The chosen alert, and as many events as there is room for."""
        room = max(3, self.app.size.height - min(self.most_rows, len(self.table.rows)) - 12)
        return words(snapshot, chosen=chosen, most_events=room)

    def action_acknowledge_this(self) -> None:
        """Acknowledge the alert under the cursor."""
        if self.table.cursor_key is not None:
            self._acknowledge(int(self.table.cursor_key))


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
