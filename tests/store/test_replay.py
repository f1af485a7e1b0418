"""Whatever happens, an engine that restarts stands exactly where the killed one stood."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.order import OrderState, Role, Side
from engine.domain.plan import Plan
from engine.ledger.events import (
    Adjustment,
    CancelRequested,
    CommissionReported,
    Described,
    Executed,
    FateUnknown,
    LedgerEvent,
    NeverSent,
    Refused,
    Registered,
    Resolved,
    SendingMarked,
    Source,
    StopMoved,
)
from engine.ledger.ledger import Ledger
from engine.store import operations
from engine.store.events import verify_chain
from engine.store.sync import SyncStore
from tests.examples import examples
from tests.ledger.building import T0, at, claim, executed, fill, intent
from tests.store.building import ACCOUNT, GATEWAY

REFS = {"in": Side.BUY, "out": Side.SELL, "stop": Side.SELL}
INTENTS = (
    intent("in", quantity=300, signal_id="s", plan=Plan(498.5, 510.0, None, moves_to_breakeven=True)),
    intent("out", role=Role.EXIT, side=Side.SELL, quantity=300, reason="PARTIAL_50"),
    intent("stop", role=Role.STOP, side=Side.SELL, quantity=300, parent_ref="in", stop_price=490.0),
)
START_OF_DAY = "start of day"

refs = st.sampled_from(sorted(REFS))


@st.composite
def executions(draw: st.DrawFn) -> LedgerEvent:
    number, revision = draw(st.integers(0, 7)), draw(st.integers(1, 2))
    # An execution belongs to one order for good; only its size and price are ever corrected.
    ref = sorted(REFS)[number % 3]
    size = draw(st.integers(1, 90)) * REFS[ref].sign
    return executed(
        fill(f"e{number}.0{revision}", size, str(draw(st.integers(400, 600))), seconds=number, ref=ref)
    )


events = st.one_of(
    executions(),
    executions(),
    st.builds(
        CommissionReported, st.integers(0, 7).map(lambda n: f"e{n}.01"), st.just(Decimal("0.35")), st.just(T0)
    ),
    st.builds(
        claim,
        refs,
        st.sampled_from(["PreSubmitted", "Submitted", "Filled", "Cancelled", "Inactive", "PendingCancel"]),
        filled=st.integers(0, 90),
        perm_id=st.sampled_from([0, 901, 902]),
        source=st.sampled_from(Source),
    ),
    st.builds(
        Refused, refs, st.just(0), st.sampled_from([201, 202, 399, 10147, 10148]), st.just("why"), st.just(T0)
    ),
    st.builds(CancelRequested, refs, st.just(T0)),
    st.builds(FateUnknown, refs, st.just("silence"), st.just(T0)),
    st.builds(NeverSent, refs, st.just("queue"), st.just(T0)),
    st.builds(Resolved, refs, st.just(OrderState.CANCELLED), st.just("proof"), st.just(T0)),
    st.builds(lambda ref: SendingMarked(((ref, 7),), T0), refs),
    st.builds(
        lambda n, q: Adjustment(f"adj-{n}", "SPY", 756733, q, Decimal(500), at(50 + n), "external_close"),
        st.integers(0, 3),
        st.integers(-50, 50),
    ),
    st.builds(
        lambda n: StopMoved("SPY", 480.0 + n, "trail", at(n)),
        st.integers(0, 60),
    ),
    st.sampled_from(
        [Described("SPY", 756733, Decimal(1), "STK"), Described("SPY", 756733, Decimal(50), "FUT")]
    ),
)


@settings(max_examples=examples(60), deadline=None, print_blob=True)
@given(st.lists(events | st.just(START_OF_DAY), max_size=30))
def test_the_store_holds_exactly_what_the_ledger_holds(run):
    with tempfile.TemporaryDirectory() as folder:
        store = SyncStore(Path(folder) / "s.db", gateway=GATEWAY, account=ACCOUNT)
        try:
            live = Ledger()
            day = date(2026, 11, 20)
            store.run(
                lambda c: operations.apply_changes(c, live.apply(Registered(INTENTS, T0)), at=T0, boot_id="b")
            )
            for event in run:
                if event == START_OF_DAY:
                    day += timedelta(days=1)
                    legs = live.start_day()
                    store.run(
                        lambda c, legs=legs, day=day: operations.start_day(
                            c, legs, day=day, at=T0, boot_id="b"
                        )
                    )
                else:
                    changes = live.apply(event)
                    store.run(lambda c, ch=changes: operations.apply_changes(c, ch, at=T0, boot_id="b"))
            state = store.run(lambda c: operations.load(c, boot_id="b"))
            chain = store.run(verify_chain)
        finally:
            store.close()
    again = Ledger(state.ledger)

    assert again.positions.legs() == live.positions.legs()
    assert again.differs_from(state.positions) == ()
    assert again.positions.trades() == live.positions.trades()
    assert again.positions.realized_usd() == live.positions.realized_usd()
    assert again.positions.fees_usd() == live.positions.fees_usd()
    assert {o.intent.ref: o for o in again.orders.live()} == {o.intent.ref: o for o in live.orders.live()}
    assert chain.ok
    # A correction that came a day late is only remarked on, so a restart may remark on it again.
    seen = {e.fill.exec_id for e in run if isinstance(e, Executed) and e.fill.exec_id.endswith(".01")}
    assert {name for name in seen if live.positions.knows(name)} == {
        name for name in seen if again.positions.knows(name)
    }
