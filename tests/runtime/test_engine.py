"""The engine's life on a scripted broker: READY, lost line, failing parts, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from engine.api import BrakeKind, Command, CommandKind, EngineState, Scope
from engine.broker.port import (
    AccountError,
    BrokerPosition,
    ConnectError,
    Fetched,
    Hello,
    LinkEvent,
    LinkState,
)
from engine.domain.order import Role
from engine.domain.reasons import Reason
from engine.ledger.events import Adjustment
from engine.runtime import views
from engine.runtime.adjust.adjustments import Adjustments
from engine.runtime.adjust.look_back import LookBack
from engine.runtime.brakes import BrakeDesk
from engine.runtime.braking.kills import KillDesk
from engine.runtime.commands import Commands
from engine.runtime.day import DayBook
from engine.runtime.daypnl import DayPnl
from engine.runtime.engine import Engine, Parts
from engine.runtime.keeping.checkpoint import Checkpoints, LastState
from engine.runtime.keeping.day_report import DayReport
from engine.runtime.line import Line, LineHooks
from engine.runtime.markets import Markets
from engine.runtime.publisher import Publisher
from engine.runtime.trading import Trading
from engine.runtime.upkeep import Upkeep
from tests.builders import TEN, stock
from tests.execution.recovering import recovering
from tests.execution.rig import Rig, rig
from tests.runtime.braking.braked import drill_of
from tests.runtime.small_core import first_snapshot
from tests.virtual_time import pass_time, virtual

HELLO = Hello("DU1", ("DU1",), 178, "test", "embedded", 1)
AGAIN = LinkEvent(LinkState.UP, "1101", data_lost=True)
"""The broker lost its own line for a moment: everything is compared anew."""


@dataclass
class Running:
    """One engine at work."""

    here: Rig
    engine: Engine
    task: asyncio.Task[int]
    ends: list[bool] = field(default_factory=list)
    """Whether each end was written as clean."""

    async def end(self, choice: str = "keep") -> int:
        await self.engine.stop(choice)
        return await self.task


def _parts(here: Rig, engine: Engine, *, folder: Path, day: DayBook, ends: list[bool]) -> Parts:
    desk, spawn = here.desk, engine.spawn

    report = DayReport(desk, database=folder / "cockpit.db", spawn=spawn)

    async def make(left: Sequence[str]) -> tuple[str, ...]:
        here.broker.log.append("summary and trades")
        return await report.make(left)

    async def save(clean: bool) -> bool:
        here.broker.log.append("save")
        ends.append(clean)
        return True

    async def close() -> None:
        here.broker.log.append("close")

    async def revive() -> None:
        return None

    trading = Trading(desk, executor=here.executor, running=(), spawn=spawn)
    brakes = BrakeDesk(desk, store=here.store, new_id=here.refs.new_id)
    first = first_snapshot()
    publisher = Publisher(
        first,
        build=lambda seq: replace(first, seq=seq, engine_state=desk.state),
        settled=desk.books.settled,
        guarded=desk.faults.loop,
    )
    hooks = LineHooks(on_up=engine.on_up, on_down=engine.on_down, revive_gateway=revive)
    line = Line(here.broker, desk, listener=here.inbox, settings=desk.config.connection, hooks=hooks)
    here.inbox.on_link = line.on_link
    recovery = recovering(here, judge=engine.judge, abort=engine.abort)
    here.inbox.on_foreign = recovery.reconciler.soon
    kills = KillDesk(
        desk,
        brakes=brakes,
        kill_switch=here.kill_switch,
        executor=here.executor,
        spawn=spawn,
        urge=publisher.urge,
    )
    upkeep = Upkeep(
        desk,
        executor=here.executor,
        store=here.store,
        day=day,
        kill_file=folder / "KILL",
        on_kill_file=kills.by_file,
        spawn=spawn,
        heartbeat=dict,
        chores={"brakes": kills.round},
    )
    desk.books.on_changes(upkeep.on_changes)
    commands = Commands(
        desk,
        brakes=brakes,
        executor=here.executor,
        kill_switch=here.kill_switch,
        kills=kills,
        drill=drill_of(here, kills=kills, brakes=brakes, results=[]),
        seen=lambda: None,
        adjustments=Adjustments(
            desk,
            audit=here.store.audit,
            overrides=Path("unused.toml"),
            loaded=frozenset(),
            past=LookBack(desk, path=here.store.path),
        ),
        stop=engine.stop,
        on_detached=engine.on_detached,
        urge=publisher.urge,
        settler=recovery.settler,
    )
    return Parts(
        desk=desk,
        broker=here.broker,
        kill_switch=here.kill_switch,
        brakes=brakes,
        kills=kills,
        inbox=here.inbox,
        account=recovery.account,
        trading=trading,
        markets=Markets(
            desk,
            broker=here.broker,
            trading=trading,
            checkpoints=Checkpoints(desk, store=here.store, running=trading.running, last=LastState()),
            spawn=spawn,
        ),
        line=line,
        upkeep=upkeep,
        commands=commands,
        publisher=publisher,
        recovery=recovery.state,
        restart=recovery.restart,
        reconciler=recovery.reconciler,
        on_first_ready=lambda: None,
        report=make,
        save=save,
        close=close,
    )


@asynccontextmanager
async def running(
    folder: Path, *, before: Callable[[Rig], None] = lambda _: None, settle_s: float = 2.0
) -> AsyncIterator[Running]:
    async with rig(folder, pumps=False) as here:
        here.broker.connects = [lambda: HELLO]
        here.broker.chains = {"SPY": Fetched((stock(),))}
        before(here)
        day = DayBook(here.desk, store=here.store, pnl=DayPnl(), stored=await here.store.load())
        ends: list[bool] = []
        engine = Engine(lambda it: _parts(here, it, folder=folder, day=day, ends=ends))
        task = asyncio.ensure_future(engine.run())
        await pass_time(settle_s)
        try:
            yield Running(here, engine, task, ends)
        finally:
            if not task.done():
                await engine.stop("keep")
            await asyncio.gather(task, return_exceptions=True)


@virtual
async def test_it_comes_up_ready_and_ends_clean(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        assert it.here.desk.state is EngineState.READY
        assert await it.end() == 0
        assert it.ends == [True]
        assert it.here.desk.state is EngineState.STOPPED


@virtual
@pytest.mark.req("RECOVERY-GATE")
async def test_an_orphan_blocks_with_its_own_reason_until_it_is_gone(tmp_path: Path) -> None:
    def orphan(here: Rig) -> None:
        here.broker.foreign_positions = [BrokerPosition("DU1", 9, "TSLA", Decimal(5), 1.0, "TSLA", "STK")]

    async with running(tmp_path, before=orphan) as it:
        await pass_time(2)
        block = it.here.desk.entry_block()
        assert it.here.desk.state is EngineState.ORPHANS
        assert block is not None
        assert block.reason is Reason.ORPHAN
        assert "TSLA" in block.text

        it.here.broker.foreign_positions = []
        it.engine.parts.line.on_link(AGAIN)
        await pass_time(2)
        assert it.here.desk.state is EngineState.READY


@virtual
async def test_a_line_lost_while_the_markets_are_prepared_is_never_shown_as_ready(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        states: list[EngineState] = []
        prepare = it.engine.parts.markets.prepare

        async def loses(*, data_lost: bool) -> None:
            await prepare(data_lost=data_lost)
            it.here.broker.connects = [_down]
            it.here.broker.lose()

        it.engine.parts.markets.prepare = loses  # type: ignore[method-assign]  # the moment is the point
        it.engine.parts.line.on_link(AGAIN)
        for _ in range(50):
            await pass_time(0.1)
            states.append(it.here.desk.state)

        assert EngineState.READY not in states[2:]
        assert it.here.alerts("link_down") != []


@virtual
@pytest.mark.req("RECOVERY-GATE")
async def test_what_ends_after_the_line_came_back_does_not_make_it_ready_before_it_is_compared(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as it:
        it.here.broker.state_error = "torn"
        it.engine.parts.line.on_link(AGAIN)
        await pass_time(1)

        it.engine.judge()  # as a settlement does that was begun on the line before
        assert it.here.desk.state is EngineState.RECONCILING

        it.here.broker.state_error = ""
        await pass_time(5)
        assert it.here.desk.state is EngineState.READY


def _down() -> Hello:
    raise ConnectError("nobody answers")


@virtual
async def test_a_stop_that_flattens_leaves_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.here.enter(filled=40)

        assert await it.end("flatten") == 0
        assert (it.here.broker.positions["SPY"], it.here.broker.open()) == (0, [])


@virtual
@pytest.mark.req("REQ-POS-005")
async def test_a_stop_that_vanished_while_the_line_was_down_is_back_before_the_markets_are_asked_for(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as it:
        await it.here.enter()
        it.here.broker.connects = [_down]
        it.here.broker.lose()
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        covered_when_asked: list[int] = []
        prepare = it.engine.parts.markets.prepare

        async def spy(*, data_lost: bool) -> None:
            covered_when_asked.append(it.here.stops_at_broker())
            await prepare(data_lost=data_lost)

        it.engine.parts.markets.prepare = spy  # type: ignore[method-assign]  # the moment is the point
        it.here.broker.connects = [lambda: HELLO]
        await pass_time(30)

        assert covered_when_asked == [100]
        assert any("put right now" in e.text for e in it.here.desk.notices.events)


@virtual
@pytest.mark.req("REQ-ARCH-008", "REQ-ARCH-009", "PS60-PATH-4")
async def test_the_end_closes_sums_up_saves_and_leaves_in_this_order(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.here.enter()
        began = len(it.here.broker.log)
        sent = len(it.here.broker.sent)

        first, second = await asyncio.gather(it.engine.stop("flatten"), it.engine.stop("keep"))
        assert await it.task == 0

        assert first == second == ()  # a second way out waits for the end of the first
        acts = [act for act in it.here.broker.log[began:] if act != "state"]
        assert acts == ["cancel stop", "summary and trades", "save", "disconnect", "close"]
        assert [it.here.broker.held(ref).intent.role for ref in it.here.broker.sent[sent:]] == [Role.FLATTEN]
        trades = json.loads((tmp_path / "days" / "trades_20261120.json").read_text())
        summary = json.loads((tmp_path / "days" / "daily_summary_20261120.json").read_text())
        assert [trade["symbol"] for trade in trades] == ["SPY"]
        assert set(summary) == {
            "day", "left_open", "total_trades", "daily_pnl", "winners", "losers", "win_rate",
            "avg_winner", "avg_loser", "trades", "total_pnl", "largest_winner", "largest_loser",
            "avg_duration_min", "exit_reasons",
        }  # fmt: skip
        assert it.here.desk.summary[0].startswith("summary of 2026-11-20: 1 trade")
        assert "bars processed" in it.here.desk.summary[-1]


@virtual
async def test_a_day_report_that_cannot_be_written_costs_the_zero_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "days").write_text("a file where the folder should be")
    async with running(tmp_path) as it:
        await it.here.enter()

        assert await it.end("flatten") == 1

        assert it.here.broker.positions["SPY"] == 0
        assert it.ends == [True]
        assert any("could not be saved" in e.text for e in it.here.desk.notices.events)


@virtual
async def test_a_line_that_hangs_at_the_end_does_not_cost_the_state(tmp_path: Path) -> None:
    async with running(tmp_path) as it:

        async def hangs() -> None:
            raise ConnectError("the socket broke while it was closed")

        it.here.broker.disconnect = hangs  # type: ignore[method-assign]  # what must not matter
        await it.engine.stop("keep")
        with pytest.raises(ConnectError):
            await it.task

        assert it.ends == [True]
        assert it.here.broker.log[-2:] == ["save", "close"]


@virtual
async def test_a_stop_that_cannot_flatten_leaves_the_position_with_its_stop_and_ends_with_1(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as it:
        await it.here.enter()
        it.here.broker.refuse = {Role.FLATTEN}

        assert await it.end("flatten") == 1
        assert it.here.stops_at_broker() == it.here.broker.positions["SPY"] == 100


@virtual
async def test_a_stop_that_keeps_shrinks_the_stop_of_a_part_filled_entry(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.here.enter(filled=40)

        assert await it.end("keep") == 0
        assert it.here.stops_at_broker() == it.here.broker.positions["SPY"] == 40


@virtual
@pytest.mark.parametrize("part", ["publisher", "line"])
@pytest.mark.req("REQ-ERR-004")
async def test_a_part_that_fails_for_good_closes_what_is_held_and_ends_with_1(
    tmp_path: Path, part: str
) -> None:
    async with running(tmp_path) as it:
        await it.here.enter()

        def breaks(*_: object, **__: object) -> object:
            raise RuntimeError("a bug")

        match part:
            case "publisher":
                it.engine.parts.publisher._build = breaks  # type: ignore[assignment]
                it.engine.parts.publisher.urge()
            case _:
                it.engine.parts.account.compare = breaks  # type: ignore[assignment, method-assign]
                it.engine.parts.line.on_link(AGAIN)
        async with asyncio.timeout(200):
            code = await it.task

        assert code == 1
        assert it.here.broker.positions["SPY"] == 0
        assert it.ends == [False]


@virtual
async def test_a_line_that_leads_to_another_account_ends_it_with_4_and_sends_nothing(tmp_path: Path) -> None:
    def elsewhere() -> Hello:
        raise AccountError("this is account U7, not DU1")

    async with running(tmp_path) as it:
        await it.here.enter()
        sent = len(it.here.broker.sent)
        it.here.broker.connects = [elsewhere]
        it.here.broker.lose()
        async with asyncio.timeout(120):
            code = await it.task

        assert code == 4
        assert it.here.broker.positions["SPY"] > 0
        assert len(it.here.broker.sent) == sent
        assert "U7" in it.here.alerts("wrong_account")[0]


@virtual
async def test_an_act_that_fails_is_told_and_ends_alone(tmp_path: Path) -> None:
    async with running(tmp_path) as it:

        def breaks() -> None:
            raise RuntimeError("a bug")

        it.engine.spawn("act x", breaks)
        await pass_time(1)

        assert "a bug" in it.here.alerts("act_failed")[0]
        assert it.here.desk.state is EngineState.READY


@virtual
@pytest.mark.req("CARD-KILL")
async def test_a_kill_cut_short_goes_on_when_the_line_is_back(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.here.enter()
        await it.engine.parts.brakes.pull(BrakeKind.KILL, Scope(), reason="wild", who="test")

        it.engine.parts.line.on_link(AGAIN)
        await pass_time(20)

        assert it.here.broker.positions["SPY"] == 0
        assert it.here.desk.brakes.brakes[0].proof.startswith("PROVEN FLAT")


@virtual
async def test_a_kill_file_found_at_boot_boots_killed_and_kills(tmp_path: Path) -> None:
    (tmp_path / "KILL").write_text("night watch")
    async with running(tmp_path) as it:
        assert it.here.desk.may_enter("ma", "SPY") is Reason.KILLED
        await pass_time(20)

        assert it.here.desk.brakes.brakes[0].proof.startswith("PROVEN FLAT")


@virtual
@pytest.mark.req("RECOVERY-RISK-2")
async def test_without_a_broker_positions_are_unverified_and_a_full_comparison_clears_the_mark(
    tmp_path: Path,
) -> None:
    def no_broker(here: Rig) -> None:
        here.broker.link = here.desk.link = LinkState.DOWN
        here.desk.state = EngineState.BOOTING
        here.broker.connects = [_down, _down, _down, _down, lambda: HELLO]
        here.books.ledger.apply(
            Adjustment("a", "SPY", here.spy.con_id, 100, Decimal(100), TEN, "x", "ma", initial_stop=99.0)
        )
        here.broker.positions["SPY"] = 100
        here.broker.con_ids["SPY"] = here.spy.con_id

    async with running(tmp_path, before=no_broker) as it:
        await pass_time(20)
        desk = it.here.desk
        (shown,) = views.position_views(desk)
        assert (shown.quantity, shown.is_verified) == (100, False)
        assert it.here.alerts("unverified") != []
        assert desk.entry_block() is not None
        assert it.here.broker.sent == []

        await pass_time(300)

        (shown,) = views.position_views(desk)
        assert (shown.quantity, shown.is_verified) == (100, True)
        assert it.here.alerts("unverified") == []
        assert desk.state is EngineState.READY
        assert it.here.stops_at_broker() == 100


@virtual
@pytest.mark.req("RECOVERY-STARTUP")
async def test_the_start_goes_connect_compare_stops_markets_ready_and_an_early_signal_is_refused(
    tmp_path: Path,
) -> None:
    def boots(here: Rig) -> None:
        here.broker.link = here.desk.link = LinkState.DOWN
        here.desk.state = EngineState.BOOTING
        here.broker.state_delay_s = 1.0

    async with running(tmp_path, before=boots) as it:
        steps: list[str] = [*it.here.broker.log]
        assert it.here.desk.may_enter("ma", "SPY") is None
        assert steps[0] == "state"

    async with running(tmp_path / "again", before=boots, settle_s=0.5) as early:
        assert early.here.desk.may_enter("ma", "SPY") is Reason.NOT_RECOVERED
        assert early.here.desk.state is EngineState.RECONCILING
        assert early.here.broker.sent == []


@virtual
@pytest.mark.req("REQ-ARCH-003")
async def test_a_person_who_aborts_ends_it_with_4_and_sends_nothing(tmp_path: Path) -> None:
    def orphan(here: Rig) -> None:
        here.broker.foreign_positions = [BrokerPosition("DU1", 9, "TSLA", Decimal(5), 1.0, "TSLA", "STK")]

    async with running(tmp_path, before=orphan) as it:
        await pass_time(2)
        told = await it.engine.execute(Command("c", CommandKind.ABORT, who="anna"))

        assert told.status == "done"
        async with asyncio.timeout(60):
            assert await it.task == 4
        assert it.here.broker.sent == []
        assert it.ends == [True]


@virtual
async def test_what_arrives_while_the_engine_is_cancelled_begins_nothing_and_breaks_nothing(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as it:
        begun: list[str] = []

        async def a_bar_comes_at_the_end() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                it.engine.spawn("act on a bar", lambda: begun.append("bar"))

        it.engine.spawn("wait", a_bar_comes_at_the_end)
        await pass_time(0.1)
        it.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await it.task
        it.engine.spawn("act on another", lambda: begun.append("another"))

        assert begun == []
        assert it.here.alerts("act_failed") == []
