"""What must hold once the faults are over and the engine has had its time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from engine.api import EngineState
from engine.domain.fill import execution_base
from engine.domain.order import OrderState, Role
from engine.ledger.ledger import Ledger
from engine.risk.brakes import BrakeLevel, BrakeScope
from engine.runtime.braking.reach import reach_of_brake
from engine.store import operations
from engine.store.events import verify_chain

if TYPE_CHECKING:
    from tests.storm.world import Storm


async def i27_ready_again(storm: Storm) -> AsyncIterator[str]:
    """READY again, or waiting for a person's decision that is shown."""
    desk = storm.desk
    if desk is None:
        yield "there is no engine"
    elif desk.state is EngineState.ORPHANS and (desk.differences or desk.strange_orders):
        return
    elif desk.state is not EngineState.READY:
        yield f"the engine is {desk.state.value}: {desk.block}"


async def i4_every_execution_once(storm: Storm) -> AsyncIterator[str]:
    """Each execution of ours is booked exactly once, in its latest revision, and nothing else is."""
    rows = storm.disk.conn.execute(
        "SELECT exec_id, quantity, price FROM fill WHERE replaced_by IS NULL"
    ).fetchall()
    booked = [execution_base(exec_id)[0] for exec_id, _, _ in rows]
    if len(booked) != len(set(booked)):
        yield f"an execution is booked twice: {sorted(booked)}"
    truth = {e.fill.exec_id: e.fill for e in storm.exchange.executions if e.fill.order_ref}
    found = {exec_id: (quantity, price) for exec_id, quantity, price in rows}
    for exec_id in truth.keys() - found.keys():
        yield f"{exec_id} of {truth[exec_id].order_ref} is not booked"
    for exec_id in found.keys() & truth.keys():
        if (truth[exec_id].quantity, str(truth[exec_id].price)) != found[exec_id]:
            yield f"{exec_id} is booked as {found[exec_id]}, it was {truth[exec_id]}"
    ours = {e.fill.exec_id for e in storm.exchange.executions}
    for exec_id in found.keys() - ours:
        yield f"{exec_id} is booked and never was (or in an old revision)"


async def i6_ledger_is_the_broker(storm: Storm) -> AsyncIterator[str]:
    """The ledger's position is the broker's, or the difference is shown."""
    desk = storm.desk
    if desk is None:
        return
    shown = {d.key for d in (*desk.differences, *desk.foreign)}
    for key, held in storm.exchange.positions.items():
        ours = desk.books.quantity(key)
        if ours != held and key not in shown:
            yield f"{key}: the broker holds {held:+d}, the books say {ours:+d}, and nothing is shown"


async def i7_every_order_is_known(storm: Storm) -> AsyncIterator[str]:
    """Every open order at the broker is one of the books, or listed as strange."""
    desk = storm.desk
    if desk is None:
        return
    strange = {o.claim.perm_id for o in desk.strange_orders}
    for held in storm.exchange.orders.values():
        if not held.is_open or held.perm_id in strange:
            continue
        order = desk.books.order(held.ref) if held.is_ours else None
        if order is None or order.state.is_done:
            ours = "nothing" if order is None else order.state.value
            yield f"{held.ref or held.perm_id} works at the broker, the books have it as {ours}"


async def i8_covered_exactly(storm: Storm) -> AsyncIterator[str]:
    """Every position of ours has stops for exactly its size, or people are told."""
    desk = storm.desk
    if desk is None:
        return
    told = {a.symbol for a in desk.notices.alerts if a.code != "naked"}  # in calm weather it must succeed
    for key, held in storm.exchange.positions.items():
        mine = [h for h in storm.exchange.orders.values() if h.key == key and h.is_ours and h.is_open]
        if key in told or any(h.role in (Role.ENTRY, Role.EXIT, Role.FLATTEN) for h in mine):
            continue
        stops = sum(h.remaining for h in mine if h.role is Role.STOP and h.side.sign * held <= 0)
        if desk.books.quantity(key) == held and stops != abs(held):
            yield f"{key}: {held:+d} is held, its stops cover {stops}"


async def i14_a_second_look_changes_nothing(storm: Storm) -> AsyncIterator[str]:
    """Comparing twice what did not move writes nothing and sends nothing the second time."""
    engine, life = storm.engine, storm.life
    if engine is None or life is None:
        return
    compare = engine.parts.account.compare
    for _ in range(2):
        before = (storm.fate.totals["send"], _rows(storm))
        task = storm.loop.create_task(compare(), context=life.context)
        await task
        after = (storm.fate.totals["send"], _rows(storm))
    if before[0] != after[0]:
        yield "the second look sent something"
    if before[1] != after[1]:
        yield f"the second look wrote rows: {before[1]} → {after[1]}"


