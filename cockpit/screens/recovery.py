"""The recovery screen: every difference from the broker, settled by key; applied only after a preview."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar, Protocol, Unpack

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from cockpit import recovery
from cockpit.action import Where
from cockpit.bridge import Details
from cockpit.format import clean
from cockpit.frame import Frame
from cockpit.keymap import bindings_for, key_for
from cockpit.panels.footer import RECOVERY_PLACES, FooterKeys, StatusLine
from cockpit.panels.header import Header
from cockpit.panels.panel import Panel
from cockpit.panels.recovery import RecoveryDetail, RecoveryIntro, RecoveryTable
from cockpit.panels.report import ReportPanel
from cockpit.recovery import Marks
from cockpit.recovery_previews import (
    abort_preview,
    evidence_lines,
    row_at,
    row_key,
    settle_preview,
    stop_preview,
)
from cockpit.screens.dialog import Answers, Field, Previewer
from cockpit.spans import Line, Span, Tone, line
from cockpit.widgets.lines_view import LinesView
from engine.api import Command, CommandKind, Outcome, OutcomeStatus
from engine.api_recovery import RecoveryChoice, RecoveryRow, Settlement

SMALL_HEIGHT = 30
ROOMY_HEIGHT = 36
TALL_HEIGHT = 44
_CHOICE_KEYS = {
    RecoveryChoice.ADOPT: "adopt",
    RecoveryChoice.CLOSE: "close_orphan",
    RecoveryChoice.FOREIGN: "leave_foreign",
    RecoveryChoice.CANCEL: "cancel_strange",
    RecoveryChoice.NOT_SENT: "not_sent",
}
_MOST_RESULTS = 4


class Operator(Protocol):
    """What the screen needs of the app: a way to send, to ask and to say."""

    def send(self, kind: CommandKind, **details: Unpack[Details]) -> Command | None:
        """Submit a command; None for one who only watches."""

    def ask(
        self,
        title: str,
        preview: Previewer,
        *,
        yes: str,
        then: Callable[[Answers], object],
        fields: tuple[Field, ...] = (),
        danger: bool = False,
    ) -> None:
        """A preview and a question; `then` runs only for a yes."""

    def open_page(self, title: str, build: Callable[[Frame], list[Line]]) -> None:
        """Something to read."""


class RecoveryScreen(Screen[None]):
    """Choosing marks rows; nothing is sent before the preview was answered. It decides nothing itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(binding.key, f"app.{binding.action}", binding.description, id=binding.id, show=False)
            for binding in bindings_for(Where.SCREENS)
        ),
        *bindings_for(Where.RECOVERY, first=True),
    ]

    def __init__(self, *, keys: Mapping[str, str], marks: Marks, operator: Operator) -> None:
        super().__init__()
        self._keys = keys
        self._marks = marks
        self._operator = operator
        self._frame: Frame | None = None
        self._sent: Command | None = None
        self.table = RecoveryTable(marks=marks, on_cursor=self._show_detail, id="differences")
        self.status = StatusLine(id="status")
        self.result = LinesView(id="result")
        self._detail = RecoveryDetail(
            cursor=lambda: self.table.cursor_key,
            key_of=lambda choice: key_for(_CHOICE_KEYS[choice], overrides=keys),
            stop_key=key_for("edit_stop", overrides=keys),
            id="detail",
        )
        self._panels: tuple[Panel | RecoveryTable, ...] = ()

    def compose(self) -> ComposeResult:
        """Header, what it is about, the differences, details, the report, status, keys."""
        header = Header(keys=self._keys, on_recovery=True, id="header")
        intro, report = RecoveryIntro(id="intro"), ReportPanel(id="report")
        report.can_focus = False
        for panel in (self.table, self._detail, report):
            panel.add_class("panel")
        self._panels = (header, intro, self.table, self._detail, report)
        yield from self._panels
        yield self.result
        yield self.status
        yield FooterKeys(keys=self._keys, places=RECOVERY_PLACES, most=2, id="keys")

    def on_mount(self) -> None:
        """The table has the keys."""
        self.table.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for this size."""
        self.set_class(event.size.height < SMALL_HEIGHT, "-low")
        self.set_class(event.size.height >= ROOMY_HEIGHT, "-roomy")
        self.set_class(event.size.height >= TALL_HEIGHT, "-high")
        self.call_after_refresh(self._show_again)

    def show(self, frame: Frame) -> None:
        """Follow the account; a decision about a row that changed is taken back, aloud."""
        self._frame = frame
        gone = self._marks.follow(self._rows)
        if gone:
            names = ", ".join(_name(row_id, self._rows) for row_id in gone)
            self._complain(f"{names} changed since you chose: look and choose again")
        self._show_again()

    def heard(self, command: Command, outcome: Outcome) -> None:
        """The decisions were carried out, or were not: say per row what happened."""
        if self._sent is None or command.command_id != self._sent.command_id:
            return
        self._sent = None
        if outcome.status is OutcomeStatus.REFUSED:
            hint = "Nothing was done. The rows are shown as they are now: choose again."
            self._put_result([line(Span(f" {outcome.text}. {hint}", Tone.ERROR))])
            return
        good = outcome.status is OutcomeStatus.DONE
        tone = Tone.GAIN if good else Tone.ERROR
        texts = outcome.details or (outcome.text,)
        lines = [line(Span(f" {'✓' if good else '✗'} {text}", tone)) for text in texts[:_MOST_RESULTS]]
        hidden = len(texts) - _MOST_RESULTS
        lines += [line(Span(f"   … {hidden} more in the events", Tone.MUTED))] if hidden > 0 else []
        self._put_result(lines)

    # Keys

    def action_adopt(self) -> None:
        """Choose to adopt."""
        self._choose(RecoveryChoice.ADOPT)

    def action_close_orphan(self) -> None:
        """Choose to close."""
        self._choose(RecoveryChoice.CLOSE)

    def action_leave_foreign(self) -> None:
        """Choose to leave alone."""
        self._choose(RecoveryChoice.FOREIGN)

    def action_cancel_strange(self) -> None:
        """Choose to cancel an order."""
        self._choose(RecoveryChoice.CANCEL)

    def action_not_sent(self) -> None:
        """Say that an order of unknown fate never reached the market."""
        self._choose(RecoveryChoice.NOT_SENT)

    def action_select_row(self) -> None:
        """Select the row under the cursor and go on to the next."""
        row = self._row_under_cursor()
        if row is not None and row.choices:
            self._marks.toggle(row)
            self.table.action_cursor_down()
            self._show_again()

    def action_select_all(self) -> None:
        """Select all that wait, or none."""
        self._marks.toggle_all(self._rows)
        self._show_again()

    def action_edit_stop(self) -> None:
        """Type the stop of an adoption; a good one also chooses to adopt."""
        row = self._row_under_cursor()
        if row is None or RecoveryChoice.ADOPT not in row.choices:
            self._complain("only a position that can be adopted gets a stop")
            return

        def check(text: str) -> str:
            snapshot = self._frame.snapshot if self._frame is not None else None
            last = None if snapshot is None else recovery.last_price(snapshot, row)
            return recovery.stop_complaint(text, row=row, last=last)

        def typed(answers: Answers) -> None:
            self._marks.set_stop(row, float(answers["stop"].replace(",", ".")))
            self._show_again()

        self._operator.ask(
            f"Stop of {row.symbol}",
            partial(stop_preview, row_id=row.row_id),
            yes="Adopt with it",
            then=typed,
            fields=(Field("stop", "stop price", check=check),),
        )

    def action_apply_choices(self) -> None:
        """Preview what is chosen, then send it as one command."""
        if self._frame is not None and self._frame.snapshot.recovery.settling:
            self._complain("earlier decisions are being carried out: wait for them")
            return
        decisions = dict(self._marks.decisions)
        if not decisions:
            self._complain(
                "nothing is chosen yet: choose per row first; this key then shows what would be sent"
            )
            return
        what = recovery.settlements(self._rows, decisions)
        self._operator.ask(
            f"Settle {len(what)} of {len(self._waiting)}",
            partial(settle_preview, decisions=decisions),
            yes="Settle",
            then=lambda _answers: self._send(what),
            danger=True,
        )

    def action_evidence(self) -> None:
        """How the row under the cursor is known."""
        row = self._row_under_cursor()
        if row is not None:
            self._operator.open_page(f"Evidence {row.symbol}", partial(evidence_lines, key=row_key(row)))

    def action_abort(self) -> None:
        """Ask whether to end without settling anything."""
        self._operator.ask(
            "Abort",
            abort_preview,
            yes="Abort",
            then=lambda _answers: self._operator.send(CommandKind.ABORT, reason="abort key", confirmed=True),
            danger=True,
        )

    def action_back(self) -> None:
        """To the cockpit screen; marks stay."""
        self.dismiss()

    # Inside

    @property
    def _rows(self) -> tuple[RecoveryRow, ...]:
        return () if self._frame is None else self._frame.snapshot.recovery.rows

    @property
    def _waiting(self) -> tuple[RecoveryRow, ...]:
        return () if self._frame is None else self._frame.snapshot.recovery.open_rows

    def _row_under_cursor(self) -> RecoveryRow | None:
        key = self.table.cursor_key
        return None if key is None or self._frame is None else row_at(self._frame.snapshot, key)

    def _choose(self, choice: RecoveryChoice) -> None:
        under = self._row_under_cursor()
        targets = self._marks.targets(self._rows, under_cursor=None if under is None else under.row_id)
        complaints = self._marks.choose(targets, choice)
        self._put_result([])
        if complaints:
            self._complain(" · ".join(complaints))
        self._show_again()

    def _send(self, what: tuple[Settlement, ...]) -> None:
        self._sent = self._operator.send(
            CommandKind.SETTLE, reason="recovery screen", confirmed=True, settlements=what
        )
        if self._sent is not None:
            self._marks.forget(item.row_id for item in what)
            self._show_again()

    def _complain(self, text: str) -> None:
        # On this screen alone: what is wrong with a choice means nothing once it is left.
        self.status.say(Span(clean(text), Tone.WARN))

    def _put_result(self, lines: Sequence[Line]) -> None:
        self.result.set_lines(lines)
        self.result.display = bool(lines)
        self.result.styles.height = max(1, len(lines))

    def _show_again(self) -> None:
        if self._frame is not None:
            for panel in self._panels:
                panel.show(self._frame)

    def _show_detail(self) -> None:
        if self._frame is not None:
            self._detail.show(self._frame)


def _name(row_id: str, rows: Sequence[RecoveryRow]) -> str:
    return next((row.symbol for row in rows if row.row_id == row_id), row_id)
