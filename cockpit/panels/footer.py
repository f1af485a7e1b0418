"""The keys that work now, from the action table, and what became of the last wish."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events

from cockpit.actions import ACTIONS
from cockpit.keymap import keys_of, shown_key
from cockpit.spans import Line, Piece, Span, Tone, fit
from cockpit.widgets.lines_view import LinesView


class FooterKeys(LinesView):
    """One line of keys; where room is short the least needed go first, pause, halt and kill never."""

    def __init__(self, *, keys: Mapping[str, str], id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._keys = keys

    def on_resize(self, _event: events.Resize) -> None:
        """Fit the keys into the new width."""
        self.set_lines([footer_line(self._keys, width=self.size.width)])


def footer_line(overrides: Mapping[str, str], *, width: int) -> Line:
    """Keys and their words, as many as fit into `width` cells."""
    pieces = [
        Piece(
            action.rank,
            (
                Span(f" {shown_key(keys_of(action, overrides=overrides)[0])} ", Tone.ACCENT),
                Span(action.label, Tone.MUTED),
            ),
        )
        for action in ACTIONS
        if action.label
    ]
    return fit(pieces, width=width - 1, separator=(Span(" "),))


class StatusLine(LinesView):
    """One line: what was asked and what became of it."""

    def say(self, *spans: Span) -> None:
        """Show one message; it stays until the next."""
        self.set_lines([(Span(" "), *spans)] if spans else [])
