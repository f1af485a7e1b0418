"""A part taken out by hand: a share of what is held, the stop keeps the rest, no brake holds it."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from engine.api import Command, CommandKind, Mode, Outcome
from engine.domain.order import Role
from engine.risk.brakes import Brake, BrakeLevel, BrakeScope
from engine.runtime.by_hand.assembly import acts_by_hand
from tests.builders import TEN
from tests.execution.rig import Rig, rig
from tests.virtual_time import virtual

_ids = count(1)


async def take(here: Rig, share_pct: float | None) -> Outcome:
    asked = Command(f"p{next(_ids)}", CommandKind.PARTIAL, target="SPY", value=share_pct)
    return await acts_by_hand(here.desk, here.executor)[CommandKind.PARTIAL](asked)


@virtual
@pytest.mark.req("REQ-POS-002")
async def test_half_is_half_of_what_is_held_however_often_it_is_asked_for(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()

        first = await take(here, 50.0)
        assert (first.status, first.details[0]) == ("done", "50 of 100")
        assert first.details[1] == here.last(Role.EXIT).intent.ref
        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (50, 50)

        second = await take(here, 50.0)
        assert second.details[0] == "25 of 50"
        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (25, 25)

        assert (await take(here, 100.0)).status == "done"
        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (0, 0)


@virtual
@pytest.mark.parametrize("share_pct", [None, 0.0, -5.0, 100.5, float("nan")])
async def test_a_share_is_more_than_nothing_and_at_most_all(tmp_path: Path, share_pct: float | None) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        assert (await take(here, share_pct)).code == "out_of_bounds"
        assert here.books.quantity("SPY") == 100


@virtual
async def test_less_than_one_unit_sends_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(1)
        assert (await take(here, 50.0)).code == "min_increment"
        assert here.state_of(Role.EXIT) == []


@virtual
async def test_a_brake_does_not_hold_an_exit(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        halt = Brake("b", BrakeLevel.HALT, BrakeScope.ACCOUNT, "", "news", "operator", TEN)
        here.desk.brakes = here.desk.brakes.with_(halt)
        assert (await take(here, 50.0)).status == "done"


@virtual
async def test_a_part_that_does_not_fill_is_told_and_the_stop_covers_all_again(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.unfilled = {Role.EXIT}
        outcome = await take(here, 50.0)
        assert (outcome.status, outcome.code) == ("failed", "not_flat")
        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (100, 100)


@virtual
async def test_nothing_to_take_from_is_a_refusal(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        assert (await take(here, 50.0)).code == "wrong_target"
        await here.enter()
        here.desk.mode = Mode.DRY_RUN
        assert (await take(here, 50.0)).code == "read_only"
