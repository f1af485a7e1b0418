"""Planted bugs of what protects: stops, exits, brakes, the gate, the memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from engine.broker.port import LinkState
from engine.domain.order import OrderState, Role
from engine.execution import kill as kill_module
from engine.execution import protector as protector_module
from engine.execution.executor import Executor
from engine.execution.kill import KillSwitch, Proof
from engine.execution.protection import AddStop
from engine.execution.sender import Sender
from engine.risk.brakes import BrakeSet
from engine.risk.exposure import NO_EXPOSURE, NOTHING_COMMITTED
from engine.runtime import assembly
from engine.runtime.desk import Desk
from engine.runtime.guards.stops import StopKeeper
from engine.runtime.line import Line
from engine.runtime.reconcile.account import AccountDesk
from engine.runtime.trading import Trading
from engine.store import fills, positions
from engine.store.store import Store
from tests.storm.put import Put, nothing, true

# --- stops and exits --------------------------------------------------------------------------------


def nobody_looks_after_stops(put: Put) -> None:
    """What happens to stops after the entry is nobody's business."""
    put.over(StopKeeper, "round", lambda _: None)


def stop_for_the_full_entry(put: Put) -> None:
    """A new stop covers what was entered, not what is left."""

    def plan(key: str, *, position: int, orders: Any, **more: Any) -> Any:
        steps = before(key, position=position, orders=orders, **more)
        return tuple(s._replace(quantity=2 * s.quantity) if isinstance(s, AddStop) else s for s in steps)

    before = put.over(protector_module, "plan_protection", plan)


def stop_not_resized(put: Put) -> None:
    """A change of a stop is believed and never sent."""
    put.over(Sender, "change", true)


def exits_not_counted(put: Put) -> None:
    """A stop is added although an exit is out."""

    def plan(key: str, *, position: int, orders: Any, **more: Any) -> Any:
        rest = [o for o in orders if o.intent.role not in (Role.EXIT, Role.FLATTEN)]
        return before(key, position=position, orders=rest, **more)

    before = put.over(protector_module, "plan_protection", plan)


def unknown_exits_waited_for(put: Put) -> None:
    """No stop is placed beside an exit, however long nobody knows what became of it."""

    def plan(key: str, *, position: int, orders: Any, **more: Any) -> Any:
        if any(o.state is OrderState.UNKNOWN for o in orders):
            return ()
        return before(key, position=position, orders=orders, **{**more, "overdue": frozenset()})

    before = put.over(protector_module, "plan_protection", plan)


def stop_outside_the_group(put: Put) -> None:
    """The stop beside an exit is sent without its group: both may fill."""

    def plan(key: str, *, position: int, orders: Any, **more: Any) -> Any:
        steps = before(key, position=position, orders=orders, **more)
        return tuple(s._replace(oca_group="") if isinstance(s, AddStop) else s for s in steps)

    before = put.over(protector_module, "plan_protection", plan)


def closed_beside_its_stop(put: Put) -> None:
    """A position is closed while its stop works on."""

    def init(self: Executor, **parts: Any) -> None:
        before(self, **parts)
        self.cancel_all = nothing

    before = put.over(Executor, "__init__", init)


def cancel_not_awaited(put: Put) -> None:
    """Having asked for a cancel counts as its proof."""

    async def hasty(self: Sender, ref: str) -> bool:
        order = self._books.order(ref)
        if order is not None and not order.state.is_done:
            await self._ask_cancel(order)
        return True

    put.over(Sender, "cancel", hasty)


def no_turns(put: Put) -> None:
    """Acts on one instrument overlap."""
    put.over(Executor, "lock", lambda *_: asyncio.Lock())


def stop_on_the_wrong_side(put: Put) -> None:
    """A new stop adds to the position."""

    def plan(key: str, *, position: int, orders: Any, **more: Any) -> Any:
        steps = before(key, position=position, orders=orders, **more)
        return tuple(s._replace(side=s.side.opposite) if isinstance(s, AddStop) else s for s in steps)

    before = put.over(protector_module, "plan_protection", plan)


# --- brakes -----------------------------------------------------------------------------------------


