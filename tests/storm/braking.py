"""What a brake promises in figures: how soon it holds, is told and is carried out, and what its record says.

Whoever pulls it is the operator of the storm; from when on it counts is when the engine gets to hear of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.api import BrakeKind, Outcome, OutcomeStatus, Scope, ScopeKind
from engine.domain.order import OrderIntent, OrderState, Role
from engine.domain.reasons import Reason
from engine.execution.kill import NOT_FLAT
from engine.risk.brakes import BrakeLevel
from engine.store.brakes import StoredBrake
from tests.storm.held import Held

if TYPE_CHECKING:
    from tests.storm.invariants import Watch

HOLDS_S = 0.05
"""No proposal turns into an order later than this."""
ON_THE_WIRE_S = 1.0
"""What works and adds risk has its cancel on the wire by then."""
TOLD_S = 5.0
WORKING_S = 10.0
"""No order that adds risk works for longer, nor is it left to itself for longer after a refused cancel."""
DETECTED_S = 3.0
"""A kill file is acted on by then."""
TAKEN_BACK_S = 3.0
"""A proof of flat stands no longer than this beside a position that our books know of."""
SETTLED_S = 8.0
"""What was so for this long is in the answer of a broker whose lists are seconds apart."""
_LEAVING = (Role.EXIT, Role.FLATTEN)
_ALERTS = {BrakeKind.HALT: "halt", BrakeKind.KILL: "kill"}


@dataclass(slots=True)
class Pulled:
    """A brake that the engine was told of."""

    kind: BrakeKind
    scope: Scope
    at_s: float
    """Virtual seconds: when it was told."""
    is_told: bool = True
    """False until its alert was seen; a PAUSE has none, and one from the disk was told before."""

    def holds(self, strategy: str, key: str) -> bool:
        """True where it is about an order of `strategy` in `key`."""
        match self.scope.kind:
            case ScopeKind.ACCOUNT:
                return True
            case ScopeKind.STRATEGY:
                return self.scope.name == strategy
            case ScopeKind.SYMBOL:
                return self.scope.name == key


@dataclass(slots=True)
class Brakes:
    """The brakes that must be on, by what the operator did."""

    on: list[Pulled] = field(default_factory=list)
    releases: int = 0
    """How many were asked for so far."""
    lifting: list[Pulled] = field(default_factory=list)
    """Those whose release was asked for in this life of the engine: they may be on."""

    def pull(self, kind: BrakeKind, scope: Scope, now_s: float, *, is_told: bool = False) -> Pulled:
        """One is pulled; the second of a kind and scope is the first one still."""
        known = next((p for p in self.on if (p.kind, p.scope) == (kind, scope)), None)
        if known is None:
            known = Pulled(kind, scope, now_s, is_told or kind not in _ALERTS)
            self.on.append(known)
        return known

    def release(self, scope: Scope) -> list[Pulled]:
        """Those of exactly this scope promise nothing from now on; the answer is what they were."""
        gone = [p for p in self.on if p.scope == scope]
        self.lifting += gone
        self.forget(scope)
        return gone

    def forget(self, scope: Scope, *, asked_s: float = math.inf) -> None:
        """None of this scope is on, but a HALT or KILL that came after the release was asked for."""
        self.on = [p for p in self.on if p.scope != scope or (p.kind in _ALERTS and p.at_s > asked_s)]

    def stands_again(self, brakes: list[Pulled]) -> None:
        """A release that was refused changed nothing."""
        self.on += [b for b in brakes if all((p.kind, p.scope) != (b.kind, b.scope) for p in self.on)]

    def begin_anew(self, stored: tuple[StoredBrake, ...], now_s: float) -> None:
        """A next life: what the disk holds is on from its first moment."""
        self.on, self.lifting = [], []
        for brake in stored:
            scope = Scope(ScopeKind(brake.scope), brake.name)
            self.pull(BrakeKind[brake.kind], scope, now_s, is_told=True)

    def cancelling(self, held: Held) -> Pulled | None:
        """The first HALT or KILL that wants this order gone; None where none does."""
        if held.intent is None or held.role is not Role.ENTRY:
            return None
        strategy, key = held.intent.strategy, held.key
        strong = (p for p in self.on if p.kind in _ALERTS and p.holds(strategy, key))
        return min(strong, key=lambda p: p.at_s, default=None)


# --- where an order is handed over ------------------------------------------------------------------


def i30_no_proposal_after_a_brake(watch: Watch, intents: tuple[OrderIntent, ...]) -> Iterator[str]:
    """No entry is handed over 50 ms after a brake was pulled, stored or not."""
    storm = watch.storm
    for intent in intents:
        if intent.role is not Role.ENTRY:
            continue
        for pulled in storm.operator.brakes.on:
            late_s = storm.exchange.now_s - pulled.at_s
            if late_s > HOLDS_S and pulled.holds(intent.strategy, intent.key):
                late = f"{late_s * 1e3:.0f} ms after {pulled.kind.value} of {pulled.scope}"
                yield f"{intent.ref} is sent {late}"


def i37_nothing_else_is_closed(watch: Watch, intents: tuple[OrderIntent, ...]) -> Iterator[str]:
    """A KILL of a part leaves the rest alone."""
    brakes = watch.storm.operator.brakes
    kills = [p for p in (*brakes.on, *brakes.lifting) if p.kind is BrakeKind.KILL]
    for intent in intents:
        if intent.reason == Reason.KILLED and not any(p.holds(intent.strategy, intent.key) for p in kills):
            yield f"{intent.ref} closes what no KILL is about"


# --- after every event ------------------------------------------------------------------------------


def i31_cancels_leave_at_once(watch: Watch) -> Iterator[str]:
    """A second after a HALT or KILL the cancel of what works and adds risk is on the wire."""
    storm = watch.storm
    for held in storm.exchange.orders.values():
        pulled = storm.operator.brakes.cancelling(held) if held.is_working else None
        asked_s = watch.cancelled.get(held.ref, float("-inf"))
        waits = pulled is not None and storm.is_up and asked_s < pulled.at_s and _is_known(watch, held)
        lasts_s = watch.lasts_s(f"uncancelled {held.ref}", waits)
        if lasts_s > ON_THE_WIRE_S + _detour_s(watch) and pulled is not None:
            yield f"{held.ref} works, and no cancel left {lasts_s:.1f} s after {pulled.kind.value}"


def i32_nothing_that_adds_risk_is_left(watch: Watch) -> Iterator[str]:
    """Under a HALT or KILL no order that adds risk works for 10 s; one that cannot be cancelled is asked for
    again and again."""
    storm = watch.storm
    for held in storm.exchange.orders.values():
        pulled = storm.operator.brakes.cancelling(held) if held.is_working else None
        name = f"braked {held.ref} {watch.cancelled.get(held.ref)}"
        lasts_s = watch.lasts_s(name, pulled is not None and storm.is_up)
        if lasts_s > WORKING_S + _detour_s(watch) and pulled is not None and not watch.in_doubt(held.key):
            yield f"{held.ref} still works {lasts_s:.1f} s under {pulled.kind.value} of {pulled.scope}"


def i33_a_brake_is_told(watch: Watch) -> Iterator[str]:
    """The alert of a HALT or KILL stands within 5 s."""
    storm, desk = watch.storm, watch.storm.desk
    for pulled in storm.operator.brakes.on:
        if pulled.is_told or desk is None:
            continue
        pulled.is_told = any(alert.code == _ALERTS[pulled.kind] for alert in desk.notices.alerts)
        late_s = storm.exchange.now_s - pulled.at_s
        if not pulled.is_told and late_s > TOLD_S and storm.is_running:
            yield f"{pulled.kind.value} of {pulled.scope} is not told {late_s:.1f} s after it was pulled"


def i34_the_kill_file_is_seen(watch: Watch) -> Iterator[str]:
    """A kill file is a KILL within 3 s, in any state of the engine."""
    storm, desk = watch.storm, watch.storm.desk
    killed = desk is not None and desk.brakes.account_level() is BrakeLevel.KILL
    if killed and storm.kill_file.is_awaited:
        # Found and taken between two looks, it counts all the same.
        storm.kill_file.is_awaited = False
        storm.operator.killed_by_file()
    lasts_s = watch.lasts_s("kill file", storm.kill_file.is_there and not killed and storm.is_running)
    if lasts_s > DETECTED_S:
        yield f"a kill file is there for {lasts_s:.1f} s, and nothing is killed"


def i38_flat_stays_flat(watch: Watch) -> Iterator[str]:
    """What fills after a KILL has proven flat takes that proof back at once, while that KILL is on."""
    storm, desk = watch.storm, watch.storm.desk
    kills = () if desk is None else [b for b in desk.brakes.brakes if b.level is BrakeLevel.KILL]
    for key, quantity in storm.exchange.positions.items():
        known = desk is not None and desk.books.quantity(key) == quantity != 0
        claims = [b for b in kills if b.name in ("", key) and b.proof.startswith("PROVEN FLAT")]
        untold = known and bool(claims) and key not in storm.exchange.tampered
        lasts_s = watch.lasts_s(f"flat {key}", untold and storm.is_up)
        if lasts_s > TAKEN_BACK_S + _detour_s(watch):
            yield f"{quantity:+d} {key} is held for {lasts_s:.1f} s under a KILL that says {claims[0].proof}"


ALWAYS = (
    i31_cancels_leave_at_once,
    i32_nothing_that_adds_risk_is_left,
    i33_a_brake_is_told,
    i34_the_kill_file_is_seen,
    i38_flat_stays_flat,
)


# --- answers to a person ----------------------------------------------------------------------------


def i35_a_halt_leaves_the_stops(watch: Watch, outcome: Outcome, *, asked_s: float) -> Iterator[str]:
    """Where a HALT says that stops stay, it took none away from a position that nobody closes."""
    engine, exchange = watch.storm.engine, watch.storm.exchange
    if engine is None or outcome.status is not OutcomeStatus.DONE:
        return
    moved = _traded_since(watch, asked_s)
    for key, quantity in exchange.positions.items():
        mine = [h for h in exchange.orders.values() if h.key == key and h.is_ours]
        covered = any(h.role is Role.STOP and h.is_open for h in mine)
        leaving = any(h.role in _LEAVING and (h.is_open or _came_after(watch, h, asked_s)) for h in mine)
        known = engine.parts.desk.books.quantity(key) == quantity != 0 and key not in moved
        if not known or covered or leaving or engine.parts.kill_switch._executor.lock(key).locked():
            continue
        taken = [h.ref for h in mine if h.role is Role.STOP and watch.cancelled.get(h.ref, -1.0) >= asked_s]
        if taken:
            yield f"{outcome.text}, but {taken[-1]} was cancelled and {quantity:+d} {key} has no stop"


def i36_a_record_names_what_is_left(watch: Watch, outcome: Outcome) -> Iterator[str]:
    """NOT FLAT names every position and order of ours that the broker has had for a while."""
    exchange, text = watch.storm.exchange, outcome.text
    if not text.startswith(NOT_FLAT):
        return
    since_s = exchange.now_s - SETTLED_S
    moved = _traded_since(watch, since_s)
    for key, quantity in exchange.positions.items():
        if quantity and key not in moved and key not in exchange.tampered and key not in text:
            yield f"{text}, and does not name {quantity:+d} {key}"
    for held in exchange.orders.values():
        is_old = watch.first_seen_s.get(held.ref, exchange.now_s) < since_s
        named = f"permId {held.perm_id})" in text or held.ref in text
        if held.is_ours and held.is_working and is_old and not named and held.key not in exchange.tampered:
            yield f"{text}, and does not name {held.ref}"


# --- helpers ----------------------------------------------------------------------------------------


def _is_known(watch: Watch, held: Held) -> bool:
    """The books have it as an order that can be cancelled."""
    desk = watch.storm.desk
    order = None if desk is None else desk.books.order(held.ref)
    return order is not None and not order.state.is_done and order.state is not OrderState.UNKNOWN


def _detour_s(watch: Watch) -> float:
    """What our own queue and a slow disk may cost."""
    weather = watch.storm.weather
    return 2.0 * (weather.queued > 0) + 3.0 * (weather.slow_disk > 0)


def _traded_since(watch: Watch, moment_s: float) -> set[str]:
    """Keys whose position is another one since then."""
    exchange = watch.storm.exchange
    begin = exchange.now() - timedelta(seconds=exchange.now_s - moment_s)
    return {e.fill.key for e in exchange.executions if e.fill.at >= begin}


def _came_after(watch: Watch, held: Held, moment_s: float) -> bool:
    """It reached the exchange after this moment."""
    return watch.first_seen_s.get(held.ref, watch.storm.exchange.now_s) >= moment_s
