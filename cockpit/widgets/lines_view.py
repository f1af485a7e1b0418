"""Lines of styled spans, repainted one by one: only what changed travels to the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import ClassVar, Self

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from cockpit.format import clean
from cockpit.spans import Line, Span, Tone, width_of
from cockpit.widgets.surround import Surround, around


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
        &:nocolor > .tone--alarm { text-style: bold reverse; }
        &:nocolor > .tone--blink { text-style: bold reverse blink; }
        &:nocolor > .tone--badge { text-style: bold reverse; }
        &:nocolor > .lines--cursor { text-style: bold underline; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()
        self._title = ""
        self._painted: dict[int, Strip] = {}
        """Lines as they go to the terminal, what the styles draw beside them included."""
        self._surround: Surround | None = None
        self._styles_of = {lit: _Styles(partial(self._style_of, selected=lit)) for lit in (False, True)}
        """By whether the line is the one under the cursor."""
        self._inside: Size | None = None
        """Size inside the border, None where it must be asked for: Textual reckons it anew at each asking."""

    @property
    def width(self) -> int:
        """Cells inside the border."""
        return self._size_inside().width

    @property
    def height(self) -> int:
        """Lines inside the border."""
        return self._size_inside().height

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
        """One line without what is around it."""
        return Strip(self._segments_of(y), self.width)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows in `crop`, from the cache where nothing changed.

        Textual's own way reads some thirty styles for each line of each refresh, to find what it found for
        the line before: here it is asked for the borders, and then only the text of a line is made.
        """
        surround = self._surround
        if surround is None or surround.size != self.outer_size:
            surround = self._look_around(crop.width)
        strips = [self._painted_row(y, surround) for y in crop.line_range]
        if crop.column_span == (0, surround.size.width):
            return strips
        return [strip.crop(*crop.column_span) for strip in strips]

    def notify_style_update(self) -> None:
        """The theme or the focus changed: every cached style and strip is out of date."""
        self._forget()
        for styles in self._styles_of.values():
            styles.clear()
        super().notify_style_update()

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Repaint these regions; without any, all of it, and what the styles draw may be another."""
        if not regions:
            self._forget()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def on_resize(self, _event: events.Resize) -> None:
        """A new width makes every strip a new one."""
        self.refresh()

    def _size_inside(self) -> Size:
        if self._inside is None:
            self._inside = self.size
        return self._inside

    def _forget(self) -> None:
        self._painted.clear()
        self._surround = None
        self._inside = None

    def _look_around(self, width: int) -> Surround:
        size, gutter = self.outer_size, self.styles.gutter
        self._painted.clear()
        first = None
        if size.height > gutter.height and gutter.width:
            [first] = super().render_lines(Region(0, gutter.top, size.width, 1))
        self._surround = around(first, size=size, gutter=gutter)
        return self._surround

    def _painted_row(self, row: int, surround: Surround) -> Strip:
        y = surround.line_at(row)
        if y is None:
            strip = surround.rows.get(row)
            if strip is None:
                [strip] = super().render_lines(Region(0, row, surround.size.width, 1))
                surround.rows[row] = strip
            return strip
        strip = self._painted.get(y)
        if strip is None:
            # Made once and with its length: each strip brings half a dozen caches of its own.
            segments = [*surround.left, *self._segments_of(y), *surround.right]
            strip = self._painted[y] = Strip(segments, surround.size.width)
        return strip

    def _segments_of(self, y: int) -> list[Segment]:
        """Line `y` in exactly the widget's width."""
        return self._segments(self._lines[y] if y < len(self._lines) else ())

    def _repaint_lines(self, changed: Sequence[int]) -> None:
        for y in changed:
            self._painted.pop(y, None)
        if changed:
            self.refresh(*(Region(0, first, self.width, count) for first, count in _runs(changed)))

    def _segments(self, spans: Line) -> list[Segment]:
        """Spans in exactly the widget's width, one segment per run of equal tone."""
        runs: list[tuple[Tone, list[str]]] = []
        last: Tone | None = None
        for text, tone in spans:
            if tone is last:
                runs[-1][1].append(text)
            else:
                runs.append((tone, [text]))
                last = tone
        line = [Span(clean("".join(texts)), tone) for tone, texts in runs]
        return self._fitted(line, length=width_of(line))

    def _fitted(self, spans: Sequence[Span], *, length: int, selected: bool = False) -> list[Segment]:
        """Clean spans that take `length` cells, cut or filled up to the widget's width."""
        styles = self._styles_of[selected]
        segments = [Segment(text, styles[tone]) for text, tone in spans]
        width = self.width
        if length > width > 0:
            # Cut without a sign, `at 164.20` could read `at 16`.
            rest = styles[Tone.TEXT]
            cut = Strip.join([Strip(segments, length).crop(0, width - 1), Strip([Segment("…", rest)])])
            return list(cut.adjust_cell_length(width, rest))
        if length < width:
            segments.append(Segment(" " * (width - length), styles[Tone.TEXT]))
        return segments

    def _style_of(self, tone: Tone, *, selected: bool) -> Style:
        """How a tone looks, Textual's filters (no colours, colours of the terminal) applied."""
        style = self.rich_style + self.get_component_rich_style(f"tone--{tone.value}", partial=True)
        if selected:
            style += self.get_component_rich_style("lines--cursor", partial=True)
        background = self.background_colors[1]
        for one in self.app.get_line_filters():
            [filtered] = one.apply([Segment(" ", style)], background)
            style = style if filtered.style is None else filtered.style
        return style


class _Styles(dict[Tone, Style]):
    """How each tone looks, asked for once."""

    def __init__(self, make: Callable[[Tone], Style]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, tone: Tone) -> Style:
        style = self[tone] = self._make(tone)
        return style


def _runs(changed: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbours together: (first, how many) for each run of line numbers that follow each other."""
    first = before = changed[0]
    for y in changed[1:]:
        if y != before + 1:
            yield first, before - first + 1
            first = y
        before = y
    yield first, before - first + 1
