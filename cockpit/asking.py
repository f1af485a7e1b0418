"""What every part of the operator's keys stands on: sending, saying, and asking before a deed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeVar, Unpack

from cockpit.bridge import Details
from cockpit.format import clean
from cockpit.moving import Moving
from cockpit.screens.dialog import Answers, AskDialog, Dialog, Field, Previewer
from cockpit.spans import Span
from engine.api import Command, CommandKind

ResultT = TypeVar("ResultT")


class Asking(Moving):
    """Dialogs over the screen, and the one way to the engine."""

    @abstractmethod
    def send(self, kind: CommandKind, **details: Unpack[Details]) -> Command | None:
        """Submit a command and say so; None (and a word why) for one who only watches."""

    @abstractmethod
    def question(self, kind: CommandKind, **details: Unpack[Details]) -> Command | None:
        """Submit what only asks; nothing is said about it, the dialog on top hears the answer."""

    @abstractmethod
    def say(self, *spans: Span) -> None:
        """One message in the status line."""

    def open_dialog(
        self, dialog: Dialog[ResultT], then: Callable[[ResultT | None], None] | None = None
    ) -> None:
        """Put a dialog over the screen; it is shown the present frame at once."""
        self.push_screen(dialog, then)
        self.call_after_refresh(self._show_in, dialog)

    def _show_in(self, dialog: Dialog[ResultT]) -> None:
        if dialog.is_attached:
            dialog.follow(self.frame)

    def close_dialogs(self) -> None:
        """Back to the screen below them."""
        while isinstance(self.screen, Dialog):
            self.pop_screen()

    def ask(
        self,
        title: str,
        preview: Previewer,
        *,
        yes: str,
        then: Callable[[Answers], object],
        fields: tuple[Field, ...] | list[Field] = (),
        danger: bool = False,
    ) -> None:
        """A preview and a question; `then` runs only for a yes."""

        def answered(answers: Answers | None) -> None:
            if answers is not None:
                then(answers)

        self.open_dialog(
            AskDialog(clean(title), keys=self.keys, preview=preview, yes=yes, fields=fields, danger=danger),
            answered,
        )
