"""Several screens on one engine: who acts, taking over, and what happened while this one was away."""

from __future__ import annotations

import os
from abc import abstractmethod
from functools import partial

from cockpit.asking import Asking
from cockpit.digest import digest_lines
from cockpit.keymap import key_for
from cockpit.previews import Preview, labelled
from cockpit.screens.cockpit import CockpitScreen
from cockpit.spans import Span, Tone
from engine.api import CommandKind, Snapshot
from engine.api_handle import EngineHandle, SeatView


class Seating(Asking):
    """What a screen says and asks about its seat. The engine decides who has it."""

    def __init__(self) -> None:
        super().__init__()
        self._seat_told: SeatView | None = None
        self._digest_offered = False

    @property
    @abstractmethod
    def handle(self) -> EngineHandle:
        """The engine."""

    def why_not_acting(self) -> str:
        """Why this screen may not ask for everything, and what to do."""
        seat = self.handle.seat()
        if self.frame.screen.replay:
            return "this is a replay of the past; nothing can act"
        if seat.read_only:
            return "this view is read-only"
        who = f"the screen of process {seat.holder_pid} acts" if seat.holder_pid else "nobody acts"
        return f"this screen only watches, {who} · {key_for('take_over', overrides=self.keys)} takes over"

    def tell_seat(self, seat: SeatView) -> None:
        """Say that this screen lost the seat, or got it."""
        before, self._seat_told = self._seat_told, seat
        if before is None or before.acting is seat.acting:
            return
        if seat.acting:
            self.say(Span("this screen acts now", Tone.STRONG))
            return
        self.close_dialogs()  # a question that this screen may no longer answer
        text = f"process {seat.holder_pid} took over; {self.why_not_acting()}"
        self.say(Span(text, Tone.WARN))
        self.notify(text, title="watching", severity="warning", markup=False)

    def action_take_over(self) -> None:
        """Ask whether this screen shall act."""
        seat = self.handle.seat()
        if seat.acting or seat.read_only:
            why = self.why_not_acting() if seat.read_only else "this screen acts already"
            self.say(Span(why, Tone.MUTED))
            return
        self.ask(
            "Take over",
            partial(take_over_preview, seat=seat),
            yes="Take over",
            then=lambda _answers: self.send(
                CommandKind.TAKE_OVER, reason=f"the screen of process {os.getpid()}", confirmed=True
            ),
        )

    def offer_digest(self) -> bool:
        """Open what happened since this operator left, once; True while it lies over the screen."""
        from cockpit.screens.page import PageDialog

        left = self.handle.departure()
        if left is None or self._digest_offered or not isinstance(self.screen, CockpitScreen):
            return isinstance(self.screen, PageDialog)
        self._digest_offered = True
        lines = digest_lines(self.frame, left)
        if lines:
            self.open_dialog(PageDialog("While you were away", keys=self.keys, build=lambda _frame: lines))
        return bool(lines)


def take_over_preview(_snapshot: Snapshot, *, seat: SeatView) -> Preview:
    """What taking over means for both screens."""
    who = f"the screen of process {seat.holder_pid}" if seat.holder_pid else "nobody"
    lines = labelled("acts now", who)
    lines += labelled("then", "this screen acts; the other one is told and only watches", tone=Tone.STRONG)
    lines += labelled("always", "pause, halt and kill work on every screen, watching or not")
    return Preview(tuple(lines))
