"""A share of one as a bar of block eighths, growing to either side. Pure."""

from __future__ import annotations

from typing import Final

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_HALF_RIGHT: Final = "▐"


def bar_of(share: float, *, cells: int, to_left: bool = False) -> str:
    """Exactly `cells` cells; a share outside of 0 to 1 is taken to the nearer end, NaN to nothing.

    To the left there are no eighths in the character set: halves stand for them.
    """
    if cells <= 0:
        return ""
    share = min(1.0, max(0.0, share)) if share == share else 0.0  # noqa: PLR0124 - NaN differs from itself
    if to_left:
        halves = round(share * cells * 2)
        text = _HALF_RIGHT * (halves % 2) + "█" * (halves // 2)
        return text.rjust(cells)
    eighths = round(share * cells * 8)
    text = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return text.ljust(cells)
