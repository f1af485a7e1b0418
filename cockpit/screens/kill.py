"""KILL: the preview follows the account while it asks; afterwards it shows what really happened."""

from __future__ import annotations

from collections.abc import Callable

from textual.widgets import Button, Input

from cockpit import format as fmt
from cockpit.frame import Frame, account_brake
from cockpit.previews import kill_preview, labelled, our_positions, working_orders
from cockpit.screens.dialog import Answers, AskDialog, Field
from cockpit.spans import Line, Span, Tone, line
from engine.api import BrakeKind, Command, Outcome, OutcomeStatus, Snapshot

WORD = "FLATTEN"
_MOST_DETAILS = 10


class KillDialog(AskDialog):
    """Asks for one word; escape leaves the account halted. It never refuses to reduce risk."""

    # The word itself is the second thought, and time matters here: no detour over Cancel.
    FIRST_FOCUS = "#field-word"

    def __init__(self, *, title: str, send: Callable[[str], Command | None]) -> None:
        super().__init__(
            title,
            preview=kill_preview,
            yes="Flatten",
            fields=(Field("word", f"type {WORD} to go", expected=WORD),),
            danger=True,
        )
        self._send = send
        self._sent: Command | None = None
        self._outcome: Outcome | None = None
        self._frame: Frame | None = None

    def accepted(self, answers: Answers) -> None:
        """The word is typed: send the kill and stay, to show what comes of it."""
        if self._sent is not None:
            return
        self._sent = self._send(WORD)
        field = self.query_one("#field-word", Input)
        field.disabled = True
        self.query_one("#yes", Button).display = False
        close = self.query_one("#cancel", Button)
        close.label = "Close"
        close.focus()
        if self._frame is not None:
            self.show(self._frame)

    def heard(self, command: Command, outcome: Outcome) -> None:
        """The kill ended, well or not."""
        if self._sent is not None and command.command_id == self._sent.command_id:
            self._outcome = outcome
            if self._frame is not None:
                self.show(self._frame)

    def show(self, frame: Frame) -> None:
        """The preview before, the progress and the proof after."""
        self._frame = frame
        if self._sent is None:
            super().show(frame)
            return
        self.put([*_progress(frame.snapshot), *_result(self._outcome)])


def _progress(snapshot: Snapshot) -> list[Line]:
    positions, orders = our_positions(snapshot), working_orders(snapshot)
    held = ", ".join(
        f"{position.symbol} {fmt.number(position.quantity, decimals=0)}" for position in positions
    )
    lines = labelled("positions", held or "none left", tone=Tone.STRONG)
    lines += labelled("orders", f"{len(orders)} of ours still working" if orders else "none of ours working")
    brake = account_brake(snapshot)
    proof = brake.proof if brake is not None and brake.kind is BrakeKind.KILL else ""
    tone = Tone.ERROR if proof.startswith("NOT") else Tone.STRONG
    return lines + labelled("proof", proof or "not yet", tone=tone if proof else Tone.MUTED)


def _result(outcome: Outcome | None) -> list[Line]:
    if outcome is None:
        return labelled("kill", "requested; the engine is cancelling and closing …", tone=Tone.WARN)
    good = outcome.status is OutcomeStatus.DONE
    code = f" [{outcome.code}]" if outcome.code else ""
    lines = labelled(outcome.status.value, f"{outcome.text}{code}", tone=Tone.STRONG if good else Tone.ERROR)
    lines += [line(Span(f"  {detail}", Tone.MUTED)) for detail in outcome.details[:_MOST_DETAILS]]
    hidden = len(outcome.details) - _MOST_DETAILS
    return lines + ([line(Span(f"  … {hidden} more in the journal", Tone.MUTED))] if hidden > 0 else [])
