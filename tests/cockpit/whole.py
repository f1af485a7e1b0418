"""One account with something on every screen, in each state that an operator meets."""

from __future__ import annotations

from dataclasses import replace

from engine.api import AlertView, HealthRow, Level, Snapshot
from engine.api_selection import SelectionView
from tests.cockpit.healthy import ACCOUNT, GATES, ILL, WELL
from tests.cockpit.learning import LEARNING
from tests.cockpit.looking import JUDGED, TSLA
from tests.cockpit.recovering import AGREED
from tests.cockpit.scripted import DISCONNECTED, EMPTY, HALTED, STALE, ago
from tests.cockpit.test_setups import WATCHING

WHOLE: Snapshot = replace(
    LEARNING,
    setups=WATCHING.setups,
    strategies=(*WATCHING.strategies, *LEARNING.strategies),
    selection=replace(JUDGED.selection, pipeline=WATCHING.selection.pipeline),
    markets=(TSLA,),
    health=WELL,
    telemetry=ACCOUNT,
    gates=GATES,
    recovery=AGREED.recovery,
    alerts=(
        AlertView(
            3, Level.WARNING, "slow_decision", "", "p95 1.4 s of 1.0 s", ago(600), acknowledged=True, count=3
        ),
    ),
)
"""Everything well, and something to show everywhere."""


def _as(state: Snapshot, *, seq: int, **more: object) -> Snapshot:
    """What a state changes of the account, laid over the whole one."""
    return replace(
        WHOLE,
        seq=seq,
        engine_state=state.engine_state,
        state_reason=state.state_reason,
        connected=state.connected,
        entries_allowed=state.entries_allowed,
        entries_text=state.entries_text,
        data_age_s=state.data_age_s,
        positions=state.positions,
        brakes=state.brakes,
        alerts=state.alerts or WHOLE.alerts,
        **more,  # type: ignore[arg-type]  # fields of the snapshot, by name
    )


WHOLE_STATES: dict[str, Snapshot] = {
    "empty": replace(EMPTY, data_age_s=None, health=(), selection=SelectionView()),
    "normal": WHOLE,
    "stale": _as(
        STALE,
        seq=11,
        health=(
            WELL[0],
            HealthRow("data", Level.WARNING, "14 live, 2 stale", "7.4 s", "5 s", 3.0),
            *WELL[2:],
        ),
    ),
    "braked": _as(HALTED, seq=12),
    "disconnected": _as(
        DISCONNECTED,
        seq=13,
        as_of=ago(24),
        health=(
            HealthRow("broker", Level.ERROR, "down", "—", "silent 3 s", 24.0, blocks=True),
            HealthRow("data", Level.WARNING, "0 live, 16 stale", "24 s", "5 s", 19.0),
            *ILL.health[2:],
        ),
        telemetry=ILL.telemetry,
    ),
}
