"""There is one way to the broker, and no brake, block or limit that is on lets an entry through it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from engine.api import Command, CommandKind, EngineState, Level, Mode, OutcomeStatus
from engine.api_orders import OrderWish
from engine.broker.port import LinkState
from engine.domain.market import Bar
from engine.domain.order import Proposal, Role
from engine.domain.reasons import Reason
from engine.risk.brakes import Brake, BrakeLevel, BrakeScope, BrakeSet
from engine.risk.losses import Losses
from engine.risk.selection import Objection, ProductStatus
from engine.runtime.by_hand.assembly import acts_by_hand
from engine.runtime.desk import Block
from engine.runtime.running import Running
from engine.runtime.trading import Trading
from engine.strategy.base import Strategy, StrategyView, Waiting
from tests.builders import TEN, proposal, quote, stock
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import pass_time, virtual

ROOT = Path(__file__).resolve().parents[2]


# --- by reading the code ------------------------------------------------------------------------


@functools.cache
def _callers() -> dict[str, set[str]]:
    """What is called, by its name -> `module.Class.function` of every place that calls it."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "engine").rglob("*.py")):
        if not path.relative_to(ROOT).as_posix().startswith("engine/gateway/"):
            _read(ast.parse(path.read_text(encoding="utf-8")), path.stem, found)
    return found


def _read(node: ast.AST, where: str, found: dict[str, set[str]]) -> None:
    for child in ast.iter_child_nodes(node):
        is_scope = isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if isinstance(child, ast.Call):
            called = child.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            found.setdefault(name, set()).add(where)
        _read(child, f"{where}.{child.name}" if is_scope else where, found)


NO_BROKER = (
    "middle.Middle.place_bracket",
    "middle.Middle.close",
    "guards.Guards._roll",
    "features.FeatureStream._in_order",
)
"""The backtester's venue is a matcher (its gate is asked all the same); features have a place in time."""


@pytest.mark.req("247-NFR-SAFE")
@pytest.mark.parametrize(
    ("called", "callers"),
    [
        ("place", {"ibkr.IbkrBroker.place", "sender.Sender.send", *NO_BROKER}),
        ("modify", {"ibkr.IbkrBroker.modify", "sender.Sender.change"}),
        ("entry_intents", {"trading.Trading._send_entry", "orders.OrdersByHand._enter"}),
        ("_send_entry", {"trading.Trading._enter"}),
        # A backtest, and a recorded session decided once more: neither has a broker.
        (
            "check_entry",
            {
                "trading.Trading._enter",
                "orders.OrdersByHand._judged",
                "middle.Middle._enter",
                "middle.Middle._on_judged",
            },
        ),
        ("_send_bracket", {"executor.Executor.enter"}),
        # The test orders of a kill drill have a gate of their own: one unit, far below the market.
        ("drill_ticket", {"drill.Drill._tickets"}),
        ("put_far", {"drill.Drill._drill"}),
        ("check_approved", {"sender.Sender.send"}),
        ("_last_look", {"executor.Executor._send_bracket"}),
    ],
)
def test_each_step_to_the_broker_has_the_callers_that_are_known(called: str, callers: set[str]) -> None:
    assert _callers()[called] == callers


# --- by trying to get round it ------------------------------------------------------------------

FORGERIES: dict[str, Callable[[Any], Any]] = {
    "without a ticket": lambda entry: replace(entry, ticket=None),
    "larger than its ticket": lambda entry: replace(entry, quantity=entry.quantity + 1),
    "at another price": lambda entry: replace(entry, limit_price=101.0),
}


@pytest.mark.req("247-NFR-SAFE")
@virtual
@pytest.mark.parametrize("how", FORGERIES)
async def test_an_entry_that_the_gate_did_not_approve_never_leaves(tmp_path: Path, how: str) -> None:
    async with rig(tmp_path) as here:
        entry, stop = here.bracket(100)

        assert not await here.executor.enter((FORGERIES[how](entry), stop), here.spy)
        await pass_time(1)

        assert here.broker.sent == []
        (order,) = [o for o in here.books.orders() if o.intent.role is Role.ENTRY]
        assert order.state.is_done
        assert "not_approved" in order.message


