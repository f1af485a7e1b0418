"""Pulling and lifting brakes: durable first, then in force (in force first where the store is down)."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Protocol

from engine.api import BrakeKind, Command, EngineState, Level, Outcome, OutcomeStatus, Scope, ScopeKind
from engine.broker.port import LinkState
from engine.domain.reasons import Reason
from engine.execution.kill import NOT_FLAT, NOT_PROVEN
from engine.risk.brakes import Brake, BrakeLevel, BrakeScope, LiftVerdict, may_lift
from engine.runtime.desk import Desk
from engine.store.brakes import StoredBrake, set_at_open
from engine.store.errors import StoreError


class BrakeStore(Protocol):
    """Where brakes outlive the process."""

    async def put_brake(
        self, *, kind: str, scope: str, name: str, reason: str, who: str, at: datetime
    ) -> bool:
        """Make one brake durable; False where it waits in memory because the disk does not take it."""
        ...

    async def clear_brake(
        self, *, kind: str, scope: str, name: str, who: str, reason: str, at: datetime
    ) -> bool:
        """Mark one brake as lifted; raises StoreError."""
        ...

    async def set_proof(self, proof: str, *, kind: str, scope: str, name: str) -> bool:
        """Write what a KILL proved; False where it waits in memory."""
        ...

    async def run_or_keep(self, function: Callable[[sqlite3.Connection], object]) -> bool:
        """Write a record; False where it waits in memory."""
        ...


def restored(stored: StoredBrake) -> Brake:
    """A brake as it was left. A KILL without a finished record is not flat until proven."""
    level = BrakeLevel[stored.kind]
    return Brake(
        brake_id=str(stored.brake_id),
        level=level,
        scope=BrakeScope(stored.scope),
        name=stored.name,
        reason=stored.reason,
        who=stored.who,
        at=stored.at,
        proof=stored.proof,
        not_flat=level is BrakeLevel.KILL and not is_flat(stored.proof),
        at_open=stored.at_open,
    )


def is_flat(proof: str) -> bool:
    """Whether the record of a KILL ended well. None yet has not; `NOT FLATTENED` is what was asked for."""
    return bool(proof) and not proof.startswith((NOT_PROVEN, f"{NOT_FLAT} "))


_WORDS = {
    LiftVerdict.NOTHING: "nothing is on",
    LiftVerdict.NEEDS_REASON: "lifting a brake needs a reason",
    LiftVerdict.NEEDS_ACCOUNT: "after a HALT or KILL the account id must be typed",
    LiftVerdict.NOT_FLAT: "the KILL has not proven flat: settle what it names, then flatten again",
    LiftVerdict.PULLED_SINCE: "a HALT or KILL came on after the release was asked for: look, then ask again",
    LiftVerdict.UNKNOWN: "the fate of an order is unknown: settle it first",
}


def unreachable(desk: Desk) -> str:
    """Why nothing can be sent to the broker now, for people; empty while the line is up."""
    return (
        "" if desk.link is LinkState.UP else f"the line to the broker is {desk.link.value.replace('_', ' ')}"
    )


def wrong_scope(desk: Desk, scope: Scope) -> str:
    """Why a brake of this scope would hold nothing; empty where it holds something.

    While the instruments are not all described a symbol gets the benefit of the doubt.
    """
    match scope.kind:
        case ScopeKind.STRATEGY:
            known = set(desk.config.strategies)
        case ScopeKind.SYMBOL if desk.state not in {EngineState.BOOTING, EngineState.RECONCILING}:
            held = {position.key for position in desk.books.positions()}
            working = {order.intent.key for order in desk.books.open_orders()}
            known = {*desk.instruments, *held, *working}
        case _:
            return ""
    if scope.name in known or not known:
        return ""
    return f"there is no {scope} here, nothing was changed; there are: {', '.join(sorted(known))}"


class BrakeDesk:
    """The only writer of `desk.brakes`."""

    def __init__(self, desk: Desk, *, store: BrakeStore, new_id: Callable[[], str]) -> None:
        self._desk = desk
        self._store = store
        self._new_id = new_id
        self._turn = asyncio.Lock()
        """Store and memory change together: a pull that meets a lift must win in both."""
        self._wanted_again: set[str] = set()
        """Ids of brakes that were pulled once more while they were on."""
        self._pulled_s: dict[tuple[BrakeLevel, BrakeScope, str], float] = {}
        """When each HALT and KILL was last pulled in this run."""

    async def pull(self, kind: BrakeKind, scope: Scope, *, reason: str, who: str) -> Brake:
        """Put a brake on. In force at once; durable when this returns (or NOT STORED is alerted)."""
        brake = Brake(
            brake_id=self._new_id(),
            level=BrakeLevel[kind.name],
            scope=BrakeScope(scope.kind.value),
            name=scope.name,
            reason=reason or "operator",
            who=who,
            at=self._desk.now(),
            # Until it has proven the opposite: nobody may lift a KILL that is still at work.
            not_flat=kind is BrakeKind.KILL,
        )
        if brake.level >= BrakeLevel.HALT:
            self._pulled_s[brake.level, brake.scope, brake.name] = self._desk.clock.monotonic()
        # In force before it is durable: the other way round an entry could slip through the commit.
        self._put_on(brake)
        self._tell(brake)
        async with self._turn:
            # Again: whoever lifted it while we waited did not know of this pull.
            standing = self._put_on(brake)
            if standing.brake_id != brake.brake_id:
                self._wanted_again.add(standing.brake_id)
            await self._put(standing)
        text = f"{kind.value} of {scope} by {who}: {standing.reason}"
        self._desk.notices.event(Level.WARNING, "brake", text, symbol=scope.name)
        return standing

    def _put_on(self, brake: Brake) -> Brake:
        """The brake that is on for this pull. A KILL that stood already works again: its proof is over."""
        self._desk.brakes = self._desk.brakes.with_(brake)
        standing = self._standing(brake)
        if brake.not_flat and not standing.not_flat:
            self._desk.brakes = self._desk.brakes.reopened(standing.brake_id)
            standing = self._standing(brake)
        return standing

    def _tell(self, brake: Brake) -> None:
        """At once, not when the disk has answered: people hear of a HALT and a KILL while it is at work."""
        if brake.level is BrakeLevel.PAUSE:
            return
        notices, symbol = self._desk.notices, symbol_of(brake)
        if brake.level is BrakeLevel.KILL:
            notices.raise_alert(Level.CRITICAL, "kill", told(brake, "cancelling and closing"), symbol=symbol)
        else:
            notices.raise_alert(Level.ERROR, "halt", told(brake, "cancelling what adds risk"), symbol=symbol)

    async def wait_for_open(self, brake: Brake, *, who: str) -> None:
        """Remember, over restarts, who wants the rest of a KILL closed at the open; empty: nobody."""
        self._desk.brakes = self._desk.brakes.waiting_for_open(brake.brake_id, who=who)
        write = partial(
            set_at_open, asked_by=who, kind=brake.level.name, scope=brake.scope.value, name=brake.name
        )
        if not await self._store.run_or_keep(write):
            self._not_stored(brake)

    def _standing(self, brake: Brake) -> Brake:
        found = self._desk.brakes.find(level=brake.level, scope=brake.scope, name=brake.name)
        return brake if found is None else found

    async def prove(self, brake: Brake, *, proof: str, not_flat: bool) -> None:
        """Write a KILL's record and tell it: CRITICAL while something of ours is left."""
        level = Level.CRITICAL if not_flat else Level.WARNING
        text = f"KILL of {brake.scope.value} {brake.name}".rstrip() + f": {proof}"
        self._desk.notices.raise_alert(level, "kill", text, symbol=symbol_of(brake))
        self._desk.brakes = self._desk.brakes.proven(brake.brake_id, proof=proof, not_flat=not_flat)
        stored = await self._store.set_proof(
            proof, kind=brake.level.name, scope=brake.scope.value, name=brake.name
        )
        if not stored:
            self._not_stored(brake)

    async def lift(self, command: Command) -> Outcome:
        """Lift every brake of exactly this scope, if a person may."""
        async with self._turn:
            return await self._lift(command)

    async def lift_own(self, brake: Brake, command: Command) -> bool:
        """Lift one brake that the engine set itself. False where it is not flat or somebody else wants it."""
        async with self._turn:
            found = self._standing(brake)
            if found.not_flat or found.brake_id in self._wanted_again or found.who != command.who:
                return False
            try:
                await self._clear(found, command)
            except StoreError:
                return False
            self._desk.brakes = self._desk.brakes.without(frozenset({found.brake_id}))
            self._desk.notices.clear_alert("kill", symbol=symbol_of(found))
            return True

    async def _lift(self, command: Command) -> Outcome:
        desk = self._desk
        scope = BrakeScope(command.scope.kind.value)
        held = desk.brakes.of_scope(scope=scope, name=command.scope.name)
        verdict = may_lift(
            held,
            reason=command.reason,
            typed_account=command.typed,
            account=desk.account,
            unknown_orders=desk.books.unknown_orders(),
            pulled_since=self._pulled_since(held, command),
        )
        if verdict is not LiftVerdict.YES:
            text = f"{command.scope} was not resumed: {_WORDS[verdict]}"
            return Outcome(command.command_id, OutcomeStatus.REFUSED, verdict.value, text)
        for brake in held:
            try:
                await self._clear(brake, command)
            except StoreError as err:
                # A brake that the store still holds would come back at the next start: keep it on.
                text = f"{command.scope} stays {brake.level.name}: the store cannot write ({err})"
                return Outcome(command.command_id, OutcomeStatus.FAILED, Reason.STORE_DOWN.value, text)
            desk.brakes = desk.brakes.without(frozenset({brake.brake_id}))
        names = ", ".join(b.level.name for b in held)
        for code in ("halt", "kill"):
            desk.notices.clear_alert(code, symbol=symbol_of(held[-1]))
        return Outcome(command.command_id, OutcomeStatus.DONE, "", f"{names} of {command.scope} lifted")

    def _pulled_since(self, held: tuple[Brake, ...], command: Command) -> bool:
        """Whether one of these was pulled after the release was asked for, while both waited in an engine
        that hung: whoever asked has not seen it, and an older wish must not lift a newer KILL.
        """
        asked_s = command.asked_s
        pulled = (self._pulled_s.get((b.level, b.scope, b.name), -math.inf) for b in held)
        return asked_s is not None and any(at_s > asked_s for at_s in pulled)

    async def _clear(self, brake: Brake, command: Command) -> None:
        await self._store.clear_brake(
            kind=brake.level.name,
            scope=brake.scope.value,
            name=brake.name,
            who=command.who,
            reason=command.reason,
            at=self._desk.now(),
        )

    async def _put(self, brake: Brake) -> None:
        stored = await self._store.put_brake(
            kind=brake.level.name,
            scope=brake.scope.value,
            name=brake.name,
            reason=brake.reason,
            who=brake.who,
            at=brake.at,
        )
        if not stored:
            self._not_stored(brake)

    def _not_stored(self, brake: Brake) -> None:
        text = f"NOT STORED: {brake.level.name} is in force, but the store cannot write it yet"
        self._desk.notices.raise_alert(Level.CRITICAL, "not_stored", text)


def symbol_of(brake: Brake) -> str:
    """What its alerts are about: its symbol, or nothing in particular."""
    return brake.name if brake.scope is BrakeScope.SYMBOL else ""


def told(brake: Brake, state: str) -> str:
    """A brake in an alert. How far it is comes before who and why: a narrow screen cuts the end."""
    name = f"{brake.level.name} of {brake.scope.value} {brake.name}".rstrip()
    return f"{name}: {state}; by {brake.who}: {brake.reason}"
