"""Bars, price lines and marks as text: two bars per cell in braille, prices right, times below. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from cockpit.spans import Line, Span, Tone, pad
from cockpit.widgets.braille_chart import dot_column

BLANK: Final = "⠀"
RULE: Final = "┄"
BUY: Final = "▲"
SELL: Final = "▼"
LEAST_WIDTH: Final = 16
LEAST_HEIGHT: Final = 3
MOST_STRETCH: Final = 2.5
"""A line farther away than makes the range so many times the bars' own is named at the edge instead."""
MOST_DOTS: Final = 4
"""Columns of dots of the widest bar."""
_LABEL_EVERY: Final = 4
"""Rows between two plain prices of the axis."""


class HighLow(NamedTuple):
    """One bar: when it ended (epoch seconds) and how far the price went."""

    end: float
    low: float
    high: float


class PriceLine(NamedTuple):
    """A price worth a line of its own; of two in one row the earlier one is named."""

    price: float
    name: str
    tone: Tone


class Mark(NamedTuple):
    """Something that happened at a time and a price."""

    at: float
    price: float
    is_buy: bool


class _Scale(NamedTuple):
    low: float
    high: float
    rows: int

    def row(self, price: float) -> int:
        """Row of cells of a price, 0 at the top; outside of the range at its edge."""
        return min(self.rows - 1, max(0, self.dot(price) // 4))

    def dot(self, price: float) -> int:
        """Row of dots, four to a cell."""
        return round((self.high - price) / (self.high - self.low) * (self.rows * 4 - 1))

    def price(self, row: int) -> float:
        """Price in the middle of a row."""
        return self.high - (row * 4 + 1.5) / (self.rows * 4 - 1) * (self.high - self.low)

    def holds(self, price: float) -> bool:
        """Whether it lies inside."""
        return self.low <= price <= self.high


def price_chart(
    bars: Sequence[HighLow],
    *,
    width: int,
    height: int,
    price_text: Callable[[float], str],
    time_text: Callable[[float], str],
    lines: Sequence[PriceLine] = (),
    marks: Sequence[Mark] = (),
) -> list[Line]:
    """At most `height` lines of at most `width` cells; empty where there is no bar or no room.

    The newest bar is at the right edge; what does not fit is left out at the left. Values that are not
    finite are left out, too.
    """
    bars = [bar for bar in bars if math.isfinite(bar.low) and math.isfinite(bar.high)]
    lines = [line for line in lines if math.isfinite(line.price)]
    if not bars or width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return []
    margin = 1 + max(
        *(len(price_text(price)) for price in (min(b.low for b in bars), max(b.high for b in bars))),
        *(len(_label(line, price_text)) for line in lines),
        0,
    )
    plot = max(1, width - margin)
    shown = bars[-2 * plot :]
    scale = _scale(shown, lines, rows=height - 1)
    cells = _cells(shown, scale, plot=plot)
    for line in reversed(lines):
        _rule(cells, scale, line)
    _put_marks(cells, shown, scale, [mark for mark in marks if math.isfinite(mark.price)])
    labels = _labels(scale, lines, price_text)
    made = [
        (*_runs(row), Span(pad(text, width=margin), tone))
        for row, (text, tone) in zip(cells, labels, strict=True)
    ]
    return [*made, _times(shown, plot=plot, time_text=time_text)]


def _scale(bars: Sequence[HighLow], lines: Sequence[PriceLine], *, rows: int) -> _Scale:
    low, high = min(bar.low for bar in bars), max(bar.high for bar in bars)
    own = max(high - low, abs(high) * 1e-4, 1e-9)
    for line in lines:
        reach = max(high, line.price) - min(low, line.price)
        if reach <= own * MOST_STRETCH:
            low, high = min(low, line.price), max(high, line.price)
    return _Scale(low, high, rows) if high > low else _Scale(low - own / 2, high + own / 2, rows)


def _cells(bars: Sequence[HighLow], scale: _Scale, *, plot: int) -> list[list[tuple[str, Tone]]]:
    """The bars as dots, the newest at the right."""
    dots = [[0] * plot for _ in range(scale.rows)]
    wide = _dots_of(len(bars), plot=plot)
    first = 2 * plot - wide * len(bars)
    for number, bar in enumerate(bars):
        top, bottom = sorted((scale.dot(bar.high), scale.dot(bar.low)))
        begin = first + wide * number
        for place in range(begin, begin + max(1, wide - 1)):  # wide ones have a gap between them
            for row in range(top // 4, bottom // 4 + 1):
                above, below = max(top - row * 4, 0), min(bottom - row * 4, 3)
                dots[row][place // 2] |= dot_column(place % 2, above, below)
    return [[(chr(ord(BLANK) | cell), Tone.TEXT) for cell in row] for row in dots]


def _dots_of(bars: int, *, plot: int) -> int:
    """Columns of dots for each bar: where there are few, they are wider."""
    return min(MOST_DOTS, max(1, 2 * plot // bars))


def _rule(cells: list[list[tuple[str, Tone]]], scale: _Scale, line: PriceLine) -> None:
    if scale.holds(line.price):
        row = cells[scale.row(line.price)]
        row[:] = [(RULE, line.tone) if cell[0] in (BLANK, RULE) else cell for cell in row]


def _put_marks(
    cells: list[list[tuple[str, Tone]]], bars: Sequence[HighLow], scale: _Scale, marks: Sequence[Mark]
) -> None:
    """Each in the column of its bar; what happened before the first bar is not shown."""
    plot = len(cells[0])
    wide = _dots_of(len(bars), plot=plot)
    first = 2 * plot - wide * len(bars)
    length = bars[1].end - bars[0].end if len(bars) > 1 else 60.0
    for mark in marks:
        if mark.at < bars[0].end - length:
            continue
        place = next((i for i, bar in enumerate(bars) if mark.at < bar.end), len(bars) - 1)
        sign = (BUY, Tone.GAIN) if mark.is_buy else (SELL, Tone.LOSS)
        cells[scale.row(mark.price)][(first + wide * place) // 2] = sign


def _labels(
    scale: _Scale, lines: Sequence[PriceLine], price_text: Callable[[float], str]
) -> list[tuple[str, Tone]]:
    """What stands at the right of each row: named prices first, then plain ones between them."""
    found: list[tuple[str, Tone] | None] = [None] * scale.rows
    for line in lines:
        row = scale.row(line.price)
        if found[row] is not None:
            continue
        edge = " " if scale.holds(line.price) else "↑" if line.price > scale.high else "↓"
        found[row] = (f"{edge}{_label(line, price_text)}", line.tone)
    return [
        known
        or ((f" {price_text(scale.price(row))}", Tone.MUTED) if row % _LABEL_EVERY == 0 else ("", Tone.MUTED))
        for row, known in enumerate(found)
    ]


def _label(line: PriceLine, price_text: Callable[[float], str]) -> str:
    return f"{price_text(line.price)} {line.name}"


def _runs(row: Sequence[tuple[str, Tone]]) -> list[Span]:
    """One span per run of equal tone."""
    spans: list[Span] = []
    for text, tone in row:
        if spans and spans[-1].tone is tone:
            spans[-1] = Span(spans[-1].text + text, tone)
        else:
            spans.append(Span(text, tone))
    return spans


def _times(bars: Sequence[HighLow], *, plot: int, time_text: Callable[[float], str]) -> Line:
    begin, end = time_text(bars[0].end), time_text(bars[-1].end)
    left = plot - (_dots_of(len(bars), plot=plot) * len(bars) + 1) // 2
    room = plot - left - len(end)
    if room < len(begin) + 1:
        return (Span(pad(end, width=plot, right=True), Tone.MUTED),)
    return (Span(" " * left + pad(begin, width=room) + end, Tone.MUTED),)
