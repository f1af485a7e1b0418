"""Lines of styled spans, repainted one by one: only what changed travels to the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from cockpit.format import clean
from cockpit.spans import Line, Tone, cells_of


class LinesView(Widget):
    """Shows a sequence of lines; text is data, never markup, and is cleaned at this last step.

    Every segment carries a style: a segment without one crashes Textual's NO_COLOR filter.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--cursor", *(f"tone--{tone.value}" for tone in Tone)}

    DEFAULT_CSS = """
    LinesView {
        & > .tone--muted { color: $muted; }
        & > .tone--strong { color: $strong; text-style: bold; }
        & > .tone--accent { color: $accent; }
        & > .tone--gain { color: $gain; }
        & > .tone--loss { color: $loss; }
        & > .tone--warn { color: $warning; }
        & > .tone--error { color: $error; text-style: bold; }
        & > .tone--alarm { color: $on-alarm; background: $alarm; text-style: bold; }
        & > .tone--blink { color: $on-alarm; background: $alarm; text-style: bold blink; }
        & > .tone--badge { color: $on-badge; background: $badge; text-style: bold; }
        & > .lines--cursor { background: $cursor; text-style: bold; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()
        self._title = ""
        self._strips: dict[int, Strip] = {}
        self._styles_of: dict[tuple[Tone, bool], Style] = {}
        self._width = -1
        """Width inside the border, -1 where it must be asked for: Textual reckons it anew at each asking."""

    @property
    def width(self) -> int:
        """Cells inside the border."""
        if self._width < 0:
            self._width = self.size.width
        return self._width

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown."""
        return self._lines

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Show `lines`; repaint only those that differ from what is shown."""
        fresh = tuple(lines)
        if fresh == self._lines:
            return
        before, self._lines = self._lines, fresh
        longest = max(len(before), len(fresh))
        self._repaint_lines(
            [y for y in range(longest) if before[y : y + 1] != fresh[y : y + 1]],
        )

    def set_title(self, title: str) -> None:
        """Set the title on the border, only where it changed: setting it repaints the whole widget."""
        # Beside corners Textual leaves a blank of its own, beside a bare rule it does not.
        shown = title if self.styles.border_left[0] else f" {title} "
        if title and shown != self._title:
            self._title = shown
            self.border_title = Text(clean(shown))

    def render_line(self, y: int) -> Strip:
        """One row of the widget, from the cache where nothing changed."""
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strip(self._lines[y] if y < len(self._lines) else (), selected=False)
            self._strips[y] = strip
        return strip

    def notify_style_update(self) -> None:
        """The theme or the focus changed: every cached style and strip is out of date."""
        self._strips.clear()
        self._styles_of.clear()
        self._width = -1
        super().notify_style_update()

    def on_resize(self, _event: events.Resize) -> None:
        """A new width makes every strip a new one."""
        self._strips.clear()
        self._width = -1
        self.refresh()

    def _repaint_lines(self, changed: Sequence[int]) -> None:
        for y in changed:
            self._strips.pop(y, None)
        if changed:
            self.refresh(*(Region(0, y, self.width, 1) for y in changed))

    def _strip(self, spans: Line, *, selected: bool) -> Strip:
        """Spans as a strip of exactly the widget's width, one segment per run of equal tone."""
        runs: list[tuple[Tone, list[str]]] = []
        last: Tone | None = None
        for text, tone in spans:
            if tone is last:
                runs[-1][1].append(text)
            else:
                runs.append((tone, [text]))
                last = tone
        segments: list[Segment] = []
        length = 0
        for tone, texts in runs:
            run = clean("".join(texts))
            length += cells_of(run)
            segments.append(Segment(run, self._style(tone, selected=selected)))
        rest, width = self._style(Tone.TEXT, selected=selected), self.width
        if length > width > 0:
            # Cut without a sign, `at 164.20` could read `at 16`.
            cut = Strip.join([Strip(segments, length).crop(0, width - 1), Strip([Segment("…", rest)])])
            return cut.adjust_cell_length(width, rest)
        if length < width:
            segments.append(Segment(" " * (width - length), rest))
        # Made once and with its length: each strip brings half a dozen caches of its own.
        return Strip(segments, max(length, width))

    def _style(self, tone: Tone, *, selected: bool) -> Style:
        style = self._styles_of.get((tone, selected))
        if style is None:
            style = self.rich_style + self.get_component_rich_style(f"tone--{tone.value}", partial=True)
            if selected:
                style += self.get_component_rich_style("lines--cursor", partial=True)
            self._styles_of[tone, selected] = style
        return style
