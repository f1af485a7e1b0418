"""Planted bugs of the brakes: pulled, kept, carried out, gone on with and lifted in a wrong way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from engine.execution.executor import Executor
from engine.execution.kill import NOT_FLAT, KillSwitch, Reach
from engine.risk.brakes import Brake, BrakeScope, BrakeSet, LiftVerdict
from engine.runtime import assembly
from engine.runtime import brakes as brakes_module
from engine.runtime.brakes import BrakeDesk
from engine.runtime.braking import kills as kills_module
from engine.runtime.braking import reach as reach_module
from engine.runtime.braking.kills import KillDesk
from engine.runtime.desk import Desk
from engine.runtime.upkeep import Upkeep
from engine.store.store import Store
from tests.storm.put import Put, nothing, true


def parts_not_held(put: Put) -> None:
    """A brake of a strategy or a symbol holds nothing."""
    put.over(Brake, "holds", lambda self, **_: self.scope is BrakeScope.ACCOUNT)


def a_new_brake_hides_the_others(put: Put) -> None:
    """There is one brake at a time: the last one."""
    put.over(BrakeSet, "with_", lambda _, brake: BrakeSet((brake,)))


def lifted_in_memory_only(put: Put) -> None:
    """A brake that is lifted stays on the disk."""
    put.over(Store, "clear_brake", true)


def lifted_whatever_is_left(put: Put) -> None:
    """Nobody asks what a KILL left open."""
    put.over(brakes_module, "may_lift", lambda *_, **__: LiftVerdict.YES)


def lifting_one_lifts_all(put: Put) -> None:
    """Releasing one strategy releases the account."""

    def without(self: BrakeSet, brake_ids: Any) -> BrakeSet:
        before(self, brake_ids)
        return BrakeSet()

    before = put.over(BrakeSet, "without", without)


def brake_after_the_gate_is_too_late(put: Put) -> None:
    """What passed the gate goes out, whatever was pulled meanwhile."""

    def may_enter(self: Desk, strategy: str, key: str) -> Any:
        brakes, self.brakes = self.brakes, BrakeSet()
        try:
            return before(self, strategy, key)
        finally:
            self.brakes = brakes

    before = put.over(Desk, "may_enter", may_enter)
    put.over(Desk, "last_look", lambda *_: None)


def pulled_once_it_is_stored(put: Put) -> None:
    """A brake is in force when the disk has answered, not when it is pulled; what is wanted twice is not."""

    async def pull(self: BrakeDesk, *args: Any, **more: Any) -> Brake:
        was = self._desk.brakes
        brake = await before(self, *args, **more)
        self._desk.brakes = was
        return brake

    before = put.over(BrakeDesk, "pull", pull)


def the_wrong_reach(put: Put) -> None:
    """A HALT of the account cancels the orders of nobody."""
    for place in (kills_module, reach_module):
        put.over(place, "reach_of", lambda _: Reach(strategy="nobody"))


def cut_short_is_over(put: Put) -> None:
    """A KILL that a crash or a lost line cut short is never gone on with."""
    put.over(KillDesk, "finish", lambda _: None)


def no_record_is_good_enough(put: Put) -> None:
    """A KILL without a record counts as flat after a restart."""
    put.over(brakes_module, "is_flat", lambda _: True)


def asked_once(put: Put) -> None:
    """What refuses its cancel, or surfaces under a brake, is nobody's business any more."""

    async def once(self: KillSwitch, reach: Reach) -> tuple[str, ...]:
        working = tuple(o.intent.ref for o in self.risky(reach))
        await self._executor.cancel_all(working)
        return ()

    put.over(KillDesk, "_sweep", lambda *_: None)
    put.over(KillSwitch, "cancel_risk", once)


def a_halt_takes_the_stops(put: Put) -> None:
    """A HALT cancels everything that works, protective stops too."""

    def risky(self: KillSwitch, reach: Reach) -> tuple[Any, ...]:
        return tuple(o for o in self._books.open_orders() if reach.order(o))

    put.over(KillSwitch, "risky", risky)


