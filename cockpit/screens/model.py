"""Screen 5: what the learned trader knows of each contract, and why it trades or does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.frame import Frame
from cockpit.panels.model_page import ENOUGH, HOW_TO, TONES, page_lines, wealth
from cockpit.screens.table_dialog import TableDialog
from cockpit.spans import Line, Span, Tone, line
from cockpit.widgets.columns import Column, Row
from engine.api import ModelView, Snapshot

COLUMNS = (
    Column("symbol", width=6, most=10),
    Column("signal", width=6),
    Column("needs", right=True, width=5),
    Column("state", width=9, most=15),
    Column("evidence", right=True, width=12, most=18),
    Column("shadow", rank=1, right=True, width=6),
    Column("live", rank=1, right=True, width=4),
    Column("mean R", rank=2, right=True, width=7),
    Column("open", rank=2, right=True, width=5),
    Column("learnt", rank=3, right=True, width=6),
    Column("challenger", rank=4, right=True, width=10),
    Column("strategy", rank=4, width=8, most=14),
    Column("why", rank=3, width=20, most=60, flex=True),
)
MOST_ROWS = 12
FEW_ROWS = 3
"""Rows on a small terminal, where the words below need the room."""
_FRAME = 4
"""Cells of a line that the border and its padding take."""
_WORDS = 13
"""Lines above the charts, as a rule."""


class ModelDialog(TableDialog):
    """One row per contract, and all about the one under the cursor, which scrolls where it does not fit."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Before the table hears them: its rows are few, the words are many.
        Binding("pagedown", "scroll_words(1)", show=False, priority=True),
        Binding("pageup", "scroll_words(-1)", show=False, priority=True),
    ]

    def __init__(self, *, keys: Mapping[str, str]) -> None:
        super().__init__(
            "Model",
            keys=keys,
            columns=COLUMNS,
            empty="no contract is learned yet",
            most_rows=MOST_ROWS,
            few_rows=FEW_ROWS,
            hints=("↑ ↓", "pgup pgdn"),
        )
        self._frame: Frame | None = None

    def compose(self) -> ComposeResult:
        """The table, then the words in a box that scrolls."""
        with Vertical(id="dialog", classes="-broad") as box:
            box.border_title = self.box_title
            box.border_subtitle = self.key_hints(*self._hints)
            yield self.table
            with VerticalScroll(id="words", can_focus=False):
                yield self.text

    def show(self, frame: Frame) -> None:
        """Follow the engine."""
        self._frame = frame
        super().show(frame)

    def put(self, lines: Sequence[Line]) -> None:
        """Show lines; the box leaves room for the table above them."""
        super().put(lines)
        for words in self.query("#words"):
            words.styles.max_height = max(3, self._room)

    def rows_of(self, snapshot: Snapshot) -> list[Row]:
        """One row per strategy and contract."""
        return model_rows(snapshot)

    def words_of(self, snapshot: Snapshot, *, chosen: str | None) -> Sequence[Line]:
        """What keeps all of them from trading, then all about the chosen one."""
        lines = list(banner(snapshot, frame=self._frame))
        view = next((one for one in snapshot.models if f"{one.strategy} {one.symbol}" == chosen), None)
        if view is None:
            return [*lines, *without_models(snapshot)]
        width = int(0.96 * self.app.size.width) - _FRAME
        rows = max(4, min(12, self._room - _WORDS - len(lines)))
        zone = snapshot.session.time_zone
        return [*lines, *page_lines(view, width=width - 1, chart_rows=rows, time_zone=zone)]

    @property
    def _room(self) -> int:
        """Lines for the words: what border and table leave of the box."""
        table = max(2, min(self.most_rows, len(self.table.rows)) + 1)
        return int(0.96 * self.app.size.height) - 2 - table


def model_rows(snapshot: Snapshot) -> list[Row]:
    """One row per strategy and contract."""
    return [Row(f"{one.strategy} {one.symbol}", one, partial(_cells, one)) for one in snapshot.models]


def without_models(snapshot: Snapshot) -> list[Line]:
    """What a strategy that learns waits for; how to switch one on where there is none."""
    if any(one.kind == "learned_futures" for one in snapshot.strategies):
        return [line(Span(clean(snapshot.confidence_text), Tone.MUTED))]
    return [line(Span(text, Tone.MUTED)) for text in HOW_TO]


def banner(snapshot: Snapshot, *, frame: Frame | None) -> list[Line]:
    """What is above every model: an engine that is silent, a line that is down, a brake, no entries."""
    if frame is not None and frame.is_silent:
        return [
            line(Span(f"the engine is silent for {fmt.age(frame.age_s)}: figures may be old", Tone.ERROR))
        ]
    if not snapshot.connected:
        return [line(Span("no connection to the broker: nothing is learnt, nothing is entered", Tone.ERROR))]
    if not snapshot.entries_allowed:
        return [line(Span(f"no entries: {clean(snapshot.entries_text)}; it goes on learning", Tone.WARN))]
    return []


def _cells(view: ModelView) -> tuple[Span, ...]:
    grey = Tone.MUTED if view.labels < max(1, view.least) else Tone.TEXT
    arrow = {1: "▲", -1: "▼"}.get(view.direction, "·")
    signal = fmt.UNKNOWN if view.probability is None else f"{arrow} {fmt.number(view.probability)}"
    may_trade = (
        view.probability is not None and view.threshold is not None and view.probability >= view.threshold
    )
    evidence = (
        fmt.UNKNOWN if view.evidence is None else f"{wealth(view.evidence)} of {wealth(view.evidence_needed)}"
    )
    open_share = fmt.UNKNOWN if view.open_share is None else f"{100 * view.open_share:.0f} %"
    rival = f"{wealth(view.ratio)}/{wealth(view.ratio_needed)}" if view.has_challenger else "none"
    few = Tone.MUTED if view.shadow_trades < ENOUGH else Tone.TEXT
    return (
        Span(clean(view.symbol), Tone.STRONG),
        Span(signal, Tone.ACCENT if may_trade else grey),
        Span(fmt.number(view.threshold), grey),
        Span(view.state.value, TONES.get(view.state, Tone.MUTED)),
        Span(evidence, Tone.ACCENT if view.progress >= 1.0 else grey),
        Span(str(view.shadow_trades), grey),
        Span(f"{view.live_trades}{f'+{view.explored}' if view.explored else ''}", grey),
        Span(fmt.signed(view.mean_r, decimals=3), few),
        Span(open_share, grey),
        Span(f"{view.labels:,}", grey),
        Span(rival, Tone.WARN if view.has_challenger else Tone.MUTED),
        Span(clean(view.strategy), Tone.MUTED),
        Span(clean(view.text), Tone.MUTED),
    )