async def i15_no_false_alarm(storm: Storm) -> AsyncIterator[str]:
    """Where nobody else touched the account, no difference is shown."""
    desk = storm.desk
    if desk is None or storm.exchange.tampered:
        return
    for difference in desk.differences:
        yield f"shown without a cause: {difference.text}"
    for order in desk.strange_orders:
        yield f"called strange: {order.claim.order_ref}"


async def i19_the_others_live(storm: Storm) -> AsyncIterator[str]:
    """A strategy that failed is off alone."""
    engine = storm.engine
    if engine is None:
        return
    off = {r.strategy.name for r in engine.parts.trading.running if r.off}
    if off - storm.mood.broken:
        yield f"off without a failure of its own: {sorted(off - storm.mood.broken)}"


async def i22_the_log_replays(storm: Storm) -> AsyncIterator[str]:
    """The chain of events is unbroken, and what is stored adds up to what is held."""
    conn = storm.disk.conn
    report = verify_chain(conn)
    if not report.ok:
        yield report.text
    stored = operations.load(conn, boot_id="rest")
    ledger = Ledger(stored.ledger)
    if torn := ledger.differs_from(stored.positions):
        yield f"bookings and position rows differ: {torn}"
    desk = storm.desk
    if desk is None or desk.books.positions() != ledger.positions.positions():
        yield "a fresh engine would hold something else"


async def i1_parked_not_forgotten(storm: Storm) -> AsyncIterator[str]:
    """An order whose fate is unknown counts and is told; one the broker lists is no longer unknown."""
    desk = storm.desk
    if desk is None:
        return
    told = {a.symbol for a in desk.notices.alerts if a.code == "unknown_order"}
    at_broker = {h.ref: h for h in storm.exchange.orders.values()}
    for order in desk.books.open_orders():
        if order.state is not OrderState.UNKNOWN:
            continue
        if order.intent.key not in told:
            yield f"{order.intent.ref} is of unknown fate and nobody is told"
        if order.intent.ref in at_broker and at_broker[order.intent.ref].status != "Inactive":
            yield f"{order.intent.ref} is of unknown fate, the broker lists it as " + (
                at_broker[order.intent.ref].status
            )


async def i11_a_kill_ends_with_a_true_record(storm: Storm) -> AsyncIterator[str]:
    """A KILL that is on has its record: flat and true, or naming what is left."""
    engine, desk = storm.engine, storm.desk
    if engine is None or desk is None or desk.state not in (EngineState.READY, EngineState.ORPHANS):
        return
    exchange = storm.exchange
    held = {key: q for key, q in exchange.positions.items() if q and key not in exchange.tampered}
    # What somebody traded outside and a person took over since, with its stop, is no matter of the KILL.
    ours = (h for h in exchange.orders.values() if h.is_ours and h.is_open and not h.came_back)
    working = [h.ref for h in ours if h.key not in exchange.tampered]
    for brake in desk.brakes.brakes:
        reach = reach_of_brake(brake)
        if brake.level is not BrakeLevel.KILL or engine.parts.kill_switch.is_killing(reach):
            continue
        if not brake.proof:
            yield f"the KILL of {brake.scope} {brake.name} has no record"
        if brake.scope is BrakeScope.ACCOUNT and brake.proof.startswith("PROVEN FLAT") and (held or working):
            yield f"{brake.proof}, and {held} is held, {working} work"


def _rows(storm: Storm) -> tuple[int, ...]:
    conn = storm.disk.conn
    told = "event WHERE kind NOT IN ('tape', 'flow', 'command', 'told')"
    tables = ("intent", "order_event", "fill", "adjustment", told)
    # The tape of prices and what a person does are written as time passes, whoever compares what.
    return tuple(conn.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables)


AT_REST: tuple[Callable[[Storm], AsyncIterator[str]], ...] = (
    i27_ready_again,
    i4_every_execution_once,
    i6_ledger_is_the_broker,
    i7_every_order_is_known,
    i8_covered_exactly,
    i14_a_second_look_changes_nothing,
    i15_no_false_alarm,
    i19_the_others_live,
    i22_the_log_replays,
    i1_parked_not_forgotten,
    i11_a_kill_ends_with_a_true_record,
)
