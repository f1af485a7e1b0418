"""The page of everything that was learnt: a section per contract, drawn without a library, open offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup

from engine.report.model_figures import ENOUGH, smooth
from engine.report.page import render
from engine.store.learning_record import ContractRecord

_SIDE: Final = 260.0
_WIDE: Final = 620.0


def model_page(figures: Mapping[str, Any], records: Sequence[ContractRecord], *, made_at: datetime) -> str:
    """The page of `figures`, whose contracts are those of `records` in their order."""
    contracts = [
        {
            **one,
            "first": _time(one["first_at"]),
            "last": _time(one["last_at"]),
            "reliability_drawing": reliability_drawing(one["reliability"]["bins"]),
            "course_drawing": course_drawing([judged.p for judged in record.judged]),
            "events": [] if one["model"] is None else [_event(event) for event in one["model"]["events"]],
        }
        for one, record in zip(figures["contracts"], records, strict=True)
    ]
    return render(
        "model.html.j2",
        title="What was learnt",
        account=f"{figures['gateway']} {figures['account']}",
        made_at=f"{made_at:%Y-%m-%d %H:%M:%S}",
        enough=ENOUGH,
        contracts=contracts,
    )


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    return {**event, "at": _time(event["at"])}


def _time(at: float | None) -> str:
    return "never" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def reliability_drawing(bins: Sequence[Mapping[str, Any]]) -> Markup:
    """Claimed across, came true upwards, both from one half to one; the area of a point goes with its n."""
    if not bins:
        return Markup("")
    most = max(one["n"] for one in bins)
    points = "".join(
        f'<circle cx="{_place(one["claimed"]):.1f}" cy="{_SIDE - _place(one["came_true"]):.1f}"'
        f' r="{2.0 + 8.0 * (one["n"] / most) ** 0.5:.1f}" fill="currentColor" opacity=".7"/>'
        for one in bins
    )
    return Markup(  # noqa: S704 - nothing but numbers is filled in
        f'<svg viewBox="0 0 {_SIDE:.0f} {_SIDE:.0f}" width="{_SIDE:.0f}" role="img" aria-label="Reliability">'
        f'<line y1="{_SIDE:.0f}" x2="{_SIDE:.0f}" stroke="currentColor" opacity=".3"/>{points}</svg>'
    )


def _place(share: float) -> float:
    return _SIDE * min(1.0, max(0.0, (share - 0.5) * 2.0))


def course_drawing(probabilities: Sequence[float]) -> Markup:
    """Confidence over the record, from one half to one."""
    shown = smooth(probabilities)
    if len(shown) < 2:
        return Markup("")
    step = _WIDE / (len(shown) - 1)
    line = " ".join(f"{n * step:.1f},{_SIDE - _place(p):.1f}" for n, p in enumerate(shown))
    return Markup(  # noqa: S704 - nothing but numbers is filled in
        f'<svg viewBox="0 0 {_WIDE:.0f} {_SIDE:.0f}" width="{_WIDE:.0f}" role="img" aria-label="Confidence">'
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    )
