"""Questions before deeds: a live preview, Cancel focused, and the safe keys still working."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from cockpit.action import Where
from cockpit.format import clean
from cockpit.frame import Frame, trouble_words
from cockpit.keymap import bindings_for, key_for
from cockpit.previews import Preview, labelled
from cockpit.spans import Line, Tone
from cockpit.widgets.lines_view import LinesView
from engine.api import Command, Outcome, Snapshot

_FRAME_LINES = 9
"""Lines of the terminal that borders, fields and buttons of a dialog need at most."""
MANY_FIELDS = 3
"""From so many fields on there is no empty line between them: they must fit on 24 lines."""
ResultT = TypeVar("ResultT")
Previewer = Callable[[Snapshot], Preview]
Answers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to type."""

    name: str
    label: str
    expected: str = ""
    """The word that must be typed, in either case; empty takes anything but nothing."""
    check: Callable[[str], str] | None = None
    """Says why a text will not do, empty where it will."""
    initial: str = ""
    """What stands there already; typing takes its place."""
    meaning: Callable[[str], str] | None = None
    """Says what a text would do, empty where it says nothing."""
    optional: bool = False
    """True where nothing is an answer, too."""

    def accepts(self, typed: str) -> bool:
        """True where the typed text will do."""
        bare = typed.strip()
        if self.expected:
            return bare.casefold() == self.expected.casefold()
        return (self.optional or bool(bare)) and not self.complaint(bare)

    def complaint(self, typed: str) -> str:
        """Why the text will not do; empty where it will, or where nothing is typed yet."""
        bare = typed.strip()
        return self.check(bare) if bare and self.check is not None else ""

    def meant(self, typed: str) -> str:
        """What the text would do; empty where nothing is typed yet, or nothing is to say."""
        bare = typed.strip()
        return self.meaning(bare) if bare and self.meaning is not None else ""


class Dialog(ModalScreen[ResultT], Generic[ResultT]):
    """A box over the screen that keeps following the account while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(Where.DIALOG),
        Binding("right,down", "app.focus_next", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("pagedown", "scroll_words(1)", show=False),
        Binding("pageup", "scroll_words(-1)", show=False),
    ]

    def __init__(self, title: str, *, keys: Mapping[str, str], danger: bool = False) -> None:
        super().__init__()
        self._keys = keys
        self._heading = title
        self._told: tuple[str, ...] = ()
        self._danger = danger
        self.text = LinesView(id="text")

    def compose(self) -> ComposeResult:
        """The text, then whatever the kind of dialog adds."""
        with Vertical(id="dialog", classes="-danger" if self._danger else "") as box:
            box.border_title = self.box_title
            box.border_subtitle = f"{self.key_hints()}, also while you type"
            with VerticalScroll(id="words", can_focus=False):
                yield self.text
            yield from self.compose_controls()

    def compose_controls(self) -> ComposeResult:
        """Fields and buttons below the text."""
        yield from ()

    def key_hints(self, *more: str) -> str:
        """How to close it and which safe keys still act, under the operator's own keys; `more` in between."""
        close, halt, kill = (key_for(name, overrides=self._keys) for name in ("dismiss", "halt", "kill"))
        return " · ".join((f"{close} closes", *more, f"{halt} and {kill} act here too"))

    def put(self, lines: Sequence[Line]) -> None:
        """Show lines; the box grows and shrinks with them, and scrolls what the terminal has no room for."""
        self.text.set_lines(lines)
        self.text.styles.height = max(1, len(lines))
        for words in self.query("#words"):
            words.styles.max_height = max(3, self.app.size.height - self.frame_lines)

    @property
    def frame_lines(self) -> int:
        """Lines of the terminal that are not for the text."""
        return _FRAME_LINES

    def action_scroll_words(self, pages: int) -> None:
        """Move the text where it is longer than the box."""
        for words in self.query("#words").results(VerticalScroll):
            words.scroll_relative(y=pages * words.size.height, animate=False)

    @property
    def box_title(self) -> Text:
        """The name, and what must not be overlooked while the box lies over the header."""
        # As Text: a plain string would be read as markup, and names come from outside.
        return Text(clean(" · ".join((self._heading, *self._told))))

    def title_words(self, frame: Frame) -> Sequence[str]:
        """What the title says after the name."""
        return trouble_words(frame)

    def follow(self, frame: Frame) -> None:
        """Show a frame, in the title and in the box."""
        words = tuple(self.title_words(frame))
        if words != self._told:
            self._told = words
            for box in self.query("#dialog"):
                box.border_title = self.box_title
                box.set_class(frame.has_trouble, "-troubled")
        self.show(frame)

    def show(self, frame: Frame) -> None:
        """Follow the account."""

    def heard(self, command: Command, outcome: Outcome) -> None:
        """A command of this cockpit ended."""

    def action_confirm(self) -> None:
        """Yes, where the dialog has such an answer."""