def closed_without_a_look_at_the_stop(put: Put) -> None:
    """A KILL believes its own books: what the broker still holds is not asked."""
    put.over(KillSwitch, "_positions_left", lambda *_: ())
    put.over(KillSwitch, "_orders_left", lambda *_, **__: ())
    put.over(KillSwitch, "_unproven", lambda *_: ())
    put.over(KillSwitch, "_watch_refills", nothing)


def a_lost_line_is_flat(put: Put) -> None:
    """Without a line nothing is known to be left, and that is called flat."""

    def unreached(self: KillSwitch, *_: Any) -> Any:
        return replace(before(self, *_), flat=True, text="PROVEN FLAT, as far as we know")

    before = put.over(KillSwitch, "_unreached", unreached)


def exits_wait_for_the_brake(put: Put) -> None:
    """A brake holds exits as well: nothing is closed under a KILL."""

    async def close(self: Executor, *args: Any, **more: Any) -> Any:
        if more.get("role") is not None and self._may_enter("", args[0]) is not None:
            raise RuntimeError("a brake is on")
        return await before(self, *args, **more)

    before = put.over(Executor, "close", close)


def told_when_it_has_ended(put: Put) -> None:
    """People hear of a KILL when it has its proof, of a HALT never."""
    put.over(BrakeDesk, "_tell", lambda *_: None)


def cancels_after_a_pause(put: Put) -> None:
    """First whatever else there is to do, then the cancels."""

    async def late(self: KillSwitch, reach: Reach) -> Any:
        await asyncio.sleep(4.0)
        return await before(self, reach)

    before = put.over(KillSwitch, "_cancel_until_none", late)


def not_flat_and_no_names(put: Put) -> None:
    """The record says that something is left, and not what."""

    async def prove(self: KillSwitch, *args: Any, **more: Any) -> Any:
        proof = await before(self, *args, **more)
        return proof if proof.flat else replace(proof, text=f"{NOT_FLAT} something is left")

    before = put.over(KillSwitch, "_prove", prove)


def kill_file_at_boot_only(put: Put) -> None:
    """Nobody looks for the kill file once the engine runs."""

    async def begin(self: Upkeep) -> None:
        await before(self)
        self._look_for_kill_file = nothing  # type: ignore[assignment,method-assign]  # that is the bug

    before = put.over(Upkeep, "begin", begin)


def parts_forgotten_by_a_restart(put: Put) -> None:
    """Only a brake of the account survives."""

    def account_only(given: Any) -> Any:
        made = before(given)
        made.brakes = BrakeSet(tuple(b for b in made.brakes.brakes if b.scope is BrakeScope.ACCOUNT))
        return made

    before = put.over(assembly, "_desk", account_only)


def late_fills_after_the_proof(put: Put) -> None:
    """What fills after a KILL has proven flat is nobody's business."""
    put.over(KillDesk, "_filled_late", lambda *_: "")


def a_part_takes_the_whole(put: Put) -> None:
    """A KILL of one symbol or strategy closes everything."""
    for place in (kills_module, reach_module):
        put.over(place, "reach_of", lambda _: Reach())


def not_stored_is_not_on(put: Put) -> None:
    """A brake that no disk takes is let go of again."""

    def not_stored(self: BrakeDesk, brake: Brake) -> None:
        before(self, brake)
        self._desk.brakes = self._desk.brakes.without(frozenset({brake.brake_id}))

    before = put.over(BrakeDesk, "_not_stored", not_stored)


BRAKES = (
    parts_not_held,
    a_new_brake_hides_the_others,
    lifted_in_memory_only,
    lifted_whatever_is_left,
    lifting_one_lifts_all,
    brake_after_the_gate_is_too_late,
    pulled_once_it_is_stored,
    the_wrong_reach,
    cut_short_is_over,
    no_record_is_good_enough,
    asked_once,
    a_halt_takes_the_stops,
    closed_without_a_look_at_the_stop,
    a_lost_line_is_flat,
    exits_wait_for_the_brake,
    told_when_it_has_ended,
    cancels_after_a_pause,
    not_flat_and_no_names,
    kill_file_at_boot_only,
    parts_forgotten_by_a_restart,
    late_fills_after_the_proof,
    a_part_takes_the_whole,
    not_stored_is_not_on,
)
