"""The order state machine: proof over claims, done is final but for a fill, every voice heard once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Order, OrderState, Role, Side
from engine.ledger.changes import Changes, NoteCode, NoteLevel
from engine.ledger.events import (
    CancelRequested,
    Changed,
    FateUnknown,
    LedgerEvent,
    NeverSent,
    Refused,
    Registered,
    Resolved,
    SendingMarked,
    Source,
)
from engine.ledger.ledger import Ledger, LedgerState
from tests.ledger.building import T0, at, claim, executed, fill, intent

REF = "ck-1-SPY-a-entry"
S = OrderState


def sent(*, quantity: int = 100) -> Ledger:
    ledger = Ledger()
    ledger.apply(Registered((intent(REF, quantity=quantity),), T0))
    ledger.apply(SendingMarked(((REF, 11),), at(1)))
    return ledger


def order(ledger: Ledger, ref: str = REF) -> Order:
    found = ledger.orders.get(ref)
    assert found is not None
    return found


def told(ledger: Ledger, *events: LedgerEvent) -> OrderState:
    for event in events:
        ledger.apply(event)
    return order(ledger).state


def codes(changes: Changes) -> list[NoteCode]:
    return [note.code for note in changes.notes]


WORKING = claim(REF, "Submitted", perm_id=901, order_id=11)
FILL_60 = executed(fill("e1.01", 60, "500", ref=REF, perm_id=901), 11)
FILL_40 = executed(fill("e2.01", 40, "500", ref=REF, perm_id=901, seconds=1), 11)


def test_an_order_goes_from_pending_over_sending_and_working_to_filled():
    ledger = Ledger()
    ledger.apply(Registered((intent(REF),), T0))
    states = [order(ledger).state]

    steps = (SendingMarked(((REF, 11),), at(1)), WORKING, FILL_60, FILL_40)
    states += [told(ledger, event) for event in steps]

    assert states == [S.PENDING, S.SENDING, S.WORKING, S.WORKING, S.FILLED]
    assert (order(ledger).filled, order(ledger).order_id, order(ledger).perm_id) == (100, 11, 901)


def test_an_order_whose_record_was_lost_can_be_cancelled_by_the_number_the_broker_has_for_it():
    ledger = Ledger()
    ledger.apply(Registered((intent(REF),), T0))

    changes = ledger.apply(WORKING)
    ledger.apply(claim(REF, "Submitted", perm_id=901, order_id=12))

    assert (order(ledger).order_id, order(ledger).perm_id) == (11, 901)
    assert changes.orders[-1].order_id == 11, "durable"


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([claim(REF, "PreSubmitted")], S.WORKING),
        ([WORKING, claim(REF, "Cancelled")], S.CANCELLED),
        ([WORKING, CancelRequested(REF, T0)], S.CANCEL_PENDING),
        ([WORKING, CancelRequested(REF, T0), claim(REF, "Submitted", perm_id=901)], S.CANCEL_PENDING),
        ([WORKING, CancelRequested(REF, T0), FILL_60, FILL_40], S.FILLED),
        ([WORKING, CancelRequested(REF, T0), Refused(REF, 11, 10148, "cannot be cancelled", T0)], S.WORKING),
        ([WORKING, *[CancelRequested(REF, T0), Refused(REF, 11, 10148, "no", T0)] * 2], S.WORKING),
        ([WORKING, CancelRequested(REF, T0), Refused(REF, 11, 10147, "not found", T0)], S.UNKNOWN),
        ([Refused(REF, 11, 201, "rejected", T0)], S.REJECTED),
        ([Refused(REF, 11, 110, "price", T0)], S.REJECTED),
        ([Refused(REF, 11, 10006, "Missing parent order 10", T0)], S.REJECTED),
        ([WORKING, Refused(REF, 11, 201, "rejected", T0)], S.WORKING),
        ([WORKING, Refused(REF, 11, 201, "rejected", T0), claim(REF, "Inactive")], S.REJECTED),
        ([WORKING, Refused(REF, 11, 201, "rejected", T0), claim(REF, "Cancelled")], S.REJECTED),
        ([WORKING, claim(REF, "Inactive")], S.UNKNOWN),
        ([WORKING, claim(REF, "Inactive"), Refused(REF, 11, 201, "rejected", T0)], S.REJECTED),
        ([WORKING, claim(REF, "Inactive"), WORKING, Refused(REF, 11, 201, "no", T0)], S.WORKING),
        ([WORKING, Refused(REF, 11, 202, "cancelled", T0)], S.CANCELLED),
        ([WORKING, Refused(REF, 11, 10349, "TIF set to DAY", T0)], S.WORKING),
        ([WORKING, Refused(REF, 11, 399, "will be placed at the open", T0)], S.WORKING),
        ([claim(REF, "PendingCancel")], S.CANCEL_PENDING),
        ([FateUnknown(REF, "silence", T0)], S.UNKNOWN),
        ([FateUnknown(REF, "silence", T0), WORKING], S.WORKING),
        ([WORKING, FateUnknown(REF, "silence", T0), WORKING], S.WORKING),
        ([FateUnknown(REF, "silence", T0), FILL_60], S.UNKNOWN),
        ([NeverSent(REF, "dropped from our queue", T0)], S.ABANDONED),
        ([NeverSent(REF, "dropped from our queue", T0), FILL_60], S.UNKNOWN),
        ([WORKING, claim(REF, "Cancelled"), FILL_60], S.CANCELLED),
        ([WORKING, claim(REF, "Cancelled"), FILL_60, FILL_40], S.FILLED),
        ([WORKING, Resolved(REF, S.CANCELLED, "in the completed orders", T0)], S.CANCELLED),
        ([FILL_60, FILL_40, Resolved(REF, S.CANCELLED, "late", T0)], S.FILLED),
    ],
)
def test_what_is_proven_decides_the_state(events, state):
    assert told(sent(), *events) is state


def test_the_librarys_cancelled_is_a_claim_until_the_broker_says_so():
    ledger = sent()
    told(ledger, WORKING)

    changes = ledger.apply(claim(REF, "Cancelled", source=Source.LIBRARY, message="10349"))

    assert order(ledger).state is S.WORKING
    assert ledger.orders.is_claimed_cancelled(REF)
    assert codes(changes) == [NoteCode.CLAIMED_CANCELLED]
    assert not changes.orders
    told(ledger, claim(REF, "Submitted", perm_id=901, order_id=11, seconds=5, filled=1))
    assert not ledger.orders.is_claimed_cancelled(REF)


def test_filled_needs_the_executions_not_only_the_word():
    ledger = sent()

    assert told(ledger, claim(REF, "Filled", filled=100)) is S.WORKING
    assert told(ledger, FILL_60, FILL_40) is S.FILLED


def test_a_fill_after_a_cancel_is_booked_and_said_loudly():
    ledger = sent()
    told(ledger, WORKING, claim(REF, "Cancelled"))

    changes = ledger.apply(FILL_60)

    assert NoteCode.FILL_AFTER_DONE in codes(changes)
    held = ledger.positions.position("SPY")
    assert held is not None
    assert held.quantity == 60


def test_a_working_order_that_was_proven_unsent_is_critical_and_stays_done():
    ledger = sent()
    told(ledger, NeverSent(REF, "dropped from our queue", T0))

    changes = ledger.apply(WORKING)

    assert order(ledger).state is S.ABANDONED
    (note,) = changes.notes
    assert (note.code, note.level) == (NoteCode.CONTRADICTION, NoteLevel.CRITICAL)


def test_an_illegal_step_of_our_own_is_a_note_and_changes_nothing():
    ledger = sent()
    told(ledger, FILL_60, FILL_40)
    before = order(ledger)

    changes = ledger.apply(CancelRequested(REF, at(9)))

    assert codes(changes) == [NoteCode.ILLEGAL_STEP]
    assert order(ledger) == before


def test_more_filled_than_ordered_is_critical():
    ledger = sent(quantity=50)

    changes = ledger.apply(FILL_60)

    assert NoteCode.OVERFILL in codes(changes)
    assert order(ledger).state is S.FILLED


@pytest.mark.req("PLAN-M3-IDMAP")
def test_orders_match_by_ref_then_perm_id_then_the_order_id_of_this_session():
    ledger = sent()
    told(ledger, WORKING)

    by_perm = ledger.apply(claim("", "Submitted", perm_id=901, filled=1))
    by_id = ledger.apply(claim("", "Submitted", order_id=11, filled=2))
    foreign = ledger.apply(claim("", "Submitted", perm_id=555, order_id=99))
    other_ref = ledger.apply(claim("someone", "Submitted", perm_id=901, order_id=11))

    assert by_perm.order_events[0].order_ref == REF
    assert by_id.order_events[0].order_ref == REF
    assert codes(foreign) == codes(other_ref) == [NoteCode.UNMATCHED_ORDER]


@pytest.mark.req("PLAN-M3-IDMAP")
def test_after_a_restart_orders_match_by_perm_id_but_never_by_an_old_order_id():
    ledger = sent()
    told(ledger, WORKING)
    again = Ledger(LedgerState(orders=ledger.orders.all()))

    assert again.orders.match("", 901, 0) == order(ledger)
    assert again.orders.match("", 0, 11) is None


@pytest.mark.req("PLAN-M3-IDMAP")
@pytest.mark.parametrize(
    "event",
    [
        Registered((intent(REF),), T0),
        WORKING,
        FILL_60,
        Refused(REF, 11, 399, "note", T0),
        FateUnknown(REF, "silence", T0),
        claim(REF, "Cancelled", source=Source.LIBRARY),
        Changed(intent(REF, quantity=50), T0),
    ],
    ids=lambda event: type(event).__name__,
)
def test_the_same_event_twice_changes_nothing_the_second_time(event):
    ledger = sent()
    ledger.apply(event)

    assert not ledger.apply(event)


def test_a_second_perm_id_under_one_ref_is_critical_and_both_are_kept():
    ledger = sent()
    told(ledger, WORKING)

    changes = ledger.apply(claim(REF, "Submitted", perm_id=902, order_id=11))

    assert codes(changes) == [NoteCode.DUPLICATE_ORDER]
    assert ledger.orders.perm_ids(REF) == (901, 902)
    assert order(ledger).perm_id == 901


def test_a_late_status_never_lowers_what_was_filled():
    ledger = sent()
    told(ledger, FILL_60)

    changes = ledger.apply(claim(REF, "Submitted", perm_id=901, filled=0))

    assert order(ledger).filled == 60
    assert changes.orders == (), "nothing about the order is new"


def test_what_is_said_again_after_a_reconnect_does_not_move_the_order_s_time():
    ledger = sent()
    ledger.apply(claim(REF, "Submitted", perm_id=901, filled=0))
    before = order(ledger)

    changes = ledger.apply(claim(REF, "Submitted", perm_id=901, filled=0, message="once more"))
    again = ledger.apply(claim(REF, "PreSubmitted", perm_id=901, filled=0))

    assert order(ledger).state is before.state
    assert changes.orders, "new words are news"
    assert again.orders == ()
    assert order(ledger).updated_at == changes.orders[0].updated_at


def test_what_a_broker_order_had_filled_is_not_taken_back_by_a_late_status():
    ledger = sent()
    ledger.apply(claim(REF, "Submitted", perm_id=901, filled=60))

    changes = ledger.apply(claim(REF, "Submitted", perm_id=901, filled=20))

    assert [record.filled for record in changes.broker_orders] == [60]


def test_an_entry_carries_the_stop_of_its_bracket_into_the_position():
    ledger = Ledger()
    stop = intent("st", role=Role.STOP, side=Side.SELL, parent_ref=REF, stop_price=495.0)
    ledger.apply(Registered((intent(REF), stop), T0))

    ledger.apply(FILL_60)
    ledger.apply(executed(fill("e5.01", -60, "495", seconds=9, ref="st")))

    assert ledger.orders.children(REF)[0].intent == stop
    assert ledger.positions.trades()[0].reason == "stop"
    assert ledger.positions.trades()[0].owner == "ma"


def test_an_execution_of_nobodys_order_is_booked_without_an_owner_and_said():
    ledger = Ledger()

    changes = ledger.apply(executed(fill("x.01", 10, "500")))

    assert NoteCode.UNKNOWN_EXECUTION in codes(changes)
    assert ledger.owned() == ()
    assert ledger.positions.positions()[0].quantity == 10


STATUSES = [
    "PreSubmitted",
    "Submitted",
    "Filled",
    "Cancelled",
    "ApiCancelled",
    "Inactive",
    "PendingCancel",
    "Odd",
]
CODES = [103, 110, 161, 201, 202, 399, 10006, 10147, 10148, 10349]

events = st.one_of(
    st.builds(
        claim,
        st.just(REF),
        st.sampled_from(STATUSES),
        filled=st.integers(0, 100),
        perm_id=st.sampled_from([0, 901, 902]),
        source=st.sampled_from(Source),
    ),
    st.builds(Refused, st.just(REF), st.just(11), st.sampled_from(CODES), st.just("text"), st.just(T0)),
    st.builds(
        lambda i, n: executed(fill(f"e{i}.01", n, "500", seconds=i, ref=REF)),
        st.integers(0, 9),
        st.integers(1, 40),
    ),
    st.sampled_from(
        [
            CancelRequested(REF, T0),
            FateUnknown(REF, "silence", T0),
            NeverSent(REF, "queue", T0),
            SendingMarked(((REF, 12),), T0),
            Resolved(REF, S.CANCELLED, "proof", T0),
        ]
    ),
)


@given(st.lists(events, max_size=25))
def test_only_a_fill_ever_leaves_a_done_state_and_filled_never_shrinks(run):
    ledger = sent()

    for event in run:
        before = order(ledger)
        changes = ledger.apply(event)
        after = order(ledger)
        assert after.filled >= before.filled
        if before.state.is_done and after.state is not before.state:
            assert changes.fills
            assert after.state in {S.FILLED, S.UNKNOWN}
        if before.state is S.FILLED:
            assert after.state is S.FILLED


@given(st.lists(events, max_size=25))
def test_the_order_knows_exactly_the_fills_that_were_booked(run):
    ledger = sent()

    for event in run:
        ledger.apply(event)

    assert order(ledger).filled == sum(f.quantity for f in ledger.positions.fills())
    assert all(f.strategy == "ma" and f.role == "entry" for f in ledger.positions.fills())


@given(st.lists(events, max_size=15))
def test_each_event_repeated_at_once_is_silent(run):
    ledger = sent()

    for event in run:
        ledger.apply(event)
        repeated = ledger.apply(event)
        assert not repeated.orders
        assert not repeated.fills
        assert not repeated.legs


_HEARD = st.sampled_from(
    [
        WORKING,
        FILL_60,
        FILL_40,
        claim(REF, "Cancelled"),
        FateUnknown(REF, "silence", T0),
        NeverSent(REF, "dropped from our queue", T0),
        CancelRequested(REF, T0),
        Resolved(REF, S.CANCELLED, "in the completed orders", T0),
    ]
)


@given(st.lists(_HEARD, max_size=12), st.booleans())
def test_whatever_is_heard_the_live_orders_are_those_not_done(heard, day_ends):
    ledger = sent()
    for event in heard:
        ledger.apply(event)
    if day_ends:
        ledger.start_day()

    assert ledger.orders.live() == tuple(o for o in ledger.orders.all() if not o.state.is_done)


@pytest.mark.req("RECOVERY-STATE-POS")
def test_a_perm_id_that_is_all_that_is_new_of_an_order_is_a_row_to_store():
    ledger = Ledger()
    ledger.apply(Registered((intent("in"),), T0))
    ledger.apply(executed(fill("a.01", 10, "100", ref="in")))

    changes = ledger.apply(claim("in", "PreSubmitted", perm_id=901))

    assert [o.perm_id for o in changes.orders] == [901]
