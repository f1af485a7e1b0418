"""Commands: each refusal has its code, each id is carried out once, and a KILL holds until it is proven."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from engine.api import (
    BrakeKind,
    Command,
    CommandKind,
    EngineState,
    Level,
    Outcome,
    OutcomeStatus,
    Scope,
    ScopeKind,
)
from engine.domain.order import OrderState, Role
from engine.domain.reasons import Reason
from engine.ledger.events import FateUnknown
from engine.risk.brakes import BrakeLevel
from engine.runtime.adjust.adjustments import Adjustments
from engine.runtime.adjust.look_back import LookBack
from engine.runtime.brakes import BrakeDesk, restored
from engine.runtime.braking.kills import KillDesk
from engine.runtime.by_hand.assembly import acts_by_hand
from engine.runtime.commands import Commands
from engine.store.journal import AuditEntry
from tests.execution.recovering import recovering
from tests.execution.rig import ACCOUNT, Rig, rig
from tests.runtime.braking.braked import drill_of
from tests.virtual_time import pass_time, virtual

_ids = count(1)


@dataclass
class Commanded:
    """A rig that takes commands."""

    here: Rig
    commands: Commands
    brakes: BrakeDesk
    kills: KillDesk
    stopped: list[str] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    left: tuple[str, ...] = ()

    async def give(self, kind: CommandKind, **more: object) -> Outcome:
        command = Command(f"c{next(_ids)}", kind, **more)  # type: ignore[arg-type]  # names are the dataclass's
        return await self.commands.execute(command)


@asynccontextmanager
async def commanded(folder: Path) -> AsyncIterator[Commanded]:
    async with rig(folder) as here:

        async def audit(entry: AuditEntry) -> bool:
            if entry.reason == "bug":
                raise ZeroDivisionError("division by zero")
            return await here.store.audit(entry)

        async def stop(choice: str) -> tuple[str, ...]:
            it.stopped.append(choice)
            return it.left

        brakes = BrakeDesk(here.desk, store=here.store, new_id=here.refs.new_id)
        kills = KillDesk(
            here.desk,
            brakes=brakes,
            kill_switch=here.kill_switch,
            executor=here.executor,
            spawn=here.spawn,
            urge=lambda: None,
        )
        commands = Commands(
            here.desk,
            brakes=brakes,
            executor=here.executor,
            kill_switch=here.kill_switch,
            kills=kills,
            drill=drill_of(here, kills=kills, brakes=brakes, results=[]),
            seen=lambda: it.seen.append(1),
            adjustments=Adjustments(
                here.desk,
                audit=audit,
                overrides=folder / "overrides.toml",
                loaded=frozenset({"cross"}),
                past=LookBack(here.desk, path=here.store.path),
            ),
            stop=stop,
            on_detached=lambda _: None,
            urge=lambda: None,
            settler=recovering(here).settler,
            answers=acts_by_hand(here.desk, here.executor),
        )
        it = Commanded(here, commands, brakes, kills)
        yield it


def _said(outcome: Outcome) -> tuple[str, str]:
    return outcome.status.value, outcome.code


# --- refusals -----------------------------------------------------------------------------------


@virtual
@pytest.mark.req("CARD-KEYS")
async def test_every_refusal_has_its_code_and_changes_nothing(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        await it.here.enter()
        stop_ref = it.here.last(Role.STOP).intent.ref
        asked = [
            (CommandKind.RESUME, {"reason": "x"}, "nothing_to_do"),
            (CommandKind.FLATTEN, {"target": "QQQ"}, "wrong_target"),
            (CommandKind.CANCEL_ORDER, {"target": "nobody"}, "wrong_target"),
            (CommandKind.CANCEL_ORDER, {"target": stop_ref}, "confirmation"),
            (CommandKind.SET_VALUE, {"target": "risk.max_positions"}, "out_of_bounds"),
            (CommandKind.SET_VALUE, {"target": "risk.max_positions", "value": 200.0}, "out_of_bounds"),
            (CommandKind.ACKNOWLEDGE, {"target": "7"}, "wrong_target"),
            (CommandKind.ACKNOWLEDGE, {"target": "²"}, "wrong_target"),
            (CommandKind.STOP, {"target": "maybe"}, "wrong_target"),
        ]
        for kind, more, code in asked:
            assert _said(await it.give(kind, **more)) == ("refused", code), (kind, more)

        assert it.here.broker.positions["SPY"] == it.here.stops_at_broker() == 100
        assert it.stopped == []


@virtual
async def test_a_bug_in_a_command_is_an_answer_and_not_an_end(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        outcome = await it.give(CommandKind.SET_VALUE, target="risk.max_positions", value=1.0, reason="bug")

        assert _said(outcome) == ("failed", "internal_error")
        assert "division by zero" in outcome.text


@virtual
async def test_a_stop_that_leaves_something_open_fails_and_names_it(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        it.left = ("SPY +100",)
        flat = await it.give(CommandKind.STOP, target="flatten")
        kept = await it.give(CommandKind.STOP, target="keep")
        plain = await it.give(CommandKind.STOP)

        assert _said(flat) == ("failed", "not_flat")
        assert "SPY +100" in flat.text
        assert kept.status is OutcomeStatus.DONE
        assert it.stopped == ["flatten", "keep", "flatten"]
        assert plain.status is OutcomeStatus.FAILED


@virtual
async def test_what_people_ask_for_is_a_sign_of_life_and_what_machines_do_is_none(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        await it.give(CommandKind.PAUSE, who="limit")
        await it.give(CommandKind.DETACHED, target="lost", who="screen")
        assert it.seen == []
        await it.give(CommandKind.SEEN, who="screen")
        await it.give(CommandKind.PAUSE, who="shell uid 0")

        assert len(it.seen) == 2
        assert not any("seen" in e.text for e in it.here.desk.notices.events), "it is no news"


# --- once ---------------------------------------------------------------------------------------


@virtual
async def test_the_same_id_acts_once_also_while_it_is_under_way(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        command = Command("same", CommandKind.SET_VALUE, target="risk.max_positions", value=1.0)

        first, second = await asyncio.gather(it.commands.execute(command), it.commands.execute(command))
        third = await it.commands.execute(command)

        assert first is second is third
        assert len(await it.here.rows("SELECT * FROM audit")) == 1


# --- brakes -------------------------------------------------------------------------------------


@virtual
@pytest.mark.req("CARD-PAUSE", "PS60-ENTRYWIN")
async def test_a_pause_is_durable_blocks_entries_and_is_lifted_with_a_reason(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        await it.give(CommandKind.PAUSE, reason="lunch", who="ann")

        assert it.here.desk.may_enter("ma", "SPY") is Reason.PAUSED
        assert await it.here.rows("SELECT kind, reason, who FROM brake") == [("PAUSE", "lunch", "ann")]
        assert _said(await it.give(CommandKind.RESUME)) == ("refused", "needs_reason")
        assert (await it.give(CommandKind.RESUME, reason="back")).status is OutcomeStatus.DONE
        assert it.here.desk.may_enter("ma", "SPY") is None


@virtual
async def test_after_a_halt_the_account_is_typed_and_an_unknown_order_keeps_it_on(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        entry = await it.here.enter(filled=0)
        it.here.broker.deaf_to_cancels_of = {Role.ENTRY}
        await it.here.books.post(FateUnknown(entry.ref, "test", it.here.desk.now()))

        halted = await it.give(CommandKind.HALT)

        assert _said(halted) == ("failed", "unknown_order")
        assert halted.details == (entry.ref,)
        assert it.here.state_of(Role.ENTRY) == [OrderState.UNKNOWN]  # having asked settles nothing
        unsettled = await it.give(CommandKind.RESUME, reason="x", typed=ACCOUNT)
        assert _said(unsettled) == ("refused", "unknown_order")
        it.here.broker.end(entry.ref)
        await pass_time(0.1)
        assert (await it.give(CommandKind.RESUME, reason="x")).code == "confirmation"
        assert (await it.give(CommandKind.RESUME, reason="x", typed=ACCOUNT)).status is OutcomeStatus.DONE


@virtual
async def test_a_kill_cannot_be_lifted_while_it_is_at_work(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        await it.here.enter()
        killing = asyncio.ensure_future(it.give(CommandKind.KILL, confirmed=True))
        await pass_time(2)

        early = await it.give(CommandKind.RESUME, reason="no", typed=ACCOUNT)

        assert _said(early) == ("refused", "not_flat")
        assert (await killing).status is OutcomeStatus.DONE
        assert (await it.give(CommandKind.RESUME, reason="ok", typed="")).code == "confirmation"
        assert (await it.give(CommandKind.RESUME, reason="ok", typed=ACCOUNT)).status is OutcomeStatus.DONE
        assert it.here.alerts("kill") == []


@virtual
async def test_a_kill_that_is_not_proven_is_critical_stays_and_outlives_a_restart(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        await it.here.enter()
        it.here.broker.deaf_to_cancels_of = {Role.STOP}

        outcome = await it.give(CommandKind.KILL, confirmed=True, reason="wild")

        assert _said(outcome) == ("failed", "not_flat")
        alert = next(a for a in it.here.desk.notices.alerts if a.code == "kill")
        assert alert.level is Level.CRITICAL
        assert it.here.stops_at_broker() == 100
        again = [restored(b) for b in await it.here.store.live_brakes()]
        assert [(b.level, b.not_flat) for b in again] == [(BrakeLevel.KILL, True)]

        it.here.broker.deaf_to_cancels_of = set()
        assert (await it.give(CommandKind.KILL, confirmed=True)).status is OutcomeStatus.DONE
        assert it.here.desk.brakes.brakes[0].not_flat is False


@pytest.mark.req("CARD-PAUSE")
@virtual
@pytest.mark.parametrize("kind", [CommandKind.PAUSE, CommandKind.HALT, CommandKind.KILL])
async def test_a_brake_on_something_that_is_not_here_is_refused_and_names_what_is(
    tmp_path: Path, kind: CommandKind
) -> None:
    async with commanded(tmp_path) as it:
        it.here.desk.state = EngineState.READY

        wrong = await it.give(kind, scope=Scope(ScopeKind.SYMBOL, "NOPE"))
        assert _said(wrong) == ("refused", "wrong_target")
        assert "SPY" in wrong.text
        wrong = await it.give(kind, scope=Scope(ScopeKind.STRATEGY, "nope"))
        assert _said(wrong) == ("refused", "wrong_target")
        assert next(iter(it.here.desk.config.strategies)) in wrong.text
        assert it.here.desk.brakes.brakes == ()

        it.here.desk.state = EngineState.BOOTING
        assert (await it.give(CommandKind.PAUSE, scope=Scope(ScopeKind.SYMBOL, "NOPE"))).status is (
            OutcomeStatus.DONE
        ), "before everything is described nobody knows what is here"


@virtual
async def test_a_kill_of_one_symbol_alarms_only_that_symbol(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        await it.here.enter()
        it.here.broker.state_error = "silence"

        await it.give(CommandKind.KILL, confirmed=True, scope=Scope(ScopeKind.SYMBOL, "SPY"))

        assert it.here.desk.notices.blocking("SPY") is not None
        assert it.here.desk.notices.blocking("QQQ") is None


@virtual
async def test_a_kill_without_the_word_is_a_halt(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        await it.here.enter(filled=40)

        await it.give(CommandKind.KILL)

        assert it.here.desk.brakes.account_level() is BrakeLevel.HALT
        assert it.here.broker.open(Role.ENTRY) == []
        assert it.here.broker.positions["SPY"] == 40


@virtual
async def test_a_brake_pulled_while_it_is_being_lifted_stays_on(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        await it.give(CommandKind.PAUSE, reason="first")

        lifted, _ = await asyncio.gather(
            it.give(CommandKind.RESUME, reason="go"), it.give(CommandKind.PAUSE, reason="no, wait")
        )

        assert lifted.status is OutcomeStatus.DONE
        assert it.here.desk.may_enter("ma", "SPY") is Reason.PAUSED
        live = await it.here.store.live_brakes()
        assert [(b.kind, b.reason) for b in live] == [("PAUSE", "no, wait")]


@virtual
async def test_a_brake_acts_on_a_full_disk_and_cannot_be_lifted_there(tmp_path: Path) -> None:
    async with commanded(tmp_path) as it:
        await it.here.store.run(lambda c: c.execute("PRAGMA max_page_count = 1"))

        await it.brakes.pull(BrakeKind.HALT, Scope(), reason="y" * 100_000, who="ann")

        assert it.here.desk.may_enter("ma", "SPY") is Reason.STORE_DOWN
        assert it.here.desk.brakes.account_level() is BrakeLevel.HALT
        assert "NOT STORED" in it.here.alerts("not_stored")[0]
        outcome = await it.give(CommandKind.RESUME, reason="x", typed=ACCOUNT)
        assert _said(outcome) == ("failed", "store_down")
        assert it.here.desk.brakes.account_level() is BrakeLevel.HALT
