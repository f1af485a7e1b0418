"""The line to the broker on virtual time: when it tries again, when it gives up, and what it never misses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from engine.api import Level
from engine.broker.port import AccountError, ConnectError, Hello, LinkEvent, LinkState
from engine.config import Config
from engine.config.sections import ConnectionSection
from engine.config.values import OnExhausted
from engine.runtime.line import SYNC_RETRY_S, Line, LineGivenUpError, LineHooks
from tests.execution.rig import Rig, rig
from tests.virtual_time import now_s, pass_time, virtual

HELLO = Hello("DU1", ("DU1",), 178, "test", "embedded", 1)


def _fails() -> Hello:
    raise ConnectError("nobody answers")


def _is_wrong_account() -> Hello:
    raise AccountError("U7 is not a paper account")


@dataclass
class Lined:
    """A line under test and what it told."""

    here: Rig
    line: Line
    task: asyncio.Task[None]
    ups: list[float] = field(default_factory=list)
    downs: list[str] = field(default_factory=list)
    compared: Callable[[], bool] = lambda: True
    slow_s: float = 0.0


@asynccontextmanager
async def lined(
    folder: Path, *connects: Callable[[], Hello], settings: ConnectionSection | None = None
) -> AsyncIterator[Lined]:
    async with rig(folder) as here:
        here.broker.link = here.desk.link = LinkState.DOWN
        here.broker.connects = list(connects) or [lambda: HELLO]

        async def on_up(hello: Hello) -> bool:
            told.ups.append(now_s())
            if told.slow_s:
                await asyncio.sleep(told.slow_s)
            return told.compared()

        async def revive() -> None:
            return None

        def on_down(event: LinkEvent) -> None:
            told.downs.append(event.text)

        hooks = LineHooks(on_up=on_up, on_down=on_down, revive_gateway=revive)
        line = Line(
            here.broker,
            here.desk,
            listener=here.inbox,
            settings=settings or Config().connection,
            hooks=hooks,
        )
        here.inbox.on_link = line.on_link
        told = Lined(here, line, asyncio.ensure_future(line.run()))
        try:
            yield told
        finally:
            told.task.cancel()
            await asyncio.gather(told.task, return_exceptions=True)


def _gaps(times: list[float]) -> list[float]:
    return [round(later - earlier, 3) for earlier, later in pairwise(times)]


@virtual
@pytest.mark.req("PLAN-M3-AC-RECONNECT", "REQ-ERR-005")
async def test_a_lost_line_is_tried_0_10_and_20_s_after_the_loss(tmp_path: Path) -> None:
    async with lined(tmp_path, lambda: HELLO, _fails, _fails, lambda: HELLO) as told:
        await pass_time(5)
        lost_s = now_s()
        told.here.broker.lose()
        await pass_time(25)

        assert [round(at - lost_s, 3) for at in told.here.broker.connected_at_s[1:]] == [0, 10, 20]
        assert told.downs == ["the line was lost"]
        assert len(told.ups) == 2
        assert told.here.alerts("link_given_up") == []


@virtual
@pytest.mark.req("REQ-ERR-005")
async def test_after_three_failures_it_is_critical_and_goes_on_with_growing_jitter(tmp_path: Path) -> None:
    async with lined(tmp_path, _fails) as told:
        await pass_time(25)
        alert = next(a for a in told.here.desk.notices.alerts if a.code == "link_given_up")
        assert alert.level is Level.CRITICAL
        await pass_time(3600)

        gaps = _gaps(told.here.broker.connected_at_s)
        assert gaps[:2] == [10, 10]
        assert gaps[2] <= 10
        assert gaps[3] <= 20
        assert gaps[4] <= 40
        assert max(gaps) <= 60
        assert len(set(gaps[2:])) > 10  # jitter, not a beat
        assert not told.task.done()


@virtual
async def test_the_alert_of_a_given_up_line_ends_when_it_is_back(tmp_path: Path) -> None:
    async with lined(tmp_path, _fails, _fails, _fails, lambda: HELLO) as told:
        await pass_time(100)

        assert told.here.desk.link is LinkState.UP
        assert told.here.alerts("link_given_up") == []


@virtual
@pytest.mark.req("REQ-ERR-005")
async def test_with_exit_the_third_failure_ends_it(tmp_path: Path) -> None:
    settings = Config().connection.model_copy(update={"on_exhausted": OnExhausted.EXIT})
    async with lined(tmp_path, lambda: HELLO, _fails, settings=settings) as told:
        await pass_time(1)
        told.here.broker.lose()
        await pass_time(21)

        with pytest.raises(LineGivenUpError, match="after 3 attempts"):
            await told.task


@virtual
@pytest.mark.req("RECOVERY-RISK-2")
async def test_at_start_it_never_exits_but_warns_of_drift_after_three_attempts_and_goes_on_trying(
    tmp_path: Path,
) -> None:
    settings = Config().connection.model_copy(update={"on_exhausted": OnExhausted.EXIT})
    async with lined(tmp_path, *[_fails] * 5, lambda: HELLO, settings=settings) as told:
        await pass_time(19)
        assert told.here.alerts("unverified") == []
        await pass_time(2)
        (alert,) = [a for a in told.here.desk.notices.alerts if a.code == "unverified"]
        assert alert.level is Level.WARNING
        assert "may have drifted" in alert.text
        assert len(told.here.broker.connected_at_s) >= 3, (
            "a fourth may come at once: its wait is drawn from 0 on"
        )

        await pass_time(300)

        assert len(told.ups) == 1
        assert not told.task.done()


@virtual
async def test_a_wrong_account_is_never_tried_again(tmp_path: Path) -> None:
    async with lined(tmp_path, _is_wrong_account) as told:
        await pass_time(60)

        assert len(told.here.broker.connected_at_s) == 1
        with pytest.raises(AccountError):
            await told.task


@virtual
async def test_an_incomplete_picture_is_asked_for_again(tmp_path: Path) -> None:
    async with lined(tmp_path) as told:
        told.compared = lambda: len(told.ups) >= 3
        await pass_time(30)

        assert _gaps(told.ups) == [SYNC_RETRY_S, SYNC_RETRY_S]


@virtual
async def test_a_request_to_compare_that_comes_while_comparing_is_not_lost(tmp_path: Path) -> None:
    async with lined(tmp_path) as told:
        told.slow_s = 3.0
        await pass_time(1)
        told.line.on_link(LinkEvent(LinkState.UP, "1101", data_lost=True))
        await pass_time(10)

        assert len(told.ups) == 2


@virtual
async def test_every_return_of_the_line_is_compared_also_with_its_data_kept(tmp_path: Path) -> None:
    async with lined(tmp_path) as told:
        await pass_time(1)
        told.line.on_link(LinkEvent(LinkState.BROKER_LOST, "1100"))
        await pass_time(1)
        assert len(told.ups) == 1
        told.line.on_link(LinkEvent(LinkState.UP, "1102", data_lost=False))
        await pass_time(1)

        assert len(told.ups) == 2


@virtual
async def test_a_restored_line_of_which_no_loss_was_heard_is_compared(tmp_path: Path) -> None:
    async with lined(tmp_path) as told:
        await pass_time(1)
        told.line.on_link(LinkEvent(LinkState.UP, "restored", code=1102))
        await pass_time(1)

        assert len(told.ups) == 2


@virtual
async def test_a_freeze_that_ends_before_anyone_looked_is_compared_all_the_same(tmp_path: Path) -> None:
    async with lined(tmp_path) as told:
        await pass_time(1)
        told.line.on_link(LinkEvent(LinkState.FROZEN, "silent"))
        told.line.on_link(LinkEvent(LinkState.UP, "answers again", data_lost=False))
        await pass_time(1)

        assert len(told.ups) == 2


@virtual
async def test_a_frozen_peer_is_left_and_connected_to_afresh(tmp_path: Path) -> None:
    async with lined(tmp_path) as told:
        await pass_time(1)
        told.line.on_link(LinkEvent(LinkState.FROZEN, "silent"))
        await pass_time(1)

        assert "disconnect" in told.here.broker.log
        assert len(told.here.broker.connected_at_s) == 2


@virtual
async def test_a_line_lost_again_within_the_handshake_is_not_taken_for_up(tmp_path: Path) -> None:
    def loses_it() -> Hello:
        asyncio.get_running_loop().call_soon(told.here.broker.lose)
        return HELLO

    async with lined(tmp_path, loses_it, lambda: HELLO) as told:
        await pass_time(1)

        assert len(told.here.broker.connected_at_s) == 2
        assert told.here.desk.link is LinkState.UP
