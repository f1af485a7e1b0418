"""What the styles draw around a widget's lines: made once, because Textual asks them anew for each line."""

from __future__ import annotations

from typing import NamedTuple

from rich.segment import Segment
from textual.geometry import Size, Spacing
from textual.strip import Strip


class Surround(NamedTuple):
    """Borders and padding, as Textual painted them around a widget of this size.

    Beside each line they are the same. Opacity, tint, hatch and outline, which reach into the lines
    themselves, are not known here: no stylesheet of ours gives them to lines.
    """

    size: Size
    """Of the whole widget, what is around the lines included."""
    gutter: Spacing
    left: tuple[Segment, ...]
    right: tuple[Segment, ...]
    rows: dict[int, Strip]
    """The rows above and below the lines that were painted so far, by their place in the widget."""

    def line_at(self, row: int) -> int | None:
        """Which line stands in this row of the widget; None where a border or padding does."""
        line = row - self.gutter.top
        return line if 0 <= line < self.size.height - self.gutter.height else None


def around(painted: Strip | None, *, size: Size, gutter: Spacing) -> Surround:
    """What is around the lines of a widget, read off one of its rows; None where it has no line."""
    left = right = Strip([], 0)
    if painted is not None:
        left, right = painted.crop(0, gutter.left), painted.crop(size.width - gutter.right, size.width)
    return Surround(size, gutter, tuple(left), tuple(right), {})
