"""KILL: the preview follows the account while it asks; afterwards it shows what really happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.widgets import Button, Input

from cockpit import format as fmt
from cockpit.frame import Frame, account_brake
from cockpit.panels.orders import status_text
from cockpit.previews import ids_line, kill_preview, labelled, our_positions, working_orders
from cockpit.screens.dialog import Answers, AskDialog, Field
from cockpit.spans import Line, Tone, line
from engine.api import BrakeKind, Command, OrderView, Outcome, OutcomeStatus, Snapshot

WORD = "FLATTEN"
SHUT = "session_closed"
"""Code of a KILL that could not close because a market is shut."""
_MOST_DETAILS = 10


class KillDialog(AskDialog):
    """Asks for one word; escape leaves the account halted. It never refuses to reduce risk."""

    def __init__(
        self,
        *,
        title: str,
        keys: Mapping[str, str],
        send: Callable[[str], Command | None],
        send_at_open: Callable[[], Command | None],
    ) -> None:
        super().__init__(
            title,
            keys=keys,
            preview=kill_preview,
            yes="Flatten",
            fields=(Field("word", f"type {WORD} to go", expected=WORD),),
            danger=True,
        )
        self._send = send
        self._send_at_open = send_at_open
        self._sent: Command | None = None
        self._outcome: Outcome | None = None
        self._frame: Frame | None = None

    def accepted(self, answers: Answers) -> None:
        """The word is typed: send the kill and stay, to show what comes of it."""
        if self._sent is not None:
            self._ask_for_open()
            return
        self._sent = self._send(WORD)
        self.query_one("#field-word", Input).disabled = True
        self.query_one(".field").display = False
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
            if outcome.code == SHUT:
                # The question of a shut market: the focus stays on Close, a person goes to the deed.
                button = self.query_one("#yes", Button)
                button.label, button.display = "Flatten at the open", True
            if self._frame is not None:
                self.show(self._frame)

    def _ask_for_open(self) -> None:
        """What a shut market keeps open is to be closed as soon as it opens."""
        button = self.query_one("#yes", Button)
        if button.display and self._send_at_open() is not None:
            button.display = False
            self.query_one("#cancel", Button).focus()

    def show(self, frame: Frame) -> None:
        """The preview before, the progress and the proof after."""
        self._frame = frame
        if self._sent is None:
            super().show(frame)
            return
        self.put([*_progress(frame.snapshot, self._outcome), *_result(frame.snapshot, self._outcome)])


def _progress(snapshot: Snapshot, outcome: Outcome | None) -> list[Line]:
    """What left the account and how, then what is still there."""
    details = outcome.details if outcome is not None else ()
    lines = [made for order in closing_orders(snapshot) for made in _closing_lines(order, snapshot=snapshot)]
    told = {order.order_ref for order in closing_orders(snapshot)}
    others = [detail for detail in details if not any(ref in detail for ref in told)]
    for detail in others[:_MOST_DETAILS]:
        lines += labelled("", detail, tone=Tone.WARN)
    hidden = len(others) - _MOST_DETAILS
    lines += labelled("", f"… {hidden} more in the journal", tone=Tone.MUTED) if hidden > 0 else []
    held = ", ".join(
        f"{position.symbol} {fmt.number(position.quantity, decimals=0)}"
        for position in our_positions(snapshot)
    )
    left = working_orders(snapshot)
    lines += labelled("positions", held or "none of ours left", tone=Tone.STRONG)
    return lines + labelled(
        "orders", f"{len(left)} of ours still working" if left else "none of ours working"
    )


def closing_orders(snapshot: Snapshot) -> list[OrderView]:
    """The orders that close positions since the kill began, oldest first."""
    brake = account_brake(snapshot)
    if brake is None or brake.kind is not BrakeKind.KILL:
        return []
    closing = [order for order in snapshot.orders if order.role == "flatten" and order.at >= brake.since]
    return sorted(closing, key=lambda order: (order.at, order.order_ref))


def _closing_lines(order: OrderView, *, snapshot: Snapshot) -> list[Line]:
    at = fmt.wall_time(order.at, time_zone=snapshot.session.time_zone)
    price = fmt.price(order.avg_fill_price, decimals=order.decimals)
    filled = f"{order.filled}/{order.quantity}" + (f" @ {price}" if order.filled else "")
    lines = labelled(
        order.symbol,
        f"{order.side} {order.quantity} {order.order_type} · {status_text(order)} {filled} · {at}",
    )
    return [*lines, ids_line(order)]


def _result(snapshot: Snapshot, outcome: Outcome | None) -> list[Line]:
    """The proof, once: from the outcome, or from the brake where the outcome is not here."""
    brake = account_brake(snapshot)
    proof = brake.proof if brake is not None and brake.kind is BrakeKind.KILL else ""
    if outcome is not None:
        good = outcome.status is OutcomeStatus.DONE
        text = outcome.text if good else f"{outcome.text} [{outcome.code}]"
        return [line(), *_proof_lines(text, good=good)]
    if proof:
        return [line(), *_proof_lines(proof, good=not proof.startswith("NOT "))]
    return [line(), *labelled("kill", _at_work(snapshot), tone=Tone.WARN)]


def _at_work(snapshot: Snapshot) -> str:
    if our_positions(snapshot) or working_orders(snapshot):
        return "requested; the engine is cancelling and closing …"
    return "requested; watching for late fills before it is proven …"


def _proof_lines(text: str, *, good: bool) -> list[Line]:
    return labelled("proof", f"{'✓' if good else '✗'} {text}", tone=Tone.GAIN if good else Tone.ALARM)
