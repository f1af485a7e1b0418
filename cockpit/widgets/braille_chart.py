"""A curve in braille dots: two by four points per cell, no library, one line per row of cells. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800
_BARS = "▁▂▃▄▅▆▇█"


def resample(values: Sequence[float], *, points: int) -> list[float]:
    """`values` at `points` even places; fewer values than places are not stretched."""
    if points <= 0 or not values:
        return []
    if len(values) <= points:
        return list(values)
    step = (len(values) - 1) / max(1, points - 1)
    return [values[round(index * step)] for index in range(points)]


def plot(values: Sequence[float], *, width: int, height: int, baseline: float | None = 0.0) -> list[str]:
    """`height` strings of `width` cells with the curve; the vertical range always holds `baseline`.

    A baseline is drawn as sparse dots where the curve leaves room. No values give blank rows.
    """
    if width <= 0 or height <= 0:
        return []
    points = resample(values, points=width * 2)
    cells = [[0] * width for _ in range(height)]
    rows = height * 4
    if points:
        low, high = bounds(points, baseline=baseline)
        levels = [_level(value, low=low, high=high, rows=rows) for value in points]
        if baseline is not None:
            _dot_baseline(cells, level=_level(baseline, low=low, high=high, rows=rows))
        _draw(cells, levels=levels)
    return ["".join(chr(_BLANK | cell) for cell in row) for row in cells]


def bounds(values: Sequence[float], *, baseline: float | None) -> tuple[float, float]:
    """Lowest and highest shown value; never equal."""
    every = [*values, baseline] if baseline is not None else list(values)
    low, high = min(every), max(every)
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def zero_row(values: Sequence[float], *, height: int, baseline: float = 0.0) -> int:
    """Row (0 = top) of the cells in which the baseline lies."""
    low, high = bounds(values, baseline=baseline)
    return _level(baseline, low=low, high=high, rows=height * 4) // 4


def _level(value: float, *, low: float, high: float, rows: int) -> int:
    """Dot row of a value, 0 at the top."""
    return round((high - value) / (high - low) * (rows - 1))


def _dot_baseline(cells: list[list[int]], *, level: int) -> None:
    for column in range(0, len(cells[0]), 2):
        cells[level // 4][column] |= _DOTS[level % 4][0]


def _draw(cells: list[list[int]], *, levels: Sequence[int]) -> None:
    before = levels[0]
    for x, level in enumerate(levels):
        low, high = sorted((before, level))
        # The joint belongs to the later column: a jump is a vertical stroke, not a gap.
        first = low if level <= before else min(low + 1, high)
        last = high if level >= before else max(high - 1, low)
        for y in range(first, last + 1):
            _dot(cells, x=x, y=y)
        before = level


def sparkline(values: Sequence[float], *, cells: int) -> str:
    """One line of at most `cells` bars from the lowest to the highest value; empty without values."""
    points = resample(values, points=cells)
    if not points:
        return ""
    low, high = bounds(points, baseline=None)
    return "".join(_BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] for value in points)


def scatter(points: Sequence[tuple[float, float]], *, width: int, height: int) -> list[str]:
    """`height` strings of `width` cells: points of the unit square on a thin diagonal.

    Points are 2 x 2 dots, so that they stand out from the diagonal; what lies outside is moved to the edge.
    """
    if width <= 0 or height <= 0:
        return []
    cells = [[0] * width for _ in range(height)]
    right, bottom = width * 2 - 1, height * 4 - 1
    for x in range(0, right + 1, 3):
        _dot(cells, x=x, y=round(bottom * (1.0 - x / right)))
    for across, up in points:
        left = min(right - 1, max(0, round(right * across)))
        top = min(bottom - 1, max(0, round(bottom * (1.0 - up))))
        for x, y in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
            _dot(cells, x=x, y=y)
    return ["".join(chr(_BLANK | cell) for cell in row) for row in cells]


def _dot(cells: list[list[int]], *, x: int, y: int) -> None:
    cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]


def dot_column(side: int, first: int, last: int) -> int:
    """The dots of one cell from row `first` to `last`, 0 to 3, in its left (0) or right (1) half."""
    dots = 0
    for row in range(first, last + 1):
        dots |= _DOTS[row][side]
    return dots
