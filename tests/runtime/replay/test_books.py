"""The log played again stands, after every transaction, where the live ledger stood: compared by hash."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from engine.domain.order import OrderIntent, Role
from engine.ledger.changes import Changes
from engine.runtime.replay.books import LEDGER_KINDS, PastBooks
from engine.store.ledger_log import ledger_digest, leg_payload, whole_order_payload
from engine.store.recordings import Line
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual


def watched(here: Rig) -> list[str]:
    """Every state that the live ledger had when it handed a transaction to the store, in order."""
    seen = [digest_of(here)]
    apply, record = here.store.apply, here.store.record_intents

    async def applied(changes: Changes, *, at: datetime) -> bool:
        seen.append(digest_of(here))
        return await apply(changes, at=at)

    async def recorded(intents: Iterable[OrderIntent], *, at: datetime, keep: bool = False) -> bool:
        seen.append(digest_of(here))
        return await record(intents, at=at, keep=keep)

    here.store.apply, here.store.record_intents = applied, recorded  # type: ignore[method-assign]
    return seen


def digest_of(here: Rig) -> str:
    ledger = here.books.ledger
    return ledger_digest(ledger.positions.legs(), ledger.orders.all())


async def lines_of(here: Rig) -> list[Line]:
    sql = "SELECT seq, at, kind, symbol, ref, payload FROM event ORDER BY seq"
    return [Line(*head, json.loads(str(payload))) for *head, payload in await here.rows(sql)]  # type: ignore[arg-type]


async def a_session(here: Rig) -> None:
    """Entry, partial fills, a moved stop, a partial exit, a close, a rejected entry."""
    here.without_cooldowns()
    entry = await here.enter(100, filled=40)
    here.broker.fill(entry.ref, 60)
    await pass_time(1.0)
    await here.reduce(0.5)
    await pass_time(1.0)
    await here.close()
    await pass_time(2.0)
    await here.enter(50, key="QQQ", filled=0)
    await pass_time(1.0)


def is_subsequence(part: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(one in rest for one in part)


@virtual
async def test_every_state_the_replay_shows_is_one_that_live_had_in_the_same_order(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=("SPY", "QQQ")) as here:
        live = watched(here)
        await a_session(here)
        positions = here.books.ledger.positions
        lines = await lines_of(here)
        assert live[-1] == digest_of(here)

        books = PastBooks()
        replayed = [books.digest]
        for line in lines:
            books.take(line)
            replayed.append(books.digest)

    known = set(live)
    at_boundaries = [one for one in dict.fromkeys(replayed) if one in known]
    assert books.digest == live[-1]
    assert is_subsequence(at_boundaries, live)
    assert len(at_boundaries) > 10
    assert set(live) <= set(replayed), "no state of the live ledger is left out"
    assert (books.realized_usd, books.fees_usd) == (positions.realized_usd(), positions.fees_usd())
    assert len(books.fills) == len(positions.fills())


@virtual
async def test_a_session_that_begins_with_positions_and_orders_continues_from_them(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(100)
        ledger = here.books.ledger
        begins = {
            "held": {leg.key: leg_payload(leg) for leg in ledger.positions.legs()},
            "orders": [whole_order_payload(order) for order in ledger.orders.all()],
            "realized_usd": str(ledger.positions.realized_usd()),
            "fees_usd": str(ledger.positions.fees_usd()),
        }
        first = len(await lines_of(here))
        books = PastBooks()
        books.take(Line(0, "", "session", "", "", json.loads(json.dumps(begins))))
        assert books.digest == digest_of(here)

        await here.close()
        await pass_time(2.0)
        for line in (await lines_of(here))[first:]:
            books.take(line)

        assert books.digest == digest_of(here)
        assert books.realized_usd == ledger.positions.realized_usd()


@virtual
async def test_a_changed_figure_changes_the_hash(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(100)
        lines = await lines_of(here)

        books = PastBooks()
        for line in lines:
            payload = dict(line.payload)
            if line.kind == "position":
                payload["cost"] = str(float(payload["cost"]) + 0.01)
            books.take(line._replace(payload=payload))

        assert books.digest != digest_of(here)
        assert here.last(Role.STOP).intent.ref in books.orders
        assert {line.kind for line in lines} & LEDGER_KINDS >= {"order", "fill", "position"}
