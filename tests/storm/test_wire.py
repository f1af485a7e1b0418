"""A fresh seed of the storm on the wire; fifty others belong to the soak."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest

from tests.storm.wire import campaign, run_seed

pytestmark = pytest.mark.slow


@pytest.mark.req("REQ-TEST-001", "PLAN-M3-AC-RECONNECT")
async def test_engine_and_exchange_agree_after_a_storm_on_the_wire() -> None:
    seeds = random.SystemRandom().sample(range(1_000_000), 1)
    print(f"seeds {seeds}")

    assert await campaign(seeds, at_once=1) == []


async def test_a_seed_that_fails_names_its_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.storm.wire.broken_for_ever", lambda place: ["planted"])
    with tempfile.TemporaryDirectory(prefix="ck-") as folder, pytest.raises(AssertionError) as failed:
        await run_seed(7, Path(folder))

    assert "seed 7: planted" in str(failed.value)
    assert "'do': 'freeze'" in str(failed.value)
