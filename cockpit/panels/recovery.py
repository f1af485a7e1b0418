"""Panels of the recovery screen: what it is about, the differences, and everything about one of them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from cockpit import format as fmt
from cockpit.frame import Frame, blocking_rows, tone_of_amount
from cockpit.panels.panel import Panel, TablePanel
from cockpit.recovery import CHOICE_WORDS, Decision, Marks, stop_of
from cockpit.recovery_previews import fact_lines, row_at, row_key
from cockpit.spans import Line, Span, Tone, line, title
from cockpit.widgets.columns import Column, Row
from engine.api_recovery import RecoveryChoice, RecoveryRow, RecoveryView

COLUMNS = (
    Column("", width=1, most=1),
    Column("symbol", width=6, most=12),
    Column("we knew", width=7, most=16),
    Column("broker has", width=10, most=24, flex=True),
    Column("difference", width=12, most=30, flex=True),
    Column("since", rank=4, width=5, most=12),
    Column("last order", rank=5, width=14, most=40, flex=True),
    Column("unreal", rank=3, right=True, width=8, most=14),
    Column("decision", width=29, most=48, flex=True),
)
_NOTHING = "nothing to settle"
_NOT_COMPARED = "the account was not compared yet"


class RecoveryIntro(Panel, can_focus=False):
    """From when our state is, how the run before ended, and what holds until all is settled."""

    def title_of(self, frame: Frame) -> str:
        """None."""
        return ""

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """One sentence after the other, wrapped."""
        texts = intro_texts(frame)
        tone = Tone.WARN if frame.snapshot.recovery.open_rows else Tone.TEXT
        return [
            line(Span(f" {part}", tone)) for part in textwrap.wrap(" ".join(texts), width=max(20, width - 2))
        ]

    def show(self, frame: Frame) -> None:
        """Take exactly as many lines as there are."""
        super().show(frame)
        if self.lines and len(self.lines) != self.size.height:
            self.styles.height = len(self.lines)


def intro_texts(frame: Frame) -> list[str]:
    """The sentences above the table."""
    snapshot, recovery = frame.snapshot, frame.snapshot.recovery
    texts = [_state_text(recovery, now=snapshot.session.now, time_zone=snapshot.session.time_zone)]
    if snapshot.pnl.day_usd is not None:
        texts.append(f"Day P&L {fmt.signed(snapshot.pnl.day_usd)} goes on.")
    waiting = len(recovery.open_rows)
    if recovery.settling:
        texts.append("Your decisions are being carried out …")
    elif waiting:
        blocking = len(blocking_rows(snapshot))
        rows = "1 row is" if blocking == 1 else f"{blocking} rows are"
        blocked = f"Entries are blocked until {rows} settled."
        texts.append(blocked if blocking else "Only the symbols of these orders are blocked.")
    else:
        compared = bool(recovery.report)
        texts.append("Nothing waits for you." if compared else "The account was not compared yet.")
    return texts


def _state_text(recovery: RecoveryView, *, now: datetime, time_zone: str) -> str:
    if recovery.state_at is None:
        return "There was no stored state before this start."
    at = fmt.moment(recovery.state_at, now=now, time_zone=time_zone)
    zone = fmt.zone_name(now, time_zone=time_zone)
    ended = (
        "the run before ended without its goodbye" if recovery.crashed else "the run before ended in order"
    )
    return f"State at this start: {at} {zone}; {ended}."


class RecoveryTable(TablePanel):
    """The differences; those that wait come first. The cursor says which one a key means."""

    def __init__(self, *, marks: Marks, on_cursor: Callable[[], None], id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(COLUMNS, empty=_NOT_COMPARED, id=id)
        self._marks = marks
        self._on_cursor = on_cursor

    def rows_of(self, frame: Frame) -> Sequence[Row]:
        """One row for each."""
        self.set_empty(_NOTHING if frame.snapshot.recovery.report else _NOT_COMPARED)
        return [recovery_row(row, marks=self._marks, frame=frame) for row in frame.snapshot.recovery.rows]

    def title_of(self, frame: Frame) -> str:
        """How many wait, are chosen and are settled, and the age."""
        recovery = frame.snapshot.recovery
        waiting = len(recovery.open_rows)
        chosen, selected = len(self._marks.decisions), len(self._marks.selected)
        parts = [
            (0, f"Recovery {waiting} waiting"),
            (0, f"{chosen} chosen" if chosen else ""),
            (0, f"{selected} selected" if selected else ""),
            (1, f"{len(recovery.rows) - waiting} settled"),
            (0, "settling …" if recovery.settling else ""),
            (1, self.span_text),
            (2, fmt.freshness(frame.age_s)),
        ]
        return title(parts, width=self.size.width)

    def move_cursor(self, place: int) -> None:
        """Put the cursor on row `place`; the details follow."""
        super().move_cursor(place)
        self._on_cursor()


def recovery_row(row: RecoveryRow, *, marks: Marks, frame: Frame) -> Row:
    """The cells of one difference and what is marked on it."""
    decision = marks.decisions.get(row.row_id)
    is_selected = row.row_id in marks.selected
    session = frame.snapshot.session
    since = fmt.moment(row.since, now=session.now, time_zone=session.time_zone)
    source = (row, decision, is_selected, since)
    return Row(
        row_key(row), source, partial(_cells, row, decision=decision, is_selected=is_selected, since=since)
    )


def _cells(row: RecoveryRow, *, decision: Decision | None, is_selected: bool, since: str) -> tuple[Span, ...]:
    waits = bool(row.choices)
    quiet = Tone.TEXT if waits else Tone.MUTED
    return (
        Span("●", Tone.ACCENT)
        if is_selected
        else Span("!" if waits else "✓", Tone.WARN if waits else Tone.GAIN),
        Span(row.symbol, Tone.STRONG if waits else Tone.MUTED),
        Span(row.ours_text, quiet),
        Span(row.broker_text, quiet),
        Span(row.difference, Tone.WARN if waits else Tone.MUTED),
        Span(since, Tone.MUTED),
        Span(row.last_order or "—", Tone.MUTED),
        Span(fmt.arrowed(row.unrealized_usd), tone_of_amount(row.unrealized_usd)),
        decision_span(row, decision),
    )


def decision_span(row: RecoveryRow, decision: Decision | None) -> Span:
    """What was chosen, else what is proposed, else what was done."""
    if decision is None:
        return Span(f"? {row.proposal}", Tone.TEXT) if row.choices else Span(row.proposal, Tone.MUTED)
    word = CHOICE_WORDS[decision.choice].upper()
    if decision.choice is RecoveryChoice.ADOPT:
        word += f" stop {fmt.price(stop_of(row, decision), decimals=row.decimals)}"
    return Span(f"→ {word}", Tone.ACCENT)


class RecoveryDetail(Panel, can_focus=False):
    """Everything about the row under the cursor, and which keys work on it."""

    def __init__(
        self,
        *,
        cursor: Callable[[], str | None],
        key_of: Callable[[RecoveryChoice], str],
        stop_key: str,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._cursor = cursor
        self._key_of = key_of
        self._stop_key = stop_key

    def title_of(self, frame: Frame) -> str:
        """The row's symbol."""
        row = self._row(frame)
        age = fmt.freshness(frame.age_s)
        return (
            f"Details · {age}"
            if row is None
            else f"{row.symbol} · {row.kind.value.replace('_', ' ')} · {age}"
        )

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """Facts, then what can be done; what can be done is never cut off."""
        row = self._row(frame)
        if row is None:
            return [line(Span(" nothing under the cursor", Tone.MUTED))]
        facts = fact_lines(row, frame=frame, width=width - 2)
        shown = facts if len(facts) < height else facts[: max(0, height - 1)]
        return [(Span(" "), *made) for made in (*shown, self._keys_line(row))]

    def _row(self, frame: Frame) -> RecoveryRow | None:
        key = self._cursor()
        return None if key is None else row_at(frame.snapshot, key)

    def _keys_line(self, row: RecoveryRow) -> Line:
        if not row.choices:
            return line(
                Span(f"{'you can':<14}", Tone.MUTED), Span("nothing is to be decided here", Tone.MUTED)
            )
        spans = [Span(f"{'you can':<14}", Tone.MUTED)]
        for choice in row.choices:
            spans += [Span(f"{self._key_of(choice)} ", Tone.ACCENT), Span(f"{CHOICE_WORDS[choice]}   ")]
        if RecoveryChoice.ADOPT in row.choices:
            spans += [Span(f"{self._stop_key} ", Tone.ACCENT), Span("another stop")]
        return tuple(spans)
