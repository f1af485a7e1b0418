"""A learned trader as the engine keeps it."""

from __future__ import annotations

from engine.runtime.running import Running
from engine.strategy.learned import LearnedFutures
from tests.strategy.learned_market import FAST, KEY


def running_of(trader: LearnedFutures) -> Running:
    return Running(
        strategy=trader,
        make=lambda keys: trader if keys else LearnedFutures.create(trader.name, params=FAST, keys=keys),
        kind="learned_futures",
        timeframe="5s",
        bar_seconds=5,
        allow_short=True,
        holds_overnight=False,
        symbols=(KEY,),
        keys={KEY},
        warm={KEY},
    )
