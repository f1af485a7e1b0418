"""Before a limit is loosened: what it refused in the last sessions, and what it would have let through."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from engine.api import Command, CommandKind
from engine.domain.reasons import Reason
from engine.risk.loosening import Loosened
from engine.risk.refusal import Refusal
from engine.runtime.adjust.look_back import LookBack, words_of
from engine.runtime.decisions import decision_context
from engine.runtime.keeping.flow import append_session
from engine.store.errors import StoreError
from engine.store.refusals import Refusals, refusals_of
from tests.builders import LIMITS, proposal, world
from tests.execution.rig import Rig, rig
from tests.virtual_time import virtual

MOST = "risk.max_positions"


async def refuse(here: Rig, *signals: str, key: str = "SPY", used: int = 3) -> None:
    """The gate refused these signals because of the positions in use, and it was written down."""
    no = Refusal(Reason.MAX_POSITIONS, f"{used} of 3 positions in use", 3, used)
    for signal in signals:
        wish = proposal(key, signal_id=signal)
        here.desk.session_log.proposal(here.desk.now(), wish, no, decision_context(no, world(), LIMITS))
    lines = tuple(here.desk.session_log.waiting)
    here.desk.session_log.waiting.clear()
    at, boot_id = here.desk.now(), here.store.boot_id
    await here.store.run(partial(append_session, events=lines, steps=(), at=at, boot_id=boot_id))


@virtual
async def test_a_higher_limit_tells_what_it_would_have_let_through(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await refuse(here, "a", "b", "a")
        await refuse(here, "c", key="QQQ")
        await refuse(here, "d", key="QQQ", used=5)
        look = LookBack(here.desk, path=here.store.path)

        outcome = await look.answer(Command("l", CommandKind.LOOK_BACK, target=MOST, value=4.0))

        assert outcome.status == "done"
        assert outcome.details == (
            "4 entries refused by this limit in the last session",
            "at 4 it lets 3 of them through: SPY 2, QQQ 1",
            "largest then: 4 positions at once",
            "what the checks behind it would have said, their fills and P&L are not known",
        )
        assert (await look.lines(MOST, 6.0))[1].startswith("at 6 it lets 4 of them through")


@virtual
async def test_without_refusals_it_says_so_and_a_value_out_of_bounds_is_none(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        look = LookBack(here.desk, path=here.store.path)

        assert await look.lines(MOST, 4.0) == ("no refusals by this limit in the last session",)
        assert await look.lines("data.warmup_bars", 4.0) == ()
        wrong = await look.answer(Command("l", CommandKind.LOOK_BACK, target=MOST, value=400.0))
        assert (wrong.status, wrong.code) == ("refused", "out_of_bounds")


@virtual
async def test_a_file_that_cannot_be_read_is_said_and_holds_nothing_up(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        look = LookBack(here.desk, path=tmp_path / "gone.db")
        (line,) = await look.lines(MOST, 4.0)
        assert line.startswith("what it would have let through is not known")


@virtual
async def test_a_look_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await refuse(here, *(f"s{n}" for n in range(500)))
        with pytest.raises(StoreError, match="took too long"):
            refusals_of(here.store.path, "max_positions", sessions=20, within_s=-1.0)
        assert len(refusals_of(here.store.path, "max_positions", sessions=20, within_s=9.0).refused) == 500


def test_what_cannot_be_judged_or_was_not_read_is_said() -> None:
    found = Refusals(12, (), is_whole=False)
    lines = words_of("risk.risk_per_trade_pct", 0.6, found, Loosened(5, 0, 2, (), None))

    assert lines[:3] == (
        "5 entries (at least) refused by this limit in the last 12 sessions",
        "at 0.6 it still refuses all of them that can be judged",
        "2 of them cannot be judged again: a figure is not in the record",
    )
    many = tuple((f"S{n}", 1) for n in range(11))
    money = words_of("risk.max_total_at_risk_pct", 20.0, found, Loosened(11, 11, 0, many, 15_250.5))
    assert money[1].endswith("S7 1 and 3 more")
    assert money[2] == "largest then: 15,250.50 USD exposure of everything"
