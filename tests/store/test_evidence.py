"""Evidence for the gates reads back whole, is replaced by name, and proves nothing where it is damaged."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from engine.gates.evidence import Evidence
from engine.store.evidence import evidence, put_evidence
from tests.ledger.building import T0
from tests.store.building import opened

DRILL = Evidence(
    kind="drill",
    subject="2026-11-20T15:00:00+00:00",
    at=T0,
    passed=True,
    gateway="tws",
    account="DU100001",
    mode="PAPER",
    speed=1.0,
    version="1.2",
    code="c0de",
    config="c0f1",
    facts={"cancel_s": 0.4, "orders": 20, "left": []},
)


@pytest.mark.req("247-GATE-3")
async def test_what_was_recorded_reads_back_and_the_log_tells_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "cockpit.db") as store:
        await store.run(partial(put_evidence, row=DRILL, boot_id="boot-1"))

    async with opened(tmp_path / "cockpit.db", boot_id="boot-2") as store:
        assert await store.read(evidence) == (DRILL,)
        told = await store.read(
            lambda c: c.execute("SELECT count(*) FROM event WHERE kind = 'evidence'").fetchone()
        )
        assert told == (1,)
        assert (await store.verify_chain()).ok


async def test_the_same_name_again_replaces_and_what_grows_is_not_told_each_time(tmp_path: Path) -> None:
    async with opened(tmp_path / "cockpit.db") as store:
        for minute in range(3):
            row = DRILL._replace(kind="day", at=T0 + timedelta(minutes=minute), facts={"minute": minute})
            await store.run(partial(put_evidence, row=row, boot_id="boot-1", told=False))

        (found,) = await store.read(evidence)
        assert found.facts == {"minute": 2}
        told = await store.read(
            lambda c: c.execute("SELECT count(*) FROM event WHERE kind = 'evidence'").fetchone()
        )
        assert told == (0,)


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        ("facts = '{'", (DRILL._replace(facts={}),)),
        ("facts = '[1]'", (DRILL._replace(facts={}),)),
        ("facts = x'ff'", (DRILL._replace(facts={}),)),
        ("at = 'yesterday'", ()),
        ("speed = 'fast'", ()),
    ],
)
async def test_a_row_that_cannot_be_read_proves_nothing(
    tmp_path: Path, damage: str, left: tuple[Evidence, ...]
) -> None:
    async with opened(tmp_path / "cockpit.db") as store:
        await store.run(partial(put_evidence, row=DRILL, boot_id="boot-1"))
        await store.run(lambda conn: conn.execute(f"UPDATE evidence SET {damage}"))

        assert await store.read(evidence) == left
