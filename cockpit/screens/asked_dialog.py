"""A question to a person that rests on one to the engine, whose answer is part of the preview."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cockpit.previews import Preview
from cockpit.screens.dialog import Answers, AskDialog
from engine.api import Command, Outcome, Snapshot


class AskedDialog(AskDialog):
    """Asks the engine when it opens and, where told so, again and again; what it says is previewed.

    At most one question is under way: an engine that is slow is not asked faster.
    """

    def __init__(
        self,
        title: str,
        *,
        keys: Mapping[str, str],
        question: Callable[[], Command | None],
        answered: Callable[[Snapshot, Outcome | None], Preview],
        yes: str,
        then: Callable[[Outcome | None], object],
        every_s: float = 0.0,
    ) -> None:
        """`answered` makes the preview of the newest answer, None before any; `then` runs for a yes to it.

        `every_s` are the real seconds between two questions; 0 asks once.
        """
        super().__init__(title, keys=keys, preview=self._preview_now, yes=yes)
        self._question = question
        self._answered = answered
        self._then = then
        self._every_s = every_s
        self._pending: Command | None = None
        self._outcome: Outcome | None = None
        self._snapshot: Snapshot | None = None

    def on_mount(self) -> None:
        """Cancel has the focus; the first question goes out."""
        super().on_mount()
        self._ask()
        if self._every_s:
            self.set_interval(self._every_s, self._ask)

    def heard(self, command: Command, outcome: Outcome) -> None:
        """An answer: shown at once."""
        if self._pending is None or command.command_id != self._pending.command_id:
            return
        self._pending, self._outcome = None, outcome
        if self._snapshot is not None:
            self._show_preview(self._snapshot)

    def accepted(self, answers: Answers) -> None:
        """Yes, to what was shown last."""
        super().accepted(answers)
        self._then(self._outcome)

    def _ask(self) -> None:
        if self._pending is None:
            self._pending = self._question()

    def _preview_now(self, snapshot: Snapshot) -> Preview:
        self._snapshot = snapshot
        return self._answered(snapshot, self._outcome)
