"""Nobody there for too long: entries are paused with the reason; whoever comes back decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runtime.brakes import BrakeDesk
from engine.runtime.braking.dead_man import DeadMan
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual


async def _minutes(dead_man: DeadMan, minutes: int) -> None:
    for _ in range(minutes):
        await pass_time(60)
        await dead_man.round()


def _dead_man(here: Rig, minutes: float) -> DeadMan:
    shutdown = here.desk.config.shutdown.model_copy(update={"dead_man_minutes": minutes})
    here.desk.config = here.desk.config.model_copy(update={"shutdown": shutdown})
    return DeadMan(here.desk, brakes=BrakeDesk(here.desk, store=here.store, new_id=here.refs.new_id))


@virtual
@pytest.mark.req("CARD-PAUSE")
async def test_silence_pauses_entries_durably_and_says_why(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        dead_man = _dead_man(here, 30)
        await _minutes(dead_man, 29)
        assert here.desk.may_enter("ma", "SPY") is None

        await _minutes(dead_man, 2)

        (brake,) = await here.store.live_brakes()
        assert (brake.kind, brake.who) == ("PAUSE", "dead man")
        assert "30 min" in brake.reason
        assert len(here.alerts("operator_absent")) == 1
        pulled = [event for event in here.desk.notices.events if event.kind == "brake"]
        assert len(pulled) == 1, "once, however long the silence"


@virtual
async def test_a_sign_of_life_begins_the_time_anew_and_lifts_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        dead_man = _dead_man(here, 30)
        await _minutes(dead_man, 29)
        dead_man.seen()
        await _minutes(dead_man, 29)
        assert here.desk.brakes.brakes == ()
        await _minutes(dead_man, 2)
        dead_man.seen()

        assert here.alerts("operator_absent") == []
        assert len(here.desk.brakes.brakes) == 1


@virtual
async def test_zero_minutes_is_off(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await _minutes(_dead_man(here, 0), 600)

        assert here.desk.brakes.brakes == ()
