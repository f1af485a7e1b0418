"""What the books tell about open orders is never older than the last event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from engine.domain.order import OrderIntent
from engine.execution.books import Books
from engine.ledger.changes import Changes
from engine.ledger.ledger import Ledger
from tests.builders import intent

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


class Accepting:
    """A journal whose disk is always good."""

    healthy = True

    async def record_intents(
        self, intents: Iterable[OrderIntent], *, at: datetime, keep: bool = False
    ) -> bool:
        return True

    async def mark_sending(
        self, order_ids: Sequence[tuple[str, int]], *, at: datetime, keep: bool = False
    ) -> bool:
        return True

    async def apply(self, changes: Changes, *, at: datetime) -> bool:
        return True


async def test_open_orders_follow_every_event() -> None:
    books = Books(ledger=Ledger(), journal=Accepting(), now=lambda: NOW)
    entry, other = intent("SPY"), intent("QQQ")
    assert books.open_orders() == ()

    await books.register((entry,))
    assert [o.intent for o in books.open_orders("SPY")] == [entry]
    await books.register((other,))
    await books.mark_sending(((entry.ref, 7),))

    assert [o.order_id for o in books.open_orders("SPY")] == [7]
    assert [o.intent for o in books.open_orders()] == [entry, other]

    await books.never_sent((entry.ref,), "line down")
    assert books.open_orders("SPY") == ()
