"""A loss or drawdown at its limit halts once, lasts, and is told; filling too often pauses a strategy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from engine.api import BrakeKind, Command, CommandKind, Level, Scope
from engine.config.values import OnBreach
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from engine.runtime.brakes import BrakeDesk
from engine.runtime.daypnl import DayPnl
from engine.runtime.guards.risk_watch import RiskWatch
from engine.store.journal import EquityPoint
from tests.builders import proposal, quote
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import pass_time, virtual


@dataclass
class _Watched:
    """A rig with 100 SPY bought at 100 on an account of 100,000 USD."""

    here: Rig
    watch: RiskWatch
    pulled: list[Command] = field(default_factory=list)

    async def mark(self, price: float) -> None:
        """The price is there now; one look."""
        self.here.desk.quotes.on_quote(quote("SPY", price, price, at=self.here.desk.now()))
        await self.watch.round()

    def gate(self, key: str = "QQQ") -> EntryTicket | Refusal:
        """What the gate says to an entry."""
        desk = self.here.desk
        desk.quotes.on_quote(quote(key, at=desk.now()))
        wish = proposal(key)
        return check_entry(wish, desk.gate_world(wish, allow_short=False), desk.limits())


def _watch(here: Rig, *, peaks: tuple[float, ...] = (), today: tuple[EquityPoint, ...] = ()) -> _Watched:
    pnl, pulled = DayPnl(), []
    pnl.start_day(here.desk.now())
    watch = RiskWatch(
        here.desk, pnl=lambda: pnl.view(here.desk), peaks=peaks, today=today, pull=pulled.append
    )
    return _Watched(here, watch, pulled)


async def _holding(here: Rig) -> None:
    funded(here.desk, 100_000.0)
    await here.enter(100)


def _risk(here: Rig, **changes: object) -> None:
    risk = here.desk.config.risk.model_copy(update=changes)
    here.desk.config = here.desk.config.model_copy(update={"risk": risk})


@pytest.mark.req("PLAN-M2-RISK", "REQ-DD1")
@virtual
async def test_the_daily_loss_halts_the_account_once_and_alerts(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=("SPY", "QQQ")) as here:
        it = _watch(here)
        funded(here.desk, 100_000.0)
        await it.watch.round()
        await _holding(here)

        await it.mark(80.5)
        assert it.pulled == []
        await it.mark(79.5)
        await it.mark(79.0)

        assert [(c.kind, c.scope, c.who) for c in it.pulled] == [(CommandKind.HALT, Scope(), "limit")]
        alerts = [a for a in here.desk.notices.alerts if a.code == "daily_loss"]
        assert [a.level for a in alerts] == [Level.CRITICAL]
        refusal = it.gate()
        assert isinstance(refusal, Refusal)


@pytest.mark.req("REQ-DD1")
@virtual
async def test_a_breach_kills_where_that_is_configured(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        _risk(here, on_breach=OnBreach.KILL)
        it = _watch(here)
        await _holding(here)

        await it.mark(70.0)

        assert [(c.kind, c.confirmed) for c in it.pulled] == [(CommandKind.KILL, True)]


@pytest.mark.req("REQ-DD1")
@virtual
async def test_the_session_drawdown_counts_from_the_best_of_the_day_also_after_a_restart(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        now = here.desk.now()
        today = (EquityPoint(now, 0.0, 100_000.0), EquityPoint(now, 2_000.0, 102_000.0))
        it = _watch(here, today=today)
        await _holding(here)

        await it.mark(90.0)

        assert here.desk.losses.day_pct == pytest.approx(-1.0, abs=0.05)
        assert here.desk.losses.session_drawdown_pct == pytest.approx(100 * 3_000 / 102_000, abs=0.05)
        await it.mark(89.0)
        assert [c.kind for c in it.pulled] == [CommandKind.HALT]
        assert "session's drawdown" in it.pulled[0].reason


@pytest.mark.req("REQ-DD1")
@virtual
async def test_the_rolling_drawdown_counts_from_the_best_of_the_window_only(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        funded(here.desk, 100_000.0)
        old = (200_000.0, *(100_000.0 for _ in range(20)))

        await _watch(here, peaks=old).watch.round()
        forgotten = here.desk.losses.rolling_drawdown_pct
        it = _watch(here, peaks=(112_000.0,))
        await it.watch.round()

        assert forgotten == pytest.approx(0.0)
        assert here.desk.losses.rolling_drawdown_pct == pytest.approx(100 * 12 / 112)
        assert [c.kind for c in it.pulled] == [CommandKind.HALT]


@pytest.mark.req("PLAN-STRETCH-LOSS")
@virtual
async def test_the_loss_of_one_symbol_blocks_that_symbol_alone(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=("SPY", "QQQ")) as here:
        here.without_cooldowns()
        it = _watch(here)
        await _holding(here)
        await it.mark(89.0)
        await here.close()
        await pass_time(1)
        here.desk.symbol_losses["SPY"] = -1.1

        refusal, other = it.gate("SPY"), it.gate("QQQ")

        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.SYMBOL_DAILY_LOSS
        assert isinstance(other, EntryTicket), other


@virtual
async def test_a_missing_price_makes_the_loss_unknown_and_blocks_but_pulls_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=("SPY", "QQQ")) as here:
        it = _watch(here)
        await _holding(here)

        await it.watch.round()

        refusal = it.gate()
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.NOT_FINITE
        assert it.pulled == []


@virtual
async def test_whoever_lifts_a_limits_halt_is_not_overruled_but_the_gate_refuses(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, keys=("SPY", "QQQ")) as here:
        it = _watch(here)
        brakes = BrakeDesk(here.desk, store=here.store, new_id=here.refs.new_id)
        await _holding(here)
        await it.mark(79.0)
        await brakes.pull(BrakeKind.HALT, Scope(), reason="limit", who="limit")
        here.desk.brakes = here.desk.brakes.without(frozenset(b.brake_id for b in here.desk.brakes.brakes))
        here.desk.notices.acknowledge(here.desk.notices.alerts[0].alert_id)

        await it.mark(78.0)

        assert len(it.pulled) == 1
        refusal = it.gate()
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.DAILY_LOSS


@virtual
async def test_a_strategy_that_fills_too_often_is_paused_and_needs_a_person(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.without_cooldowns()
        it = _watch(here)
        funded(here.desk, 100_000.0)
        for _ in range(6):
            await here.enter(1)
            await here.close()
            await it.watch.round()

        assert [(c.kind, c.scope.name) for c in it.pulled] == [(CommandKind.PAUSE, "ma")]
        here.desk.clock.skipped = timedelta(minutes=2)
        await it.watch.round()
        assert len(it.pulled) == 1


@pytest.mark.req("247-NFR-SAFE")
@virtual
async def test_the_last_look_holds_an_order_whose_world_has_turned_and_lets_others_go(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        desk = here.desk
        funded(desk, 1_000_000.0)
        entry, _ = here.bracket(100)

        assert desk.last_look(entry) is Reason.NO_QUOTE
        desk.quotes.on_quote(quote("SPY", at=desk.now()))
        assert desk.last_look(entry) is None
        desk.quotes.on_quote(quote("SPY", 90.0, 90.01, at=desk.now()))
        assert desk.last_look(entry) is Reason.PRICE_COLLAR
        desk.losses = desk.losses._replace(day_pct=-2.0)
        assert desk.last_look(entry) is Reason.DAILY_LOSS
