"""The `:` line: a verb as in a shell, with completion, history, and errors in place."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from cockpit.format import clean
from cockpit.frame import Frame
from cockpit.line_history import LineHistory
from cockpit.previews import labelled, listed
from cockpit.screens.dialog import Dialog
from cockpit.shell_line import LineError, Typed, candidates, parse
from cockpit.spans import Line, Tone
from engine.api import Snapshot

MOST_SHOWN: Final = 24

WordsOf = Callable[[Snapshot, str], Sequence[str]]


class LineDialog(Dialog[Typed]):
    """One field. The result is what was understood; nothing is done here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False, priority=True),
        Binding("up", "recall(-1)", show=False, priority=True),
        Binding("down", "recall(1)", show=False, priority=True),
    ]

    def __init__(
        self, *, keys: Mapping[str, str], verbs: Sequence[str], words_of: WordsOf, history: LineHistory
    ) -> None:
        super().__init__("Command", keys=keys)
        self._verbs = verbs
        self._words_of = words_of
        self._history = history
        self._place = len(history.lines)
        """Which line of the history is shown; past the last one: none."""
        self._snapshot: Snapshot | None = None
        self._field = Input(id="filter", compact=True, select_on_focus=False)

    def compose_controls(self) -> ComposeResult:
        """The field, below what may follow."""
        yield self._field

    def key_hints(self, *more: str) -> str:
        """How to complete, and what came before."""
        return super().key_hints("tab completes", "↑ ↓ earlier lines", *more)

    def on_mount(self) -> None:
        """Type at once."""
        self._field.focus()
        self._tell("")

    def show(self, frame: Frame) -> None:
        """Symbols, orders and alerts are offered as they are now."""
        self._snapshot = frame.snapshot

    def on_input_changed(self, event: Input.Changed) -> None:
        """Offer what may follow."""
        event.stop()
        self._tell("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Do it, or say why not and leave it to be mended."""
        event.stop()
        try:
            typed = parse(event.value)
        except LineError as err:
            self._tell(str(err))
            return
        self._history.add(event.value)
        self.dismiss(typed)

    def action_complete(self) -> None:
        """Put in what all that fit have in common; the whole word where only one does."""
        found = self._candidates()
        if found:
            self._put_line(completed(self._field.value, found))

    def action_recall(self, steps: int) -> None:
        """An earlier line, or a later one."""
        lines = self._history.lines
        self._place = max(0, min(len(lines), self._place + steps))
        self._put_line(lines[self._place] if self._place < len(lines) else "")

    def _put_line(self, text: str) -> None:
        self._field.value = text
        self._field.cursor_position = len(text)

    def _candidates(self) -> tuple[str, ...]:
        def words_of(name: str) -> Sequence[str]:
            return () if self._snapshot is None else self._words_of(self._snapshot, name)

        return candidates(self._field.value, verbs=self._verbs, words_of=words_of)

    def _tell(self, wrong: str) -> None:
        lines: list[Line] = listed("may follow", self._candidates()[:MOST_SHOWN], nothing="what you type")
        if wrong:
            lines += labelled("not so", wrong, tone=Tone.WARN)
        self.put(lines)


def completed(text: str, found: Sequence[str]) -> str:
    """The line with its last word as far as all that fit are alike; whole where only one fits.

    A whole word is quoted where it must be: a name from outside stays one word, whatever is in it.
    """
    last = text.rpartition(" ")[2]
    begun = [word for word in found if word.casefold().startswith(last.casefold())] or list(found)
    common = clean(_common(begun))
    if len(begun) == 1:
        common = shlex.quote(clean(begun[0])) + " "
    return text[: len(text) - len(last)] + common if len(common) >= len(last) else text


def _common(words: Sequence[str]) -> str:
    first = words[0]
    for end in range(len(first), 0, -1):
        if all(word.casefold().startswith(first[:end].casefold()) for word in words):
            return first[:end]
    return ""
