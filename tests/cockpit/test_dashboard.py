"""The dashboard: every figure of the account in its panel, and what changes seen within a second."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.app import REFRESH_BUDGET_MS, SLOW_REFRESH_S
from cockpit.settings import UiSettings
from engine.api import HealthRow, Level, Snapshot, WhyNot
from tests.cockpit.conftest import Desk, OpenDesk
from tests.cockpit.scripted import ORDERS, POSITIONS, ago
from tests.cockpit.whole import WHOLE
from tests.waiting import eventually_async

PANELS = ("header", "positions", "orders", "pnl", "health", "why", "confidence", "events")


def _next(snapshot: Snapshot, step: int) -> dict[str, object]:
    """The account a moment later: every panel has something new to show."""
    event = replace(snapshot.events[-1], seq=100 + step, text=f"event {step}")
    return {
        "pnl": replace(snapshot.pnl, day_usd=1000.0 + step, net_liquidation_usd=2_000_000.0 + step),
        "positions": (replace(POSITIONS[0], last=500.0 + step), *POSITIONS[1:]),
        "orders": (replace(ORDERS[0], filled=10 + step), *ORDERS[1:]),
        "health": (HealthRow("broker", Level.OK, f"rtt {step} ms"), *snapshot.health[1:]),
        "why_not": (WhyNot("AAPL", "s", "no_signal", f"reason {step}"), *snapshot.why_not[1:]),
        "confidence": (replace(snapshot.confidence[0], text=f"learnt {step}"), *snapshot.confidence[1:]),
        "events": (*snapshot.events, event),
        "as_of": ago(0.0),
    }


def _shown(desk: Desk, panel: str) -> str:
    """What a panel says: the rows of a table, else its lines."""
    if panel in {"positions", "orders"}:
        rows = getattr(desk.app.cockpit, panel).rows
        return "\n".join(" ".join(cell.text for cell in row.cells) for row in rows)
    return desk.text(panel)


@pytest.mark.req("FUT-F10")
async def test_the_dashboard_shows_all_figures_and_is_renewed_about_once_a_second(
    open_desk: OpenDesk,
) -> None:
    assert UiSettings().refresh_s <= 1.0
    assert SLOW_REFRESH_S <= 1.0, "also where the screen is too slow to look more often"
    assert REFRESH_BUDGET_MS <= 50.0, "what costs more is looked at less often"
    async with open_desk(WHOLE, size=(160, 45), refresh_s=0.01) as desk:
        assert all(_shown(desk, panel).strip() for panel in PANELS)
        for step in (1, 2, 3):
            desk.engine.publish_quietly(**_next(WHOLE, step))
            figures = {
                "header": f"+{1000 + step:,}.00",
                "positions": f"{500 + step}.00",
                "orders": f"{10 + step}/50",
                "pnl": f"+{1000 + step:,}.00",
                "health": f"rtt {step} ms",
                "why": f"reason {step}",
                "confidence": f"learnt {step}",
                "events": f"event {step}",
            }
            await eventually_async(
                lambda wanted=figures: all(text in _shown(desk, panel) for panel, text in wanted.items()),  # type: ignore[misc]  # bound here
                why=f"not every panel shows update {step}",
            )

        assert desk.app.failure == ""
