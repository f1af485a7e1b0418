"""A disk that takes its time holds up whoever waits for it, and nobody else on the loop."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from tests.ledger.building import T0, intent
from tests.store.building import opened

TURNS = 1000


@pytest.mark.req("PS60-NFR-WRITE")
async def test_the_loop_turns_on_while_the_disk_does_not_answer(tmp_path: Path) -> None:
    disk_answers = threading.Event()
    async with opened(tmp_path / "cockpit.db") as store:
        stuck = asyncio.create_task(store.run(lambda _: disk_answers.wait(30.0)))
        order = asyncio.create_task(store.record_intents([intent("ck-1-SPY-a-entry")], at=T0))

        for _ in range(TURNS):
            await asyncio.sleep(0)

        assert (stuck.done(), order.done()) == (False, False)
        assert store.metrics().backlog == 2
        disk_answers.set()
        assert await stuck
        await order
