"""Holds the figures of a run against those agreed on before: what moves too far is named. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

Figure = float | int | bool | None

TOLERANCE: Final = 0.02
"""Part of its size by which a figure may move."""
SMALLEST: Final = 1e-4
"""A figure nearer to nought may move as far as one of this size: 2 % of nothing is nothing."""


class Deviation(NamedTuple):
    """A figure that moved too far, appeared undefined, or is gone."""

    name: str
    baseline: Figure
    measured: Figure
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.baseline} -> {self.measured} ({self.why})"


def deviations(baseline: Mapping[str, Figure], measured: Mapping[str, Figure]) -> list[Deviation]:
    """What is not as agreed, by name. A new figure is no deviation: nothing was agreed about it."""
    found = []
    for name, agreed in sorted(baseline.items()):
        if name not in measured:
            found.append(Deviation(name, agreed, None, "it is missing"))
        elif why := _objection(agreed, measured[name]):
            found.append(Deviation(name, agreed, measured[name], why))
    return found


def as_json(found: list[Deviation]) -> list[dict[str, object]]:
    """The same as plain values: the difference as evidence."""
    return [deviation._asdict() for deviation in found]


def _objection(agreed: Figure, now: Figure) -> str:
    if agreed is None or now is None:
        return "" if agreed is now else "defined in one of them only"
    if isinstance(agreed, bool) or isinstance(now, bool):
        return "" if agreed is now else "no longer the same"
    if not math.isfinite(now):
        return "no number"
    allowed = TOLERANCE * max(abs(agreed), SMALLEST)
    moved = abs(now - agreed)
    if moved <= allowed:
        return ""
    return f"moved by {moved / abs(agreed):.1%}, {TOLERANCE:.0%} are allowed" if agreed else "it was nought"
