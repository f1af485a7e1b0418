"""One order has one record: what was expected, what was allowed, what was said, what filled, what it cost."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from engine.domain.order import Role, Side
from engine.domain.preview import EntryTicket, FigureSource, Preview
from engine.ledger.events import CommissionReported, Described, Executed, Registered, SendingMarked
from engine.ledger.ledger import Ledger
from engine.store.order_audit import OrderNotFoundError, audit_order
from tests.ledger.building import T0, at, claim, fill, intent
from tests.store.building import opened

TICKET = EntryTicket(100, 445.3, 442.0, 44_530.0, 332.0, 2.0)
PREVIEW = Preview(44_530.0, 1.0, FigureSource.ESTIMATED, 22_265.0, FigureSource.BROKER)
ENTRY = replace(
    intent("ck-A1-entry", key="TSLA", signal_id="s-1"), ticket=TICKET, preview=PREVIEW, limit_price=445.3
)
STOP = intent(
    "ck-B2-stop", key="TSLA", role=Role.STOP, side=Side.SELL, stop_price=442.0, parent_ref="ck-A1-entry"
)
EXIT = intent("ck-C3-exit", key="TSLA", role=Role.EXIT, side=Side.SELL, reason="signal")


async def a_round_trip(path: Path) -> None:
    """Entry and exit of 100; the commission of the exit comes a minute after its fill."""
    ledger = Ledger()
    async with opened(path) as store:
        terms = Described("TSLA", 756733, Decimal(1), "STK", "TSLA", "SMART", "USD")
        await store.apply(ledger.apply(terms), at=T0)
        for orders, order_ids, seconds in (([ENTRY, STOP], [7, 8], 0), ([EXIT], [9], 60)):
            ledger.apply(Registered(tuple(orders), at(seconds)))
            await store.record_intents(orders, at=at(seconds))
            numbered = tuple(zip((order.ref for order in orders), order_ids, strict=True))
            ledger.apply(SendingMarked(numbered, at(seconds)))
            await store.mark_sending(numbered, at=at(seconds))
        for event, seconds in (
            (claim("ck-A1-entry", "Submitted", perm_id=9001, order_id=7, seconds=1), 1),
            (
                Executed(
                    fill("e1.01", 100, "445.25", ref="ck-A1-entry", key="TSLA", commission="1", seconds=2),
                    1,
                    at(2),
                ),
                2,
            ),
            (
                Executed(fill("e2.01", -100, "447.25", ref="ck-C3-exit", key="TSLA", seconds=61), 2, at(61)),
                61,
            ),
            (CommissionReported("e2.01", Decimal("1.25"), at(121)), 121),
        ):
            await store.apply(ledger.apply(event), at=at(seconds))


@pytest.mark.req("REQ-X2")
async def test_the_record_of_an_entry_holds_preview_verdict_ids_statuses_fill_and_fee(tmp_path: Path) -> None:
    path = tmp_path / "cockpit.db"
    await a_round_trip(path)

    found = audit_order(path, "A1")

    assert found.order.intent.ref == "ck-A1-entry"
    assert (found.ticket, found.preview) == (TICKET, PREVIEW)
    assert (found.order.order_id, [b.perm_id for b in found.at_broker]) == (7, [9001])
    assert [step.status for step in found.steps][:2] == ["pending", "sending"]
    assert ("broker", "Submitted") in {(step.source, step.status) for step in found.steps}
    assert [(f.quantity, f.price, f.commission_usd) for f in found.fills] == [
        (100, Decimal("445.25"), Decimal(1))
    ]
    assert [r.ref for r in found.relatives] == ["ck-B2-stop"]


@pytest.mark.req("REQ-X2")
async def test_a_late_commission_is_dated_when_it_came_and_corrects_the_profit(tmp_path: Path) -> None:
    path = tmp_path / "cockpit.db"
    await a_round_trip(path)

    found = audit_order(path, "ck-C3-exit")

    (sold,) = found.fills
    assert (sold.commission_usd, sold.at, sold.commission_at) == (Decimal("1.25"), at(61), at(121))
    (trade,) = found.trades
    assert (trade.gross_usd, trade.fees_usd, trade.net_usd) == (
        Decimal(200),
        Decimal("2.25"),
        Decimal("197.75"),
    )


async def test_a_repeated_commission_keeps_the_time_of_the_first(tmp_path: Path) -> None:
    ledger, path = Ledger(), tmp_path / "cockpit.db"
    async with opened(path) as store:
        ledger.apply(Registered((ENTRY,), T0))
        await store.record_intents([ENTRY], at=T0)
        sold = fill("e1.01", 100, "445.25", ref="ck-A1-entry", key="TSLA", commission="1")
        changes = ledger.apply(Executed(sold, 1, T0))
        await store.apply(changes, at=at(1))
        await store.apply(changes, at=at(50))

    assert audit_order(path, "A1").fills[0].commission_at == at(1)


async def test_a_part_that_several_orders_have_names_them_and_one_that_none_has_says_so(
    tmp_path: Path,
) -> None:
    path = tmp_path / "cockpit.db"
    await a_round_trip(path)

    with pytest.raises(OrderNotFoundError, match="several orders") as several:
        audit_order(path, "ck-")
    assert all(order.ref in str(several.value) for order in (ENTRY, STOP, EXIT))
    with pytest.raises(OrderNotFoundError, match="no order has"):
        audit_order(path, "%")


@pytest.mark.req("PLAN-PRIN")
@pytest.mark.parametrize(
    ("part", "ref"),
    [("A1", "ck-A1-entry"), ("9001", "ck-A1-entry"), ("s-1", "ck-A1-entry"), ("e2.01", "ck-C3-exit")],
)
async def test_any_id_of_an_order_leads_to_its_whole_record(tmp_path: Path, part: str, ref: str) -> None:
    path = tmp_path / "s.db"
    await a_round_trip(path)

    found = audit_order(path, part)

    assert found.order.intent.ref == ref
    assert found.steps
    assert found.fills
    if ref == ENTRY.ref:
        assert (found.order.intent.signal_id, found.ticket) == ("s-1", TICKET)
