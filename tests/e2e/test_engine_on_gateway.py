"""Bar closes → order → fill → position → snapshot → store, over the real wire, and the operator's acts."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import BrakeKind, CommandKind, EngineState, Mode, OutcomeStatus, Scope, ScopeKind
from engine.broker.port import BrokerState
from engine.domain.order import Role
from tests.e2e.live import ONE_STOCK, Live, live

pytestmark = pytest.mark.slow


def _position(state: BrokerState, key: str) -> int:
    return next((int(p.quantity) for p in state.positions if p.key == key), 0)


async def _in_position(here: Live, symbol: str = "SPY") -> None:
    await here.ready()
    await here.until(
        lambda s: any(p.symbol == symbol and p.protected_quantity == abs(p.quantity) for p in s.positions),
        why=f"no protected position in {symbol}",
    )


@pytest.mark.req("PLAN-M3-BROKER", "PLAN-M3-IDMAP", "CARD-TESTABLE", "CARD-SQLITE")
async def test_a_bar_becomes_a_protected_position_everywhere(tmp_path: Path) -> None:
    async with live(tmp_path) as here:
        await _in_position(here)

        shown = here.snapshot.positions[0]
        told = await here.at_broker()
        assert _position(told, "SPY") == shown.quantity > 0
        assert shown.owner == "script"
        assert shown.protected_quantity == shown.quantity
        stops = [o for o in told.open_orders if o.order_type == "STP"]
        assert [int(o.quantity) for o in stops] == [shown.quantity]
        assert here.rows("SELECT sum(quantity) FROM fill WHERE side = 'BUY'") == [(shown.quantity,)]
        states = dict(here.rows("SELECT role, state FROM intent"))
        assert states == {"entry": "filled", "stop": "working"}
        shown_ids = {f.exec_id for f in here.snapshot.fills}
        assert shown_ids == {row[0] for row in here.rows("SELECT exec_id FROM fill")}


async def test_the_intent_is_durable_before_the_broker_has_the_order(tmp_path: Path) -> None:
    async with live(tmp_path) as here:
        seen: list[list[tuple[object, ...]]] = []
        place = here.engine.parts.broker.place

        async def spy(*args: object, **kwargs: object) -> None:
            seen.append(here.rows("SELECT role, state FROM intent ORDER BY rowid"))
            await place(*args, **kwargs)  # type: ignore[arg-type]

        here.engine.parts.broker.place = spy  # type: ignore[method-assign]
        await _in_position(here)

        assert seen[0] == [("entry", "sending"), ("stop", "sending")]


@pytest.mark.req("PLAN-M4-ORCH", "PLAN-CTX-MKT")
async def test_an_exit_signal_closes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    script = {**ONE_STOCK, "symbols": ["DIA"], "params": {"enter_at": 1, "exit_at": 3}}
    async with live(tmp_path, strategies={"script": script}) as here:
        await here.ready()

        await here.until(lambda s: s.pnl.trades == 1 and not s.positions, why="the round trip never ended")

        told = await here.at_broker()
        assert _position(told, "DIA") == 0
        assert told.open_orders == ()
        assert here.rows("SELECT key, count(*) FROM trade GROUP BY key") == [("DIA", 1)]
        await here.command(CommandKind.STOP, target="flatten")
        assert await here.task == 0
        assert any("trade" in line for line in here.snapshot.summary), "the day's report"
        assert list(tmp_path.rglob("days/*")), "and its file"


@pytest.mark.req("CARD-PAUSE")
async def test_a_pause_keeps_entries_out_and_survives_a_restart(tmp_path: Path) -> None:
    script = {**ONE_STOCK, "params": {"enter_at": 2}}
    async with live(tmp_path, strategies={"script": script}) as here:
        await here.ready()
        paused = await here.command(CommandKind.PAUSE, reason="lunch")
        await here.until(lambda s: any(w.code == "paused" for w in s.why_not), why="no refusal was shown")

        assert paused.status is OutcomeStatus.DONE
        assert (await here.at_broker()).open_orders == ()
        assert not here.snapshot.positions
    async with live(tmp_path, strategies={"script": ONE_STOCK}) as again:
        await again.ready()
        await again.until(lambda s: any(w.code == "paused" for w in s.why_not), why="pause was forgotten")

        assert [(b.kind, b.reason) for b in again.snapshot.brakes] == [(BrakeKind.PAUSE, "lunch")]
        assert not again.snapshot.positions
        lifted = await again.command(CommandKind.RESUME, reason="back")
        assert lifted.status is OutcomeStatus.DONE
        assert again.rows("SELECT cleared_by FROM brake") == [("operator",)]


@pytest.mark.req("CARD-KILL")
async def test_halt_cancels_entries_and_keeps_the_stop(tmp_path: Path) -> None:
    async with live(tmp_path) as here:
        await _in_position(here)

        outcome = await here.command(CommandKind.HALT, reason="odd fills")

        assert outcome.status is OutcomeStatus.DONE
        told = await here.at_broker()
        assert [o.order_type for o in told.open_orders] == ["STP"]
        assert _position(told, "SPY") > 0
        refused = await here.command(CommandKind.RESUME, reason="fine")
        assert (refused.status, refused.code) == (OutcomeStatus.REFUSED, "confirmation")
        account = here.snapshot.account
        lifted = await here.command(CommandKind.RESUME, reason="fine", typed=account)
        assert lifted.status is OutcomeStatus.DONE


@pytest.mark.req("CARD-KILL")
async def test_kill_flattens_and_proves_it_at_the_broker(tmp_path: Path) -> None:
    two = {**ONE_STOCK, "symbols": ["SPY", "QQQ"]}
    async with live(tmp_path, strategies={"script": two}) as here:
        await _in_position(here, "SPY")
        await _in_position(here, "QQQ")

        outcome = await here.command(CommandKind.KILL, confirmed=True, reason="wild")

        assert outcome.status is OutcomeStatus.DONE, outcome
        assert "PROVEN FLAT" in outcome.text
        told = await here.at_broker()
        assert told.open_orders == ()
        assert all(p.quantity == 0 for p in told.positions)
        await here.until(lambda s: any("PROVEN FLAT" in b.proof for b in s.brakes))
        assert here.rows("SELECT kind, proof LIKE 'PROVEN FLAT%' FROM brake") == [("KILL", 1)]


async def test_kill_of_one_symbol_spares_the_others(tmp_path: Path) -> None:
    two = {**ONE_STOCK, "symbols": ["SPY", "QQQ"]}
    async with live(tmp_path, strategies={"script": two}) as here:
        await _in_position(here, "SPY")
        await _in_position(here, "QQQ")

        await here.command(CommandKind.KILL, scope=Scope(ScopeKind.SYMBOL, "SPY"), confirmed=True)

        told = await here.at_broker()
        assert _position(told, "SPY") == 0
        assert _position(told, "QQQ") > 0
        assert [o.key for o in told.open_orders] == ["QQQ"]


async def test_the_kill_file_goes_the_whole_way_and_is_taken(tmp_path: Path) -> None:
    async with live(tmp_path) as here:
        await _in_position(here)

        (tmp_path / "KILL").write_text("from a cron job\n")
        await here.until(lambda s: any("PROVEN FLAT" in b.proof for b in s.brakes), why="no proof")

        assert here.snapshot.brakes[0].reason == "from a cron job"
        assert here.snapshot.brakes[0].who == "file"
        assert not (tmp_path / "KILL").exists()
        assert len(list(tmp_path.glob("KILL.taken-*"))) == 1


async def test_flatten_one_closes_that_one(tmp_path: Path) -> None:
    async with live(tmp_path) as here:
        await _in_position(here)

        outcome = await here.command(CommandKind.FLATTEN, target="SPY")

        assert outcome.status is OutcomeStatus.DONE, outcome
        told = await here.at_broker()
        assert (_position(told, "SPY"), told.open_orders) == (0, ())
        again = await here.command(CommandKind.FLATTEN, target="SPY")
        assert (again.status, again.code) == (OutcomeStatus.REFUSED, "wrong_target")


@pytest.mark.req("PLAN-M3-DRYRUN")
async def test_a_dry_run_decides_and_sends_nothing(tmp_path: Path) -> None:
    async with live(tmp_path, mode=Mode.DRY_RUN) as here:
        await here.ready()

        await here.until(lambda s: any("DRY: would" in e.text for e in s.events), why="no would-be order")

        assert here.snapshot.read_only
        assert (await here.at_broker()).open_orders == ()
        assert here.rows("SELECT count(*) FROM intent") == [(0,)]


@pytest.mark.req("CARD-RISK", "REQ-CFG-002")
async def test_risk_is_changed_while_it_runs_audited_and_remembered(tmp_path: Path) -> None:
    never = {**ONE_STOCK, "params": {"enter_at": 0}}
    async with live(tmp_path, strategies={"script": never}) as here:
        await here.ready()
        asked = await here.command(CommandKind.SET_VALUE, target="risk.max_positions", value=5.0)
        done = await here.command(
            CommandKind.SET_VALUE, target="risk.max_positions", value=5.0, seen=3.0, confirmed=True
        )
        fixed = await here.command(CommandKind.SET_VALUE, target="connection.port", value=1.0)
        bounds = await here.command(CommandKind.SET_VALUE, target="risk.max_positions", value=500.0)

        assert (asked.status, asked.code) == (OutcomeStatus.REFUSED, "confirmation")
        assert done.status is OutcomeStatus.DONE, done
        assert here.engine.parts.desk.limits().max_positions == 5
        assert (fixed.status, fixed.code) == (OutcomeStatus.REFUSED, "fixed_at_runtime")
        assert (bounds.status, bounds.code) == (OutcomeStatus.REFUSED, "out_of_bounds")
        assert here.rows("SELECT key, old, new FROM audit") == [("risk.max_positions", "3", "5")]
        scope = Scope(ScopeKind.STRATEGY, "script")
        off = await here.command(CommandKind.SWITCH, scope=scope, target="off")
        assert off.status is OutcomeStatus.DONE, off
    async with live(tmp_path) as again:
        await again.ready()

        assert again.engine.parts.desk.limits().max_positions == 5
        shown = {v.key: v for v in again.snapshot.runtime}
        assert shown["risk.max_positions"].overridden is True
        assert shown["risk.max_positions"].changed.startswith("was 3, by ")
        (row,) = again.snapshot.strategies
        assert (row.state, row.switched_off.startswith("by ")) == ("off", True)
        refused = "script was switched off by"
        await again.until(lambda s: any(refused in e.text for e in s.events), why="no entry was refused")
        assert {why.code for why in again.snapshot.why_not} == {"strategy_off"}
        assert again.rows("SELECT count(*) FROM intent") == [(0,)]


async def test_a_stop_with_flatten_leaves_nothing_and_ends_with_0(tmp_path: Path) -> None:
    async with live(tmp_path) as here:
        await _in_position(here)

        outcome = await here.command(CommandKind.STOP, target="flatten")

        assert outcome.status is OutcomeStatus.DONE, outcome
        assert await here.task == 0
        assert here.snapshot.engine_state is EngineState.STOPPED
        told = await here.at_broker()
        assert (_position(told, "SPY"), told.open_orders) == (0, ())


async def test_a_stop_that_keeps_leaves_position_and_stop_and_the_next_start_knows_them(
    tmp_path: Path,
) -> None:
    async with live(tmp_path) as here:
        await _in_position(here)
        quantity = here.snapshot.positions[0].quantity
    never = {**ONE_STOCK, "params": {"enter_at": 0}}
    async with live(tmp_path, strategies={"script": never}) as again:
        await again.ready()
        await again.until(lambda s: s.positions and s.positions[0].protected_quantity == quantity)

        assert again.snapshot.positions[0].owner == "script"
        assert not again.snapshot.positions[0].is_orphan


@pytest.mark.req("PLAN-M3-AC-RECONNECT", "FUT-F1")
async def test_a_gateway_killed_in_the_middle_comes_back_and_nothing_is_doubled(tmp_path: Path) -> None:
    async with live(tmp_path) as here:
        await _in_position(here)
        before = here.snapshot.positions[0]

        here.kill_gateway()
        await here.until(lambda s: not s.connected, why="the loss was not noticed")
        assert not here.snapshot.entries_allowed
        await here.until(lambda s: s.engine_state is EngineState.READY, within_s=40, why="no way back")

        after = here.snapshot.positions[0]
        assert (after.quantity, after.avg_price) == (before.quantity, before.avg_price)
        assert after.protected_quantity == after.quantity
        assert len(here.rows("SELECT exec_id FROM fill")) == len(here.snapshot.fills)


@pytest.mark.req("RECOVERY-PARTIAL-BE", "REQ-POS-002")
async def test_a_partial_halves_the_stop_and_moves_it_to_the_entry_price_at_the_broker(
    tmp_path: Path,
) -> None:
    script = {**ONE_STOCK, "params": {"enter_at": 1, "half_at": 3}}
    async with live(tmp_path, strategies={"script": script}) as here:
        await _in_position(here)
        books = here.engine.parts.desk.books
        (entry,) = (o for o in books.orders() if o.intent.role is Role.ENTRY)
        (stop,) = (o for o in books.orders() if o.intent.role is Role.STOP)
        half, at_entry = entry.filled // 2, pytest.approx(entry.avg_fill_price, abs=0.01)

        def moved() -> bool:
            now = books.order(stop.intent.ref)
            return now is not None and now.intent.stop_price == at_entry

        await here.until(lambda _: moved(), why="the stop never stood at the entry price")

        # At once below the entry it has fired already, else it works: the same order either way.
        told = await here.at_broker()
        at_broker = [o for o in (*told.open_orders, *told.completed_orders) if o.order_type == "STP"]
        shown = [(o.claim.order_ref, int(o.quantity), o.stop_price) for o in at_broker]
        assert shown == [(stop.intent.ref, entry.filled - half, at_entry)]
        assert _position(told, "SPY") in (entry.filled - half, 0)
