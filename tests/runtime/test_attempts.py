"""Attempts and cooldowns through strategy, gate, executor and store, over a restart in between."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from engine.domain.plan import Plan
from engine.domain.preview import EntryTicket
from engine.execution.executor import Executor
from engine.ledger.ledger import Ledger
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from tests.builders import proposal, quote
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import pass_time, virtual

PIVOT = 444.77


def judged(here: Rig, *, number: int, pivot: float = PIVOT) -> EntryTicket | Refusal:
    """What the gate says now to one more break of the pivot."""
    desk = here.desk
    funded(desk, 1_000_000.0)
    desk.quotes.on_quote(quote("SPY", at=desk.now()))
    wish = proposal(signal_id=f"break-{number}", plan=Plan(pivot=pivot))
    return check_entry(wish, desk.gate_world(wish, allow_short=False), desk.limits())


async def attempt(here: Rig, *, number: int) -> None:
    """A break of the pivot that is entered, fills and is stopped out."""
    ticket = judged(here, number=number)
    assert isinstance(ticket, EntryTicket), ticket
    executor: Executor = here.executor
    wish = proposal(signal_id=f"break-{number}", plan=Plan(pivot=PIVOT))
    entry, stop = executor.entry_intents(wish, ticket, here.spy)
    assert await executor.enter((entry, stop), here.spy)
    await pass_time(0.1)
    for ref in (entry.ref, stop.ref):
        here.broker.fill(ref, ticket.quantity)
        await pass_time(0.1)
    assert here.books.position("SPY") is None


@pytest.mark.req("RECOVERY-ATTEMPTS", "RECOVERY-STATE-ATTEMPTS", "REQ-CD1", "247-NFR-RESTORE")
@virtual
async def test_two_stopped_out_attempts_are_all_a_restarted_engine_allows(tmp_path: Path) -> None:
    async with rig(tmp_path / "before") as here:
        await attempt(here, number=1)
        cooling = judged(here, number=2)
        here.desk.clock.skipped = timedelta(minutes=7)
        await attempt(here, number=2)
        stored = await here.store.load()
        sent = len(here.broker.sent)

    async with rig(tmp_path / "after", ledger=Ledger(stored.ledger)) as here:
        here.desk.clock.skipped = timedelta(minutes=8)
        still_cooling = judged(here, number=3)
        here.desk.clock.skipped = timedelta(minutes=13)
        third, elsewhere = judged(here, number=3), judged(here, number=4, pivot=PIVOT + 1)

        assert isinstance(cooling, Refusal)
        assert isinstance(still_cooling, Refusal)
        assert (cooling.reason.value, still_cooling.reason.value) == ("cooldown", "cooldown")
        assert isinstance(third, Refusal)
        assert (third.reason.value, third.value, third.limit) == ("max_attempts", 2, 2)
        assert isinstance(elsewhere, EntryTicket)
        assert here.broker.sent == []
        assert sent == 4
