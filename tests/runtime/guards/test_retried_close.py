"""A guard's close: one try at a time, the next after its pause, none while a fate is unknown."""

from __future__ import annotations

from pathlib import Path

from engine.domain.order import Role
from engine.domain.reasons import Reason
from engine.ledger.events import FateUnknown
from engine.runtime.guards.retried_close import RetriedClose
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual


def _closing(here: Rig, failed: list[tuple[str, str]]) -> RetriedClose:
    return RetriedClose(
        here.desk,
        executor=here.executor,
        spawn=here.spawn,
        reason=Reason.MAX_AGE,
        retry_s=30.0,
        on_failed=lambda key, why: failed.append((key, why)),
    )


@virtual
async def test_a_close_that_fails_is_told_and_due_again_after_its_pause(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        failed: list[tuple[str, str]] = []
        it = _closing(here, failed)
        await here.enter()
        here.broker.refuse = {Role.FLATTEN}

        assert it.is_due("SPY")
        it.close("SPY", here.spy, name="close SPY", forced="too old")
        await pass_time(20)
        assert [key for key, _ in failed] == ["SPY"]
        assert "tried again in 30 s" in failed[0][1]
        assert len(here.alerts("forced_close")) == 1
        assert not it.is_due("SPY")

        await pass_time(11)
        here.broker.refuse = set()
        assert it.is_due("SPY")
        it.close("SPY", here.spy, name="close SPY")
        await pass_time(2)
        assert (here.books.quantity("SPY"), len(failed), it.tried) == (0, 1, frozenset({"SPY"}))


@virtual
async def test_what_was_forgotten_is_due_at_once_and_an_unknown_fate_is_never(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = _closing(here, [])
        await here.enter()
        assert it.is_due("SPY")
        it.forget("SPY")
        assert it.is_due("SPY")

        it.forget("SPY")
        await here.books.post(FateUnknown(here.last(Role.STOP).intent.ref, "test", here.desk.now()))
        assert not it.is_due("SPY")
