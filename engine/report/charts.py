"""Curves thinned for the eye: a page shows some thousand points and must not lose a peak or a fall."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MOST_POINTS: Final = 4000
"""More than a screen has columns; what lies between them cannot be seen."""


def thin(values: NDArray[np.float64], most: int = MOST_POINTS) -> NDArray[np.int64]:
    """Which points to draw: all where they are few, else the extremes of each stretch, and both ends."""
    count = len(values)
    if count <= most:
        return np.arange(count, dtype=np.int64)
    edges = np.linspace(0, count, most // 2 + 1).astype(np.int64)
    picked = {0, count - 1}
    for start, end in pairwise(edges):
        stretch = values[start:end]
        picked.update((int(start + stretch.argmin()), int(start + stretch.argmax())))
    return np.asarray(sorted(picked), dtype=np.int64)


def curve(
    at_ns: NDArray[np.int64],
    values: NDArray[np.float64],
    *,
    name: str,
    fill: bool = False,
    percent: bool = False,
) -> dict[str, Any]:
    """A chart of one line over time. The same points always make the same chart.

    Args:
        fill: colour what lies between the line and nought.
        percent: values are fractions, shown as percent.
    """
    picked = thin(values)
    places = 6 if percent else 2
    line: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [int(at) // 1_000_000 for at in at_ns[picked]],
        "y": [round(float(value), places) for value in values[picked]],
        "line": {"width": 1.5},
    }
    if fill:
        line["fill"] = "tozeroy"
    axis = {"tickformat": ".1%"} if percent else {"tickformat": ",.0f"}
    return {"data": [line], "layout": {"yaxis": axis}}
