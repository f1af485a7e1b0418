"""A real kill -9 of a process that learns: the next one stands where the record ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from engine.runtime.learning.keeper import LearningKeeper
from engine.runtime.learning.recall import learnt_before
from engine.strategy.learned import LearnedFutures
from tests.execution.rig import rig
from tests.runtime.learning.doomed import knowledge
from tests.runtime.learning.running import running_of
from tests.strategy.learned_market import FAST, KEY, bars, contract
from tests.virtual_time import virtual


@virtual
@pytest.mark.req("FUT-F5", "FUT-EDGE-6")
async def test_after_a_kill_it_stands_where_it_stood_when_it_was_last_written(tmp_path: Path) -> None:
    doomed = subprocess.run(
        [sys.executable, "-m", "tests.runtime.learning.doomed", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert doomed.returncode == -signal.SIGKILL, doomed.stderr
    knew, decided = json.loads(doomed.stdout)

    async with rig(tmp_path, keys=(KEY,)) as here:
        again = LearnedFutures.create("learner", params=FAST, keys=(KEY,))
        learnt = await here.store.read(partial(learnt_before, names=["learner"]))
        LearningKeeper(here.desk, store=here.store, running=(running_of(again),), learnt=learnt)
        again.describe(contract(), fee_usd=0.6)
        again.warm_up(bars())

        assert again.troubles == []
        assert again.contracts[KEY].trader.decisions == decided
        assert knowledge(again) == knew
