"""Carries out HALT and KILL, and goes on with them: over lost lines, late orders, shut markets, restarts.

A brake is in force, durable and told before anything is cancelled. From then on every round looks whether
something stands that the brake does not let stand: until a person lifts it, it is never done.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from engine.api import BrakeKind, Command, EngineState, Level, Mode, Outcome, Scope
from engine.broker.port import LinkState
from engine.domain.order import Order, OrderState
from engine.domain.reasons import Reason
from engine.execution.executor import Executor
from engine.execution.hours import is_open
from engine.execution.kill import KillSwitch, Proof, Reach
from engine.risk.brakes import Brake, BrakeLevel, BrakeScope
from engine.runtime.brakes import BrakeDesk, unreachable
from engine.runtime.braking.halt_words import tell_halts
from engine.runtime.braking.reach import reach_of, reach_of_brake
from engine.runtime.desk import Desk
from engine.runtime.outcomes import done, failed, refused

ASK_AGAIN_S = 2.0
"""Real seconds after which a cancel that a brake wants is asked for again."""
OPEN_AGAIN_S = 30.0
"""Real seconds between two attempts to close at the open."""

FILL_TIMES = timedelta(seconds=1)
"""How coarse the broker's own times are."""


class KillDesk:
    """The acts of HALT and KILL, whoever asked: key, shell, file, limit, or an earlier life of the engine."""

    def __init__(
        self,
        desk: Desk,
        *,
        brakes: BrakeDesk,
        kill_switch: KillSwitch,
        executor: Executor,
        spawn: Callable[[str, Callable[[], object]], None],
        urge: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._brakes = brakes
        self._switch = kill_switch
        self._executor = executor
        self._spawn = spawn
        self._urge = urge
        self._asked_s: dict[str, float] = {}
        """Ref of an order that a brake wants gone -> when its cancel was last asked for."""
        self._opened_s: dict[str, float] = {}
        """Brake id -> when closing at the open was last tried."""

    # --- what people ask for --------------------------------------------------------------------

    async def halt(self, command: Command) -> Outcome:
        """Block, make it durable, cancel what adds risk."""
        await self._brakes.pull(BrakeKind.HALT, command.scope, reason=command.reason, who=command.who)
        self._urge()
        left = await self._switch.cancel_risk(reach_of(command.scope))
        tell_halts(self._desk, self._switch)
        if not left:
            text = f"{command.scope} is halted: no order that adds risk is working, stops stay"
            return done(command, text)
        if why := unreachable(self._desk):
            text = (
                f"{command.scope} is halted, but {why}: {len(left)} order(s) that add risk may work "
                "at the broker; they are cancelled when it is back"
            )
            return failed(command, Reason.LINK_DOWN.value, text, left)
        text = f"{command.scope} is halted, but {len(left)} cancel(s) could not be proven; asked for again"
        return failed(command, Reason.UNKNOWN_ORDER.value, text, left)

    async def kill(self, command: Command) -> Outcome:
        """The whole way. Without `confirmed` a kill is a halt: the word to flatten has not been given."""
        if not command.confirmed:
            return await self.halt(command)
        began_s = self._desk.clock.monotonic()
        brake = await self._brakes.pull(BrakeKind.KILL, command.scope, reason=command.reason, who=command.who)
        self._urge()
        durable_s = self._desk.clock.monotonic() - began_s
        proof = await self._carry_out(brake)
        lines = (*proof.lines, self._measured(began_s, durable_s, proof))
        if proof.flat:
            return done(command, proof.text, lines)
        code = Reason.SESSION_CLOSED if proof.shut else Reason.NOT_FLAT
        return failed(command, code.value, proof.text, lines)

    async def at_open(self, command: Command) -> Outcome:
        """Close at the open what a shut market keeps open (`target` is `yes`), or do not (`no`)."""
        wanted = command.target == "yes"
        brake = self._find(command.scope)
        if brake is None or not brake.not_flat:
            text = f"no KILL of {command.scope} left anything open: there is nothing to close at the open"
            return refused(command, Reason.NOTHING_TO_DO.value, text)
        await self._brakes.wait_for_open(brake, who=command.who if wanted else "")
        self._urge()
        if not wanted:
            return done(command, f"{command.scope}: nothing is closed at the open; stops stay")
        return done(command, f"{command.scope}: what is held is closed as soon as its market opens")

    # --- what happens by itself -----------------------------------------------------------------

    async def by_file(self, reason: str) -> None:
        """The kill file appeared: the whole way, no word asked."""
        brake = await self._brakes.pull(BrakeKind.KILL, Scope(), reason=reason, who="file")
        # At boot it goes on as soon as the broker can be asked.
        if self._desk.state is not EngineState.BOOTING:
            self._again("by file", brake)

    def finish(self) -> None:
        """A KILL that was cut short (crash, lost line) goes on where it can be acted on again."""
        for brake in self._desk.brakes.brakes:
            if brake.level is BrakeLevel.KILL and brake.not_flat:
                self._again("goes on", brake)

    async def round(self) -> None:
        """Once a second and after every change: nothing stands that a brake does not let stand."""
        tell_halts(self._desk, self._switch)
        if self._desk.link is not LinkState.UP or self._desk.mode is Mode.DRY_RUN:
            return
        strong = [b for b in self._desk.brakes.brakes if b.level >= BrakeLevel.HALT]
        self._sweep(strong)
        for brake in (b for b in strong if b.level is BrakeLevel.KILL):
            if self._switch.is_killing(reach_of_brake(brake)):
                continue
            if brake.at_open and brake.not_flat and self._has_opened(brake):
                self._again("at the open", brake)
            elif not brake.not_flat and (late := self._filled_late(brake)):
                text = f"KILL of {_named(brake)}: {late} filled after it was proven flat; it goes on"
                self._desk.notices.raise_alert(Level.CRITICAL, "kill", text)
                self._desk.brakes = self._desk.brakes.reopened(brake.brake_id)
                self._again("after a late fill", brake)

    def _sweep(self, strong: list[Brake]) -> None:
        """Cancel what surfaced late and what refused its cancel, again and again."""
        if not strong:
            self._asked_s.clear()
            return
        now_s = self._desk.clock.monotonic()
        reaches = [reach_of_brake(b) for b in strong]
        wanted = {o.intent.ref for reach in reaches for o in self._switch.risky(reach) if self._may_ask(o)}
        surfaced = self._surfaced(reaches)
        wanted |= surfaced
        self._asked_s = {ref: at_s for ref, at_s in self._asked_s.items() if ref in wanted}
        for ref in sorted(wanted):
            if now_s - self._asked_s.get(ref, float("-inf")) >= ASK_AGAIN_S:
                self._asked_s[ref] = now_s
                cancel = self._executor.cancel_surfaced if ref in surfaced else self._executor.cancel
                self._spawn(f"cancel {ref} under a brake", partial(cancel, ref))

    def _surfaced(self, reaches: list[Reach]) -> set[str]:
        """Entries that work at the broker after their end, which our books therefore call done."""
        orders = (self._desk.books.order(ref) for ref in self._desk.surfaced)
        return {
            o.intent.ref
            for o in orders
            if o is not None and o.intent.role.adds_risk and any(reach.order(o) for reach in reaches)
        }

    def _may_ask(self, order: Order) -> bool:
        """Not what is being cancelled, nor what is of unknown fate: that is asked for as it surfaces."""
        return order.state is not OrderState.UNKNOWN and not self._switch.is_cancelling(order)

    def _has_opened(self, brake: Brake) -> bool:
        reach, now = reach_of_brake(brake), self._desk.now()
        instruments = self._desk.instruments
        held = (p.key for p in self._desk.books.positions() if reach.position(p.key, p.owner))
        if not any(key in instruments and is_open(instruments[key], now) for key in held):
            return False
        now_s = self._desk.clock.monotonic()
        if now_s - self._opened_s.get(brake.brake_id, float("-inf")) < OPEN_AGAIN_S:
            return False
        self._opened_s[brake.brake_id] = now_s
        return True

    def _filled_late(self, brake: Brake) -> str:
        """The key of a position that an entry of ours opened after the KILL; empty where there is none."""
        if not self._desk.config.kill.flatten:
            return ""
        reach = reach_of_brake(brake)
        for position in self._desk.books.positions():
            if reach.position(position.key, position.owner) and self._entered_since(brake, position.key):
                return position.key
        return ""

    def _entered_since(self, brake: Brake, key: str) -> bool:
        since = brake.at - FILL_TIMES
        entries = (o for o in self._desk.books.orders() if o.intent.key == key and o.intent.role.adds_risk)
        return any(o.filled and o.updated_at is not None and o.updated_at >= since for o in entries)

    # --- inside ---------------------------------------------------------------------------------

    def _again(self, why: str, brake: Brake) -> None:
        self._spawn(f"kill {why}: {_named(brake)}", partial(self._carry_out, brake))

    async def _carry_out(self, brake: Brake) -> Proof:
        proof = await self._switch.kill(reach_of_brake(brake), flatten=self._desk.config.kill.flatten)
        text = proof.text
        if proof.shut and not brake.at_open:
            text += "; `cockpit kill --at-open` has it closed at the open"
        await self._brakes.prove(brake, proof=text, not_flat=not proof.flat)
        self._urge()
        return proof

    def _measured(self, began_s: float, durable_s: float, proof: Proof) -> str:
        """What this KILL took, for its record: each figure is real time since it was asked for."""
        total_s = self._desk.clock.monotonic() - began_s
        gone = "not proven" if proof.risk_gone_s is None else f"after {durable_s + proof.risk_gone_s:.2f} s"
        text = (
            f"measured: entries blocked and alert raised within {durable_s * 1000:.0f} ms (durable), "
            f"no order that adds risk {gone}, ended after {total_s:.1f} s"
        )
        self._desk.notices.event(Level.INFO, "kill", text)
        return text

    def _find(self, scope: Scope) -> Brake | None:
        return self._desk.brakes.find(
            level=BrakeLevel.KILL, scope=BrakeScope(scope.kind.value), name=scope.name
        )


def _named(brake: Brake) -> str:
    return f"{brake.scope.value} {brake.name}".rstrip()
