"""A learned trader in a process of its own, killed while it learns; tells what it knew when last written."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from pathlib import Path

from engine.runtime.learning.keeper import LearningKeeper
from engine.strategy.learned import LearnedFutures
from tests.execution.rig import rig
from tests.runtime.learning.running import running_of
from tests.strategy.learned_market import KEY, made, play, quotes
from tests.virtual_time import virtual


def knowledge(trader: LearnedFutures) -> str:
    """A mark of all that decides; another where one bit of it is another."""
    model = trader.contracts[KEY].trader
    text = json.dumps([model.judge.state(), model.insight.state(), model.decisions])
    return hashlib.sha256(text.encode()).hexdigest()


async def live(folder: Path) -> None:
    """Learn, be written down now and then, learn on; and be killed in the middle of it."""
    async with rig(folder, keys=(KEY,)) as here:
        trader, tape = made(), list(quotes(3, 200, leaning=0.5))
        keeper = LearningKeeper(here.desk, store=here.store, running=(running_of(trader),), learnt={})
        for begin in range(0, 600, 60):
            play(trader, iter(tape[begin : begin + 60]))
            if begin == 240:
                await keeper.save()
        trader.contracts[KEY].learn()
        await keeper.round()
        decisions = trader.contracts[KEY].trader.decisions
        # What a restart does to anyone: outcomes under way are not known.
        twin = made()
        twin.contracts[KEY].trader.restore(json.loads(json.dumps(trader.contracts[KEY].trader.state())))
        twin.on_lost_data(KEY)
        print(json.dumps([knowledge(twin), decisions]), flush=True)
        play(trader, iter(tape[600:640]))
        assert trader.contracts[KEY].trader.decisions > decisions
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    virtual(live)(Path(sys.argv[1]))