def halt_not_persisted(put: Put) -> None:
    """A brake lives in memory."""
    put.over(Store, "put_brake", true)


def brakes_not_restored(put: Put) -> None:
    """A brake on the disk is not in force after a restart."""

    def released(given: Any) -> Any:
        made = before(given)
        made.brakes = BrakeSet()
        return made

    before = put.over(assembly, "_desk", released)


def brakes_ignored(put: Put) -> None:
    """The gate does not ask the brakes."""
    put.over(BrakeSet, "blocking", lambda *_, **__: None)


def halt_cancels_nothing(put: Put) -> None:
    """A halt leaves entries working."""

    async def leave(*_: Any) -> tuple[()]:
        await asyncio.sleep(0.1)
        return ()

    put.over(KillSwitch, "cancel_risk", leave)


def flat_without_proof(put: Put) -> None:
    """A KILL says that it is flat."""

    async def claim(*_: Any, **__: Any) -> Proof:
        return Proof(True, "PROVEN FLAT", ())

    put.over(KillSwitch, "_prove", claim)
    put.over(KillSwitch, "flatten", nothing)


# --- when entries may go ----------------------------------------------------------------------------


def entries_in_any_state(put: Put) -> None:
    """Nobody asks whether the engine is ready."""
    put.over(Desk, "entry_block", lambda _: None)


def no_comparing(put: Put) -> None:
    """A new line is taken for a true picture."""
    put.over(AccountDesk, "compare", true)


def restored_uplink_is_enough(put: Put) -> None:
    """After 1101 and 1102 nothing is compared."""

    def on_link(self: Line, event: Any) -> None:
        again = self._again
        before(self, event)
        if event.state is LinkState.UP and event.code:
            self._again = again

    before = put.over(Line, "on_link", on_link)


def one_position_too_many(put: Put) -> None:
    """The number of positions is not limited."""

    def limits(self: Desk) -> Any:
        return replace(before(self), max_positions=99)

    before = put.over(Desk, "limits", limits)


def held_is_no_reason(put: Put) -> None:
    """It enters although it holds the instrument, or works an order there."""

    def world(self: Desk, proposal: Any, **more: Any) -> Any:
        here = before(self, proposal, **more)
        return replace(here, commitments=NOTHING_COMMITTED, exposure=NO_EXPOSURE)

    before = put.over(Desk, "gate_world", world)


# --- storing and lasting ----------------------------------------------------------------------------


def fills_not_stored(put: Put) -> None:
    """Executions are booked and not written."""
    put.over(fills, "upsert_fills", lambda *_, **__: None)


def positions_not_stored(put: Put) -> None:
    """Position rows are not written."""
    put.over(positions, "put_positions", lambda *_, **__: None)


def a_strategy_takes_all_along(put: Put) -> None:
    """A strategy that raises is nobody's to catch."""

    @contextlib.contextmanager
    def bare(self: Trading, running: Any, key: str) -> Iterator[None]:
        try:
            yield
        except Exception as err:
            for each in self.running:
                each.off = str(err)

    put.over(Trading, "_guarded", bare)


def no_watch_for_late_fills(put: Put) -> None:
    """A KILL does not wait for late fills, and asks nobody."""

    async def claim(*_: Any, **__: Any) -> Proof:
        return Proof(True, "PROVEN FLAT", ())

    put.over(kill_module.KillSwitch, "_watch_refills", nothing)
    put.over(kill_module.KillSwitch, "_prove", claim)


GUARD = (
    nobody_looks_after_stops,
    stop_for_the_full_entry,
    stop_not_resized,
    exits_not_counted,
    unknown_exits_waited_for,
    stop_outside_the_group,
    closed_beside_its_stop,
    cancel_not_awaited,
    no_turns,
    stop_on_the_wrong_side,
    halt_not_persisted,
    brakes_not_restored,
    brakes_ignored,
    halt_cancels_nothing,
    flat_without_proof,
    entries_in_any_state,
    no_comparing,
    restored_uplink_is_enough,
    one_position_too_many,
    held_is_no_reason,
    fills_not_stored,
    positions_not_stored,
    a_strategy_takes_all_along,
    no_watch_for_late_fills,
)
