"""Styled text as plain values: a line is spans of (text, tone), so nothing can ever be read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from rich.cells import cell_len, set_cell_size

from cockpit.format import clean


class Tone(StrEnum):
    """What a piece of text means; the theme decides how it looks."""

    TEXT = "text"
    MUTED = "muted"
    STRONG = "strong"
    ACCENT = "accent"
    GAIN = "gain"
    LOSS = "loss"
    WARN = "warn"
    ERROR = "error"
    ALARM = "alarm"
    """A bar that must be seen: halted, killed, disconnected."""
    BLINK = "blink"
    """Only for an unacknowledged CRITICAL alert."""
    BADGE = "badge"
    """The mode."""


class Span(NamedTuple):
    """A run of text with one meaning."""

    text: str
    tone: Tone = Tone.TEXT


Line = tuple[Span, ...]


class Piece(NamedTuple):
    """Part of a line that may be left out where room is short; rank 0 is never left out."""

    rank: int
    spans: Line


SEPARATOR: Line = (Span(" │ ", Tone.MUTED),)


def line(*parts: Span | str) -> Line:
    """A line from spans and plain texts."""
    return tuple(part if isinstance(part, Span) else Span(part) for part in parts)


_OUR_SIGNS: Final = frozenset(map(chr, range(0x20, 0x7F))) | frozenset("·½¼¾⅓⅔—−…▲▼▸✓✗│≈")
_takes_one_cell_each: Final = _OUR_SIGNS.issuperset


def cells_of(text: str) -> int:
    """Terminal cells that a text takes once it is cleaned."""
    # Nearly all text is ASCII and signs of ours, one cell each; this is asked hundreds of times a refresh.
    return len(text) if text.isascii() or _takes_one_cell_each(text) else cell_len(clean(text))


def width_of(spans: Iterable[Span]) -> int:
    """Terminal cells the spans take."""
    return sum(cells_of(span.text) for span in spans)


def text_of(spans: Iterable[Span]) -> str:
    """The bare text."""
    return "".join(span.text for span in spans)


def pad(text: str, *, width: int, right: bool = False) -> str:
    """`text`, cleaned, in exactly `width` cells; what does not fit is cut and marked with `…`."""
    text = text if _takes_one_cell_each(text) else clean(text)
    missing = width - cells_of(text)
    if missing >= 0:
        return " " * missing + text if right else text + " " * missing
    return text[:0] if width <= 0 else set_cell_size(text, width - 1) + "…"


def fit(pieces: Sequence[Piece], *, width: int, separator: Line = SEPARATOR) -> Line:
    """Join pieces, leaving out the highest ranks first until the line fits into `width` cells.

    Pieces of rank 0 stay whatever happens; the widget crops what is then still too long.
    """
    kept = list(pieces)
    while kept:
        joined = _join(kept, separator=separator)
        worst = max(piece.rank for piece in kept)
        if width_of(joined) <= width or worst == 0:
            return joined
        last = max(index for index, piece in enumerate(kept) if piece.rank == worst)
        del kept[last]
    return ()


def title(pieces: Sequence[tuple[int, str]], *, width: int) -> str:
    """A panel title from (rank, text) parts, joined by ` · `, as many as fit beside the corners."""
    parts = [Piece(rank, (Span(text),)) for rank, text in pieces if text]
    return text_of(fit(parts, width=width - 4, separator=(Span(" · "),)))


def ends(left: Line, right: Line, *, width: int) -> Line:
    """`left` at the left edge and `right` at the right one; without room for both only `left`."""
    gap = width - width_of(left) - width_of(right)
    return left if gap < 1 else (*left, Span(" " * gap), *right)


def _join(pieces: Sequence[Piece], *, separator: Line) -> Line:
    spans: list[Span] = []
    for index, piece in enumerate(pieces):
        if index:
            spans.extend(separator)
        spans.extend(piece.spans)
    return tuple(spans)
