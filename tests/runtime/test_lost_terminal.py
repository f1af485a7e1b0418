"""The terminal of the acting screen is lost: `shutdown.on_terminal_loss` says what the engine does."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from engine.api import EngineState
from engine.config import OnTerminalLoss
from engine.domain.order import Role
from engine.risk.brakes import BrakeLevel
from tests.execution.rig import Rig
from tests.runtime.test_engine import running
from tests.virtual_time import pass_time, virtual

pytestmark = pytest.mark.req("CARD-APP")


def configure(here: Rig, *, policy: OnTerminalLoss) -> None:
    """The policy for a lost terminal."""
    shutdown = here.desk.config.shutdown.model_copy(update={"on_terminal_loss": policy})
    here.desk.config = here.desk.config.model_copy(update={"shutdown": shutdown})


@virtual
async def test_losing_it_pauses_entries_keeps_the_stops_and_trades_on(tmp_path: Path) -> None:
    async with running(tmp_path, before=partial(configure, policy=OnTerminalLoss.PAUSE_ENTRIES)) as it:
        await it.here.enter()

        it.engine.on_detached("lost")
        await pass_time(1)

        (pause,) = it.here.desk.brakes.brakes
        assert (pause.level, pause.reason) == (BrakeLevel.PAUSE, "terminal lost")
        assert it.here.desk.state is EngineState.READY
        assert (it.here.broker.positions["SPY"], it.here.stops_at_broker()) == (100, 100)
        assert it.here.last(Role.STOP).state.value == "working"
        (told,) = it.here.alerts("terminal_lost")
        assert "pause-entries" in told


@virtual
async def test_losing_it_closes_everything_and_ends_where_that_is_configured(tmp_path: Path) -> None:
    async with running(tmp_path, before=partial(configure, policy=OnTerminalLoss.FLATTEN_AND_STOP)) as it:
        await it.here.enter()

        it.engine.on_detached("lost")

        assert await it.task == 0
        assert (it.here.broker.positions["SPY"], it.here.broker.open()) == (0, [])


@virtual
@pytest.mark.parametrize(
    ("policy", "how"),
    [(OnTerminalLoss.KEEP_RUNNING, "lost"), (OnTerminalLoss.FLATTEN_AND_STOP, "asked")],
)
async def test_nothing_stops_where_that_is_configured_or_the_screen_was_left_on_purpose(
    tmp_path: Path, policy: OnTerminalLoss, how: str
) -> None:
    async with running(tmp_path, before=partial(configure, policy=policy)) as it:
        await it.here.enter()

        it.engine.on_detached(how)
        await pass_time(1)

        assert it.here.desk.brakes.brakes == ()
        assert it.here.desk.state is EngineState.READY
        assert it.here.broker.positions["SPY"] == 100