@pytest.mark.req("247-NFR-SAFE")
@virtual
async def test_an_entry_cannot_leave_unwritten_or_by_the_door_of_exits(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        sender, (entry, stop) = here.executor._sender, here.bracket(100)

        assert not await sender.send(((entry, 7), (stop, 8)), here.spy, parent_ids=(0, 7))
        with pytest.raises(ValueError, match="adds risk"):
            await sender.send_reducing(entry, here.spy)
        intent = await here.enter(10, filled=0)
        order = here.books.order(intent.ref)
        assert order is not None
        with pytest.raises(ValueError, match="adds risk"):
            await sender.change(order, replace(order.intent, quantity=20), here.spy)

        assert set(here.broker.sent) == {o.intent.ref for o in here.books.orders()}


# --- by asking while something is on ------------------------------------------------------------


def _brake(level: BrakeLevel, scope: BrakeScope = BrakeScope.ACCOUNT, name: str = "") -> Any:
    def pull(here: Rig) -> None:
        here.desk.brakes = BrakeSet((Brake("b1", level, scope, name, "because", "operator", TEN),))

    return pull


def _set(where: str, name: str, value: object) -> Any:
    def change(here: Rig) -> None:
        target: Any = here.desk if where == "desk" else getattr(here.desk, where)
        if isinstance(target, dict):
            target[name] = value
        else:
            setattr(target, name, value)

    return change


def _risk(**changes: object) -> Any:
    def change(here: Rig) -> None:
        risk = here.desk.config.risk.model_copy(update=changes)
        here.desk.config = here.desk.config.model_copy(update={"risk": risk})

    return change


def _prices(bid: float, ask: float, age_s: float = 0.0) -> Any:
    def show(here: Rig) -> None:
        at = here.desk.now() + timedelta(hours=5) if not age_s else here.desk.now() - timedelta(seconds=age_s)
        here.desk.quotes.on_quote(quote("SPY", bid, ask, at=at))

    return show


def _blocked(here: Rig) -> None:
    here.desk.state, here.desk.block = EngineState.BLOCKED, Block(Reason.RECONCILE_MISMATCH, "differs")


def _later(hours: float) -> Any:
    def skip(here: Rig) -> None:
        here.desk.clock.skipped = timedelta(hours=hours)  # type: ignore[attr-defined]

    return skip


GATES: dict[str, Callable[[Rig], None]] = {
    "pause": _brake(BrakeLevel.PAUSE),
    "halt of the strategy": _brake(BrakeLevel.HALT, BrakeScope.STRATEGY, "ma"),
    "kill of the symbol": _brake(BrakeLevel.KILL, BrakeScope.SYMBOL, "SPY"),
    "not ready": _set("desk", "state", EngineState.RECONCILING),
    "orphans": _set("desk", "state", EngineState.ORPHANS),
    "books and broker differ": _blocked,
    "stopping": _set("desk", "draining", True),
    "line down": _set("desk", "link", LinkState.DOWN),
    "line frozen": _set("desk", "link", LinkState.FROZEN),
    "critical alert": lambda here: here.desk.notices.raise_alert(Level.CRITICAL, "naked", "no stop"),
    "session closed": lambda here: here.desk.instruments.update(SPY=stock(liquid_hours=())),
    "entry window over": _later(5.0),
    "old price": _prices(99.99, 100.01, age_s=5.1),
    "wide spread": _prices(99.0, 101.0),
    "delayed data": lambda here: here.desk.quotes.on_data_type("SPY", 3),
    "halted product": lambda here: here.desk.inputs.status.update(SPY=ProductStatus.HALTED),
    "outlier": lambda here: here.desk.inputs.outliers.update(SPY=Objection("9 sigma", 6, 9)),
    "old bars": lambda here: here.desk.inputs.stale.update(SPY=Objection("95 s", 90, 95)),
    "regime of a crash": _set("inputs", "regime_multiplier", 0.0),
    "regime that is no number": _set("inputs", "regime_multiplier", float("nan")),
    "unknown loss": _set("desk", "losses", Losses(float("nan"))),
    "daily loss": _set("desk", "losses", Losses(-2.0)),
    "drawdown of the session": _set("desk", "losses", Losses(0.0, 0.0, 3.0)),
    "drawdown of the window": _set("desk", "losses", Losses(0.0, 0.0, 0.0, 10.0)),
    "loss of the symbol": _set("symbol_losses", "SPY", -1.0),
    "equity unknown": _set("values", "NetLiquidation", float("nan")),
    "no funds": _set("values", "AvailableFunds", 50.0),
    "restricted": _risk(restricted=("SPY",)),
    "order value": _risk(max_order_value=50.0),
    "cap of the symbol": _risk(per_symbol_notional_cap=50.0),
    "gross exposure": _risk(max_gross_exposure=50.0),
    "position size": _risk(max_position_size_pct=0.001),
    "total at risk": _risk(max_total_at_risk_pct=0.001),
}


class Eager(Strategy):
    """Wants to enter at every bar."""

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        return cls(name, keys=keys)

    def warm_up_bars(self) -> int:
        return 1

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """It needs no past."""

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        return (proposal(strategy=self.name),)

    def why_not(self, key: str) -> Waiting:
        return Waiting(Reason.NO_SIGNAL, "waits")


async def _strategy_asks(here: Rig, gate: Callable[[Rig], None]) -> None:
    funded(here.desk, 1_000_000.0)
    _prices(99.99, 100.01)(here)
    eager = Running(
        strategy=Eager("ma", keys=("SPY",)),
        make=lambda keys: Eager("ma", keys=keys),
        kind="eager",
        timeframe="5s",
        bar_seconds=5,
        allow_short=True,
        holds_overnight=False,
        symbols=("SPY",),
    )
    trading = Trading(here.desk, executor=here.executor, running=(eager,), spawn=here.spawn)
    trading.assign(eager, ("SPY",))
    trading.warm_up(eager, "SPY", ())
    gate(here)
    trading.on_bar(Bar("SPY", TEN + timedelta(seconds=5), 100.0, 101.0, 99.0, 100.0, 10))


async def _a_person_asks(here: Rig, gate: Callable[[Rig], None]) -> None:
    funded(here.desk, 1_000_000.0)
    _prices(99.99, 100.01)(here)
    gate(here)
    # A brake of the strategy that asks: here that is the operator.
    its = [
        replace(b, name="operator") if b.scope is BrakeScope.STRATEGY else b for b in here.desk.brakes.brakes
    ]
    here.desk.brakes = BrakeSet(tuple(its))
    wish = OrderWish("BUY", stop=99.0)
    asked = Command("o1", CommandKind.ORDER, target="SPY", order=wish, confirmed=True)
    outcome = await acts_by_hand(here.desk, here.executor)[CommandKind.ORDER](asked)
    assert outcome.status is not OutcomeStatus.DONE


async def _its_rest_goes_at_market(here: Rig, gate: Callable[[Rig], None]) -> None:
    funded(here.desk, 1_000_000.0)
    _prices(99.99, 100.01)(here)
    working = await here.enter(100, filled=0)
    here.executor._last_look = here.desk.last_look
    gate(here)
    assert not await here.executor.convert(working.ref, here.spy)


@pytest.mark.req("247-NFR-SAFE", "REQ-E1", "REQ-DD1")
@virtual
@pytest.mark.parametrize(
    "path", [_strategy_asks, _a_person_asks, _its_rest_goes_at_market], ids=["strategy", "hand", "rest"]
)
@pytest.mark.parametrize("gate", GATES)
async def test_no_entry_reaches_the_broker_while_a_gate_is_shut(
    tmp_path: Path, gate: str, path: Callable[..., Any]
) -> None:
    async with rig(tmp_path) as here:
        before = 1 if path is _its_rest_goes_at_market else 0

        await path(here, GATES[gate])
        await pass_time(1)

        assert sum(h.intent.role is Role.ENTRY for h in here.broker.orders.values()) == before


@pytest.mark.req("247-NFR-SAFE")
@virtual
@pytest.mark.parametrize(("mode", "sent"), [(Mode.PAPER, 1), (Mode.DRY_RUN, 0)])
async def test_the_same_wish_passes_where_nothing_is_on_and_a_dry_run_sends_nothing(
    tmp_path: Path, mode: Mode, sent: int
) -> None:
    async with rig(tmp_path, mode=mode) as here:
        await _strategy_asks(here, lambda _: None)
        await pass_time(1)

        assert sum(h.intent.role is Role.ENTRY for h in here.broker.orders.values()) == sent


@pytest.mark.req("247-NFR-SAFE")
@virtual
async def test_the_rest_of_an_entry_goes_at_market_where_nothing_is_on(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        funded(here.desk, 1_000_000.0)
        _prices(99.99, 100.01)(here)
        working = await here.enter(100, filled=0)
        here.executor._last_look = here.desk.last_look

        assert await here.executor.convert(working.ref, here.spy)
