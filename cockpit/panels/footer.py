"""The keys that work now, from the action table, and what became of the last wish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events

from cockpit.action import Where
from cockpit.actions import ACTIONS
from cockpit.keymap import keys_of, shown_key
from cockpit.spans import Line, Piece, Span, Tone, width_of
from cockpit.widgets.lines_view import LinesView

COCKPIT_PLACES = frozenset({Where.EVERYWHERE, Where.SCREENS, Where.SCREEN, Where.TABLE})
RECOVERY_PLACES = frozenset({Where.EVERYWHERE, Where.SCREENS, Where.RECOVERY})
MARKET_PLACES = frozenset({Where.EVERYWHERE, Where.SCREENS, Where.PAGE, Where.MARKET, Where.TABLE})
PAGE_PLACES = frozenset({Where.EVERYWHERE, Where.SCREENS, Where.PAGE})
_BETWEEN: Line = (Span(" "),)


class FooterKeys(LinesView):
    """Keys and their words; where room is short the least needed go first, halt and kill never."""

    def __init__(
        self,
        *,
        keys: Mapping[str, str],
        places: frozenset[Where] = COCKPIT_PLACES,
        most: int = 1,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._keys = keys
        self._places = places
        self._most = most

    def on_resize(self, _event: events.Resize) -> None:
        """Fit the keys into the new width."""
        self.set_lines(footer_lines(self._keys, places=self._places, width=self.size.width, most=self._most))


def footer_lines(
    overrides: Mapping[str, str],
    *,
    places: frozenset[Where] = COCKPIT_PLACES,
    width: int,
    most: int = 1,
) -> list[Line]:
    """Keys and their words in at most `most` lines of `width` cells, dearest first to stay."""
    pieces = _pieces(overrides, places=places)
    while pieces:
        lines = _wrapped(pieces, width=width)
        worst = max(piece.rank for piece in pieces)
        if len(lines) <= most or worst == 0:
            return lines[:most]
        del pieces[max(index for index, piece in enumerate(pieces) if piece.rank == worst)]
    return []


def _pieces(overrides: Mapping[str, str], *, places: frozenset[Where]) -> list[Piece]:
    shown = [action for action in ACTIONS if action.label and action.where in places]
    # What only works here is read first.
    shown.sort(key=lambda action: action.where is not Where.RECOVERY)
    # One word for keys that say the same: the digits of the screens.
    keys: dict[tuple[int, str], list[str]] = {}
    for action in shown:
        keys.setdefault((action.rank, action.label), []).append(
            shown_key(keys_of(action, overrides=overrides)[0])
        )
    return [
        Piece(rank, (Span(f" {keys_text(named)} ", Tone.ACCENT), Span(label, Tone.MUTED)))
        for (rank, label), named in keys.items()
    ]


def keys_text(named: Sequence[str]) -> str:
    """Keys in a row; digits without a gap between them as `1-7`."""
    found = sorted(named)
    if len(found) > 2 and "".join(found) in "123456789":
        return f"{found[0]}-{found[-1]}"
    return " ".join(found)


def _wrapped(pieces: Sequence[Piece], *, width: int) -> list[Line]:
    lines: list[Line] = []
    for piece in pieces:
        if lines and width_of((*lines[-1], *_BETWEEN, *piece.spans)) <= width:
            lines[-1] = (*lines[-1], *_BETWEEN, *piece.spans)
        else:
            lines.append(piece.spans)
    return lines


class StatusLine(LinesView):
    """One line: what was asked and what became of it."""

    def say(self, *spans: Span) -> None:
        """Show one message; it stays until the next."""
        self.set_lines([(Span(" "), *spans)] if spans else [])
