"""Puts the brakes of one engine together: the switch, the desk that keeps them, who carries them out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from engine.execution.executor import Executor
from engine.execution.far_orders import FarOrders
from engine.execution.kill import KillSwitch
from engine.execution.refs import RefMaker
from engine.execution.sender import Sender
from engine.runtime.brakes import BrakeDesk, unreachable
from engine.runtime.braking.dead_man import DeadMan
from engine.runtime.braking.drill import Drill
from engine.runtime.braking.kills import KillDesk
from engine.runtime.desk import Desk
from engine.runtime.modes.evidence import EvidenceBook
from engine.runtime.reconcile.state import RecoveryState

if TYPE_CHECKING:
    from engine.runtime.assembly import Given

CONFIRM_S = 3.0
"""Real seconds that the broker may take to answer for a test order."""


class Braking(NamedTuple):
    """The parts that the engine calls."""

    kill_switch: KillSwitch
    brakes: BrakeDesk
    kills: KillDesk
    drill: Drill
    dead_man: DeadMan

    def chores(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Steps of every round, by name."""
        return {"brakes": self.kills.round, "dead man": self.dead_man.round}


def braking_of(
    given: Given,
    desk: Desk,
    executor: Executor,
    recovery: RecoveryState,
    refs: RefMaker,
    *,
    spawn: Callable[[str, Callable[[], object]], None],
    urge: Callable[[], None],
) -> Braking:
    """Each part with what it needs."""
    kill = given.loaded.config.kill
    switch = KillSwitch(
        executor=executor,
        books=desk.books,
        instruments=desk.instruments,
        ask_broker=given.broker.state,
        now=desk.now,
        cancel_s=kill.cancel_s,
        watch_s=kill.refill_watch_s,
        spared=recovery.spared,
        unreachable=partial(unreachable, desk),
        cancel_everything=given.broker.cancel_everything,
    )
    brakes = BrakeDesk(desk, store=given.store, new_id=refs.new_id)
    kills = KillDesk(desk, brakes=brakes, kill_switch=switch, executor=executor, spawn=spawn, urge=urge)
    drill = _drill(given, desk, executor, refs, kills, brakes)
    return Braking(switch, brakes, kills, drill, DeadMan(desk, brakes=brakes))


def _drill(
    given: Given, desk: Desk, executor: Executor, refs: RefMaker, kills: KillDesk, brakes: BrakeDesk
) -> Drill:
    sender = Sender(
        broker=given.broker, books=desk.books, now=desk.now, preview=desk.preview, confirm_s=CONFIRM_S
    )
    orders = FarOrders(sender, books=desk.books, refs=refs, now=desk.now, may_enter=desk.may_enter)
    book = EvidenceBook(desk, given.store, given.options.version, given.loaded.config.rules_fingerprint)
    return Drill(desk, orders=orders, executor=executor, kills=kills, brakes=brakes, record=book.record_drill)
