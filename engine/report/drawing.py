"""A curve as a drawing inside the page: for a page that should not carry a chart library of megabytes."""

from __future__ import annotations

from typing import Final

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from engine.report.charts import thin

_WIDTH: Final = 1100.0
_HEIGHT: Final = 180.0
_MOST_POINTS: Final = 1000


def line_drawing(values: NDArray[np.float64]) -> Markup:
    """The curve with a line at nought; empty where there are not two points."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return Markup("")
    low, high = min(0.0, float(known.min())), max(0.0, float(known.max()))
    scale = _HEIGHT / (high - low) if high > low else 0.0
    picked = thin(known, _MOST_POINTS)
    across = picked * (_WIDTH / (len(known) - 1))
    down = _HEIGHT - (known[picked] - low) * scale
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
    nought = _HEIGHT + low * scale
    return Markup(  # noqa: S704 - nothing but numbers is filled in
        f'<svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" aria-label="P&amp;L of the day">'
        f'<line x2="{_WIDTH:.0f}" y1="{nought:.1f}" y2="{nought:.1f}" stroke="currentColor" opacity=".3"/>'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    )
