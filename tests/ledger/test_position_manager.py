"""The contract of the position manager: create, look up, take a part, close, sum up; one schema for all."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from engine.domain.managed import (
    ContractRef,
    InvalidPositionError,
    ManagedPosition,
    PositionSide,
    PositionState,
)
from engine.domain.order import Order, OrderState, Role, Side
from engine.domain.plan import Plan
from engine.domain.position import Partial
from engine.ledger.changes import BookedFill, Leg, NoteCode, NoteLevel
from engine.ledger.events import Adjustment, Described, NeverSent, Refused, Registered, Resolved
from engine.ledger.ledger import Ledger, LedgerState
from engine.ledger.managed import DuplicatePositionError, PartialRefusedError
from engine.ledger.positions import PositionManager
from tests.ledger.building import T0, at, executed, fill, intent

CONTRACT = ContractRef(76792991, "TSLA", "STK", "SMART", "USD", 1.0)
PENDING = ManagedPosition(
    symbol="TSLA",
    side=PositionSide.LONG,
    entry_price=445.25,
    entry_time=T0,
    shares=100,
    remaining=1.0,
    pivot=444.77,
    stop=443.0,
    partials=(),
    contract=CONTRACT,
    target1=460.25,
    target2=470.5,
    state=PositionState.PENDING_ENTRY,
    owner="pivot",
)
LEG = Leg(
    key="TSLA",
    con_id=76792991,
    quantity=50,
    cost=Decimal("22262.5"),
    multiplier=Decimal(1),
    owner="pivot",
    opened_at=T0,
    entered=100,
    entry_notional=Decimal("44525"),
    exit_notional=Decimal("22356.5"),
    initial_stop=443.0,
    stop_price=445.25,
    plan=Plan(444.77, 460.25, 470.5, moves_to_breakeven=True),
    partials=(Partial(at(141), Decimal("447.13"), 50, "PARTIAL_50", "p1"),),
)
TERMS = Described("TSLA", 76792991, Decimal(1), "STK", "TSLA", "SMART", "USD")
REQUIRED = [f.name for f in fields(ManagedPosition)][:10]


def holding(signed: int = 100, price: str = "445.25") -> PositionManager:
    manager = PositionManager()
    manager.apply_fill(BookedFill(fill("e0.01", signed, price, key="TSLA", ref="in"), "signal", 443.0))
    return manager


def take(manager: PositionManager, quantity: int, price: str, number: int) -> None:
    """Executions of a partial of a long."""
    booked = fill(f"p{number}.01", -quantity, price, key="TSLA", ref=f"p{number}", seconds=number)
    manager.apply_fill(BookedFill(booked, "PARTIAL_50", None))


def closing(price: str | None, *, key: str = "TSLA", seconds: float = 60.0) -> Adjustment:
    exact = None if price is None else Decimal(price)
    return Adjustment("c1", key, 76792991, 0, exact, at(seconds), "external_close")


# --- create ---------------------------------------------------------------------------------------


@pytest.mark.req("REQ-DATA-001", "REQ-POS-001", "REQ-TEST-001")
def test_a_position_that_is_created_is_returned_pending_and_holds_nothing():
    manager = PositionManager()

    created = manager.create_position(PENDING, order_ref="in")

    assert created == manager.get_position("TSLA") == PENDING
    assert (created.remaining, created.partials, created.state) == (1.0, (), PositionState.PENDING_ENTRY)
    assert manager.managed_positions() == (PENDING,)
    assert manager.positions() == ()


@pytest.mark.req("REQ-DATA-001", "REQ-TEST-001")
def test_a_second_position_in_an_instrument_is_refused_pending_or_open():
    pending, held = PositionManager(), holding()
    pending.create_position(PENDING, order_ref="in")

    for manager in (pending, held):
        with pytest.raises(DuplicatePositionError, match="TSLA: there is a position already"):
            manager.create_position(PENDING, order_ref="in-2")


@pytest.mark.req("REQ-TEST-001")
def test_only_executions_open_a_position():
    with pytest.raises(InvalidPositionError, match="TSLA: only executions open a position"):
        PositionManager().create_position(replace(PENDING, state=PositionState.OPEN), order_ref="in")


@pytest.mark.req("REQ-DATA-001")
def test_an_instrument_never_heard_of_has_no_position_and_raises_nothing():
    assert PositionManager().get_position("NOPE") is None


@pytest.mark.req("REQ-DATA-002", "REQ-TEST-001")
@pytest.mark.parametrize("name", REQUIRED)
def test_no_field_may_be_missing(name):
    values = {f.name: getattr(PENDING, f.name) for f in fields(ManagedPosition) if f.name != name}

    with pytest.raises(TypeError, match=name):
        ManagedPosition(**values)


@pytest.mark.req("REQ-DATA-002", "REQ-DATA-003", "REQ-TEST-001")
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("symbol", ""),
        ("symbol", 7),
        ("side", "BUY"),
        ("entry_price", "445.25"),
        ("entry_price", float("nan")),
        ("entry_time", datetime(2025, 10, 6, 10, 5)),
        ("entry_time", "2025-10-06T10:05:47-04:00"),
        ("shares", 0),
        ("shares", 1.5),
        ("shares", True),
        ("remaining", -0.01),
        ("remaining", 1.01),
        ("remaining", 1),
        ("pivot", "444.77"),
        ("stop", float("inf")),
        ("target1", "460"),
        ("target2", float("nan")),
        ("pivot", 445),
        ("partials", []),
        ("partials", [{"shares": 50}]),
        ("partials", (Partial(datetime(2025, 10, 6), Decimal(1), 5, "x"),)),
        ("partials", (Partial(T0, Decimal(1), 0, "x"),)),
        ("contract", {"symbol": "TSLA"}),
        ("state", "open"),
    ],
)
def test_a_field_that_is_wrong_is_named(name, wrong):
    with pytest.raises(InvalidPositionError, match=rf"{name} is .*; expected"):
        replace(PENDING, **{name: wrong})


# --- restore --------------------------------------------------------------------------------------


@pytest.mark.req("REQ-DATA-002", "RECOVERY-STATE-POS")
def test_a_restored_position_has_every_field_it_was_stored_with():
    manager = PositionManager(anchors=[LEG], described=[TERMS])

    assert manager.get_position("TSLA") == replace(
        PENDING, state=PositionState.OPEN, remaining=0.5, stop=445.25, partials=LEG.partials
    )
    assert manager.rejected == ()


@pytest.mark.req("REQ-DATA-002", "REQ-TEST-001")
@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": 0},
        {"quantity": 101},
        {"entered": 0},
        {"entered": -100},
        {"key": ""},
        {"opened_at": datetime(2025, 10, 6)},
        {"cost": Decimal("NaN")},
        {"entry_notional": Decimal("Infinity")},
        {"multiplier": Decimal(0)},
        {"stop_price": float("nan")},
        {"plan": Plan(pivot=float("inf"))},
        {"partials": (Partial(T0, Decimal("NaN"), 50, "x"),)},
    ],
)
def test_a_bad_row_is_left_out_with_an_error_and_the_others_are_loaded(wrong):
    good = replace(LEG, key="NVDA")

    ledger = Ledger(LedgerState(anchors=(replace(LEG, **wrong), good)))

    assert [leg.key for leg in ledger.positions.legs()] == ["NVDA"]
    (note,) = ledger.positions.rejected
    assert (note.code, note.level) == (NoteCode.BAD_RECORD, NoteLevel.ERROR)
    assert note.text.startswith("stored position left out")


# --- pending to open ------------------------------------------------------------------------------

ENTRY = intent("in", key="TSLA", plan=Plan(444.77, 460.25, 470.5))
STOP = intent("stop", role=Role.STOP, side=Side.SELL, key="TSLA", parent_ref="in", stop_price=443.0)


def registered() -> Ledger:
    ledger = Ledger()
    ledger.apply(Registered((ENTRY, STOP), T0))
    return ledger


@pytest.mark.req("PS60-PATH-1", "REQ-POS-001")
def test_an_entry_order_makes_a_pending_position_that_opens_with_its_first_fill():
    ledger = registered()
    pending = ledger.positions.get_position("TSLA")

    ledger.apply(executed(fill("e0.01", 40, "445.10", ref="in", key="TSLA", seconds=3)))

    opened = ledger.positions.get_position("TSLA")
    assert pending is not None
    assert opened is not None
    assert (pending.state, pending.stop, pending.pivot, pending.target2) == (
        PositionState.PENDING_ENTRY,
        443.0,
        444.77,
        470.5,
    )
    assert (opened.state, opened.shares, opened.entry_time) == (PositionState.OPEN, 40, at(3))
    assert ledger.positions.pending_refs() == ()


@pytest.mark.req("PS60-PATH-1")
@pytest.mark.parametrize(
    "end",
    [
        NeverSent("in", "queue", T0),
        Refused("in", 0, 201, "no", T0),
        Resolved("in", OrderState.CANCELLED, "proof", T0),
    ],
)
def test_an_entry_that_ends_without_a_fill_leaves_nothing_pending(end):
    ledger = registered()

    ledger.apply(end)

    assert ledger.positions.get_position("TSLA") is None


@pytest.mark.req("PS60-PATH-1")
def test_a_restart_knows_what_is_pending_and_that_a_filled_entry_is_not():
    working = Order(ENTRY, OrderState.WORKING)

    pending = Ledger(LedgerState(orders=(working,))).positions
    filled = Ledger(LedgerState(orders=(replace(working, filled=10),))).positions

    assert pending.pending_refs() == (("TSLA", "in"),)
    assert filled.get_position("TSLA") is None


def test_an_entry_that_adds_to_a_position_makes_no_second_one():
    ledger = registered()
    ledger.apply(executed(fill("e0.01", 100, "445", ref="in", key="TSLA")))

    ledger.apply(Registered((replace(ENTRY, ref="more"),), at(5)))

    assert ledger.positions.pending_refs() == ()


@pytest.mark.req("REQ-DATA-002")
def test_an_entry_that_cannot_become_a_position_is_not_taken_in():
    ledger = Ledger()

    with pytest.raises(InvalidPositionError, match="pivot is nan"):
        ledger.apply(Registered((replace(ENTRY, plan=Plan(pivot=float("nan"))),), T0))

    assert ledger.orders.all() == ()


# --- partials -------------------------------------------------------------------------------------


@pytest.mark.req("REQ-POS-002", "REQ-TEST-001")
def test_a_half_may_be_taken_and_then_no_more_than_what_is_left():
    manager = holding()

    assert manager.take_partial("TSLA", 0.5) == 50
    take(manager, 50, "447.13", 1)
    before = manager.get_position("TSLA")

    with pytest.raises(PartialRefusedError, match="60 of 100 entered were asked for, only 50 are left"):
        manager.take_partial("TSLA", 0.6)
    assert manager.get_position("TSLA") == before
    assert before is not None
    assert before.remaining == 0.5


@pytest.mark.req("REQ-POS-002", "REQ-TEST-001")
@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.01, float("nan")])
def test_a_partial_is_a_fraction_above_0_up_to_1(fraction):
    with pytest.raises(PartialRefusedError, match="a fraction in"):
        holding().take_partial("TSLA", fraction)


@pytest.mark.req("REQ-TEST-001")
def test_nothing_can_be_taken_of_nothing():
    with pytest.raises(PartialRefusedError, match="NOPE: nothing is held"):
        PositionManager().take_partial("NOPE", 0.5)


@pytest.mark.req("BUG-002")
@pytest.mark.parametrize(
    ("shares", "fraction", "units"), [(1, 0.5, 0), (3, 0.5, 1), (100, 0.29, 29), (7, 1.0, 7)]
)
def test_a_partial_is_whole_units_rounded_down_and_skipped_at_0(shares, fraction, units):
    assert holding(shares).take_partial("TSLA", fraction) == units


# --- close ----------------------------------------------------------------------------------------


@pytest.mark.req("REQ-DATA-001", "REQ-TEST-001")
def test_closing_what_is_not_held_gives_nothing():
    assert PositionManager().close_position(closing("445", key="NOPE")) is None


@pytest.mark.req("REQ-POS-003", "REQ-TEST-001")
@pytest.mark.parametrize("seconds", [60.0, -60.0])
def test_a_close_adds_up_all_partials_and_removes_the_position(seconds):
    manager = holding()
    take(manager, 50, "447.13", 1)

    closed = manager.close_position(closing("445.25", seconds=seconds))

    assert closed is not None
    assert closed.trade.gross_usd == Decimal("94.00")
    assert [p.reason for p in closed.trade.partials] == ["PARTIAL_50"]
    assert closed.changes.flat_keys == ("TSLA",)
    assert manager.trades() == (closed.trade,)
    assert manager.get_position("TSLA") is None
    assert manager.close_position(closing("445.25")) is None


@pytest.mark.req("REQ-POS-003")
def test_a_close_at_an_unknown_price_realises_nothing_and_one_of_a_short_turns_the_sign():
    unknown, short = holding(), holding(-100)

    nothing, gained = unknown.close_position(closing(None)), short.close_position(closing("444.25"))

    assert nothing is not None
    assert gained is not None
    assert (nothing.trade.gross_usd, gained.trade.gross_usd) == (0, 100)


@pytest.mark.req("BUG-002")
def test_partials_down_to_nothing_have_closed_it():
    manager = holding(2)
    take(manager, 1, "447", 1)
    take(manager, 1, "447", 2)

    assert manager.get_position("TSLA") is None
    assert manager.close_position(closing("447")) is None
    assert manager.get_daily_summary()["total_trades"] == 1


# --- time zones -----------------------------------------------------------------------------------


@pytest.mark.req("REQ-DATA-003", "REQ-TEST-001")
def test_any_offset_is_taken_and_kept_as_utc():
    eastern = datetime(2025, 10, 6, 10, 5, 47, tzinfo=timezone(timedelta(hours=-4)))

    made = replace(PENDING, entry_time=eastern)

    assert made.entry_time == eastern
    assert made.entry_time.isoformat() == "2025-10-06T14:05:47+00:00"


@pytest.mark.req("REQ-DATA-003", "REQ-TEST-001")
@pytest.mark.parametrize(
    ("opened", "closed", "hours"),
    [
        (datetime(2025, 11, 1, 15, 0), datetime(2025, 11, 3, 10, 0), 44),
        (datetime(2025, 3, 8, 15, 0), datetime(2025, 3, 10, 10, 0), 42),
    ],
)
def test_a_trade_over_a_change_of_the_clocks_lasts_as_long_as_it_did(opened, closed, hours):
    zone = ZoneInfo("America/New_York")
    manager = PositionManager()
    first = replace(fill("a.01", 1, "10", ref="a"), at=opened.replace(tzinfo=zone))
    last = replace(fill("b.01", -1, "11", ref="b"), at=closed.replace(tzinfo=zone))

    for booked in (first, last):
        manager.apply_fill(BookedFill(booked, "signal", None))

    (trade,) = manager.trades()
    assert trade.closed_at.astimezone(UTC) - trade.opened_at.astimezone(UTC) == timedelta(hours=hours)
    (record,) = manager.get_daily_summary()["trades"]
    lasted = datetime.fromisoformat(record["exit_time"]) - datetime.fromisoformat(record["entry_time"])
    assert lasted == timedelta(hours=hours)
