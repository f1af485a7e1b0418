"""What the engine believes and says, held against the broker: an end, a cover, a halt, a flat account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.api import CommandKind, EngineState, Outcome, OutcomeStatus
from engine.broker.port import LinkState
from engine.domain.order import OrderIntent, OrderState, Role
from engine.ledger.changes import Changes

if TYPE_CHECKING:
    from tests.storm.invariants import Watch

BEHIND_S = 15.0
"""The books may be behind the broker for this long while the line is up."""
SURFACED_S = 15.0
"""An order that surfaced after its end may work for this long."""
READY_S = 40.0
"""A line that is up and stays up has led to READY, or to a person, by then."""
_ENDS = frozenset({OrderState.CANCELLED, OrderState.REJECTED, OrderState.ABANDONED})
_LEAVING = frozenset({Role.EXIT, Role.FLATTEN})


# --- when something became durable ------------------------------------------------------------------


def i7_over_is_over(watch: Watch, changes: Changes) -> Iterator[str]:
    """No order is called cancelled, rejected or never sent while it works, or is on its way to the broker."""
    exchange = watch.storm.exchange
    for order in changes.orders:
        ref = order.intent.ref
        if order.state not in _ENDS or watch.last_state.get(ref, (None, 0))[0] is order.state:
            continue
        if ref in exchange.in_flight:
            yield f"{ref} is called {order.state.value} ({order.message}) while it is on its way"
        for held in exchange.orders.values():
            if held.ref == ref and held.is_open and not held.came_back:
                yield f"{ref} is called {order.state.value} ({order.message}), and is {held.status} there"


# --- after every event ------------------------------------------------------------------------------


def i6_books_follow(watch: Watch) -> Iterator[str]:
    """While the line is up, the books are not behind the broker for long, or the difference is shown."""
    storm = watch.storm
    desk = storm.desk
    for key, held in storm.exchange.positions.items():
        behind = desk is not None and storm.is_up and desk.books.quantity(key) != held
        if behind and desk is not None:
            behind = key not in {d.key for d in (*desk.differences, *desk.foreign)}
        lasts_s = watch.lasts_s(f"behind {key}", behind and key not in storm.exchange.tampered)
        if lasts_s > BEHIND_S + watch.slack_s() and desk is not None:
            ours = desk.books.quantity(key)
            yield f"{key}: the broker holds {held:+d}, the books say {ours:+d} for {lasts_s:.1f} s"


def i7_surfaced_are_cancelled(watch: Watch) -> Iterator[str]:
    """An order that works again after the broker called it cancelled does not work for long."""
    storm = watch.storm
    for held in storm.exchange.orders.values():
        # A cancel that the broker refuses is asked for again: what counts is how long it is left to itself.
        name = f"surfaced {held.ref} {watch.cancelled.get(held.ref)}"
        lasts_s = watch.lasts_s(name, held.came_back and held.is_working and storm.is_up)
        if lasts_s > SURFACED_S + watch.slack_s():
            yield f"{held.ref} came back and still works after {lasts_s:.1f} s"


def i27_ready_in_time(watch: Watch) -> Iterator[str]:
    """A line that is up leads to READY, or to a decision that is shown, within a while."""
    storm = watch.storm
    desk, broker = storm.desk, storm.broker
    up = broker is not None and broker.session is not None and broker.link is LinkState.UP
    waits = up and desk is not None and desk.state is EngineState.RECONCILING
    lasts_s = watch.lasts_s("not ready", waits)
    slack_s = 60.0 * (storm.weather.snapshot_fails > 0) + watch.slack_s()
    if lasts_s > READY_S + slack_s and desk is not None:
        yield f"the line is up, and the engine is {desk.state.value} for {lasts_s:.1f} s: {desk.block}"


# --- where an order is handed over ------------------------------------------------------------------


def i9_no_larger_than_held(watch: Watch, intents: tuple[OrderIntent, ...]) -> Iterator[str]:
    """A stop of its own covers no more than is held, and exits that are out together close no more."""
    desk = watch.storm.desk
    for intent in intents:
        if desk is None or intent.role is Role.ENTRY or intent.parent_ref:
            continue
        held = abs(desk.books.quantity(intent.key))
        out = intent.quantity
        if intent.role in _LEAVING:
            out = sum(o.remaining for o in desk.books.open_orders(intent.key) if o.intent.role in _LEAVING)
        if out > held:
            yield f"{intent.ref} is sent: {out} would close {held}"


# --- answers to a person ----------------------------------------------------------------------------


def i10_a_halt_is_true(watch: Watch, kind: CommandKind, outcome: Outcome) -> Iterator[str]:
    """Where a HALT says that nothing which adds risk works, no entry of ours works at the broker."""
    if kind is not CommandKind.HALT or outcome.status is not OutcomeStatus.DONE:
        return
    for held in watch.storm.exchange.orders.values():
        if held.role is Role.ENTRY and held.is_open and not held.came_back:
            yield f"{outcome.text}, but {held.ref} is {held.status} at the broker"


def i11_a_proof_is_true(watch: Watch, outcome: Outcome, *, took_s: float) -> Iterator[str]:
    """Where a KILL says PROVEN FLAT, the account holds nothing of ours and works nothing of ours, and
    it has watched for late fills as long as it was told to."""
    exchange, desk = watch.storm.exchange, watch.storm.desk
    text = outcome.text
    if not text.startswith("PROVEN FLAT"):
        return
    if held := {key: q for key, q in exchange.positions.items() if q and key not in exchange.tampered}:
        yield f"{text}, but {held} is held"
    if working := [h.ref for h in exchange.orders.values() if h.is_ours and h.is_open and not h.came_back]:
        yield f"{text}, but {working} still work"
    if desk is not None and took_s < desk.config.kill.refill_watch_s:
        yield f"{text}, {took_s:.1f} s after it was asked for"