class AskDialog(Dialog[Answers]):
    """A preview, perhaps words to type, and two buttons. The result is what was typed, None for no."""

    def __init__(
        self,
        title: str,
        *,
        keys: Mapping[str, str],
        preview: Previewer,
        yes: str,
        fields: Sequence[Field] = (),
        danger: bool = False,
    ) -> None:
        super().__init__(title, keys=keys, danger=danger)
        self._preview = preview
        self._yes = yes
        self._fields = tuple(fields)
        self._lines: tuple[Line, ...] = ()
        self._possible = False

    def compose_controls(self) -> ComposeResult:
        """One line per field, then Cancel and the deed."""
        is_dense = len(self._fields) >= MANY_FIELDS
        for field in self._fields:
            with Horizontal(classes="field -dense" if is_dense else "field"):
                yield Label(clean(field.label), markup=False)
                yield Input(field.initial, id=f"field-{field.name}", select_on_focus=bool(field.initial))
        with Horizontal(classes="buttons"):
            yield Button("Cancel", id="cancel", compact=True)
            yield Button(
                # Where words are typed the confirm key is a letter like any other.
                self._yes if self._fields else f"{self._yes} ({key_for('confirm', overrides=self._keys)})",
                id="yes",
                compact=True,
                disabled=True,
                variant="error" if self._danger else "default",
            )

    def on_mount(self) -> None:
        """Put the focus where enter alone does nothing: an empty field, else Cancel.

        A typed word is the second thought already, and time may matter: no detour over Cancel.
        """
        self.query_one(f"#field-{self._fields[0].name}" if self._fields else "#cancel").focus()
        self._enable()

    def show(self, frame: Frame) -> None:
        """Preview anew; a world that changed may forbid the deed."""
        self._show_preview(frame.snapshot)

    def _show_preview(self, snapshot: Snapshot) -> None:
        self._lines, self._possible = self._preview(snapshot)
        self._put_with_complaints()
        self._enable()

    @property
    def frame_lines(self) -> int:
        """Dense fields take a line each."""
        many = len(self._fields)
        return _FRAME_LINES if many < MANY_FIELDS else _FRAME_LINES - MANY_FIELDS + many

    @property
    def answers(self) -> dict[str, str]:
        """What is typed so far."""
        return {
            field.name: self.query_one(f"#field-{field.name}", Input).value.strip() for field in self._fields
        }

    def on_input_changed(self) -> None:
        """Typing may complete the answer."""
        self._put_with_complaints()
        self._enable()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Enter in a field: to the first one that is not right yet, or the deed where all are."""
        answers = self.answers
        wrong = [field for field in self._fields if not field.accepts(answers[field.name])]
        if wrong:
            self.query_one(f"#field-{wrong[0].name}", Input).focus()
        else:
            self._accept()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button was chosen."""
        event.stop()
        if event.button.id == "yes":
            self._accept()
        else:
            self.dismiss(None)

    def action_confirm(self) -> None:
        """The confirm key, where nothing has to be typed."""
        if not self._fields:
            self._accept()

    def accepted(self, answers: Answers) -> None:
        """Everything is typed and the deed is possible."""
        self.dismiss(answers)

    def _put_with_complaints(self) -> None:
        # A look at the engine may come before the fields are there: nothing is typed yet.
        typed = [
            (field, entry.value)
            for field in self._fields
            for entry in self.query(f"#field-{field.name}").results(Input)
        ]
        means = [field.meant(value) for field, value in typed]
        wrong = [field.complaint(value) for field, value in typed]
        self.put(
            [
                *self._lines,
                *(made for text in means if text for made in labelled("typed", text, tone=Tone.STRONG)),
                *(made for text in wrong if text for made in labelled("not so", text, tone=Tone.WARN)),
            ]
        )

    @property
    def _complete(self) -> bool:
        answers = self.answers
        return self._possible and all(field.accepts(answers[field.name]) for field in self._fields)

    def _accept(self) -> None:
        if self._complete:
            self.accepted(self.answers)

    def _enable(self) -> None:
        # A look at the engine may come before the dialog's first layout: nothing to enable yet.
        for button in self.query("#yes").results(Button):
            button.disabled = not self._complete
