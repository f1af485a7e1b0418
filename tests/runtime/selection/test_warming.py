"""Warming up more instruments than the broker answers for at once: in order, told, to the last one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import pytest

from engine.api import Level
from engine.broker.pacing import HistoryPacing
from engine.broker.port import Fetched
from engine.domain.instrument import Instrument
from engine.domain.market import Bar
from engine.domain.order import Proposal
from engine.domain.reasons import Reason
from engine.domain.setup import Setup
from engine.runtime.keeping.checkpoint import Checkpoints, LastState
from engine.runtime.markets import Markets
from engine.runtime.running import Running
from engine.runtime.trading import Trading
from engine.strategy.base import Strategy, StrategyView, Waiting
from tests.builders import TEN, stock
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual

KEYS = tuple(f"S{number:02}" for number in range(100))
NEEDED = 20
AT_ONCE = 60
"""Questions for small bars that the broker answers in ten minutes."""


class Listens(Strategy):
    """Wants nothing, needs twenty bars."""

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        return cls(name, keys=keys)

    def warm_up_bars(self) -> int:
        return NEEDED

    def warm_up(self, bars: Iterable[Bar]) -> None:
        pass

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        return ()

    def why_not(self, key: str) -> Waiting:
        return Waiting(Reason.NO_SIGNAL, "waits")


@dataclass
class Paced:
    """A broker's answers, within its own rules."""

    rig: Rig
    pacing: HistoryPacing = field(default_factory=HistoryPacing)
    asked: list[str] = field(default_factory=list)

    async def history(
        self, instrument: Instrument, *, count: int, seconds: int, end: datetime | None = None
    ) -> Fetched[tuple[Bar, ...]]:
        key, now_s = instrument.key, self.rig.desk.clock.monotonic()
        wait_s = self.pacing.wait_s(now_s, line=key, request=key)
        if wait_s > 0:
            return Fetched(None, f"the pacing allows it in {wait_s:.0f} s", wait_s)
        self.pacing.asked(now_s, line=key, request=key)
        self.asked.append(key)
        return Fetched((live_bar(key, 0),))


@dataclass
class Hundred:
    """A hundred instruments with lines, one strategy, and a paced broker."""

    rig: Rig
    trading: Trading
    running: Running
    markets: Markets
    broker: Paced

    def why(self, key: str) -> tuple[str, str]:
        (row,) = (row for row in self.trading.why_not() if row.symbol == key)
        return row.code, row.text


def live_bar(key: str, number: int) -> Bar:
    return Bar(key, TEN + timedelta(seconds=5 * number), 10.0, 10.1, 9.9, 10.0, 100, 5, 10.0, 1)


@asynccontextmanager
async def hundred(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hundred]:
    async with rig(folder) as here:
        data = here.desk.config.market_data.model_copy(update={"max_lines": 2 * len(KEYS)})
        here.desk.config = here.desk.config.model_copy(update={"market_data": data})
        running = Running(
            strategy=Listens("a", keys=()),
            make=lambda keys: Listens("a", keys=keys),
            kind="listens",
            timeframe="5s",
            bar_seconds=5,
            allow_short=True,
            holds_overnight=False,
            symbols=KEYS,
        )
        trading = Trading(here.desk, executor=here.executor, running=(running,), spawn=here.spawn)
        for number, key in enumerate(KEYS):
            here.broker.chains[key] = Fetched((stock(key, con_id=1000 + number),))
            setup = Setup(key=key, day=TEN.date(), resistance=11.0, support=9.0, score=float(number))
            here.desk.setups[key] = setup
        broker = Paced(here)
        monkeypatch.setattr(here.broker, "history", broker.history)
        markets = Markets(
            here.desk,
            broker=here.broker,
            trading=trading,
            checkpoints=Checkpoints(here.desk, store=here.store, running=(running,), last=LastState()),
            spawn=here.spawn,
        )
        yield Hundred(here, trading, running, markets, broker)


@virtual
@pytest.mark.req("PLAN-RISK-RATE")
async def test_the_best_are_warmed_first_and_the_others_one_by_one_within_the_pacing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hundred(tmp_path, monkeypatch) as here:
        began_s = here.rig.desk.clock.monotonic()
        await here.markets.prepare(data_lost=True)

        assert here.rig.desk.clock.monotonic() - began_s < 1.0, (
            "READY does not wait for those whose turn is later"
        )
        best = list(reversed(KEYS))[:AT_ONCE]
        assert here.broker.asked == best
        assert here.running.warm == set(best)
        code, text = here.why(KEYS[0])
        assert code == "warming_up"
        assert "the pacing allows it in 600 s" in text
        (told,) = (e.text for e in here.rig.desk.notices.events if "waits for the broker's pacing" in e.text)
        assert told.startswith("history of 40 instruments")

        await pass_time(610)
        assert here.running.warm == set(KEYS)
        assert sorted(here.broker.asked) == sorted(KEYS), "nobody was asked for twice"
        assert here.rig.alerts("no_history") == [], "a turn that comes later is no failure"


@virtual
async def test_its_own_live_bars_warm_an_instrument_before_its_turn_comes_if_none_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hundred(tmp_path, monkeypatch) as here:
        await here.markets.prepare(data_lost=True)
        whole, broken = KEYS[0], KEYS[1]
        for number in range(1, NEEDED):
            here.trading.on_bar(live_bar(whole, number))
            if number != 10:
                here.trading.on_bar(live_bar(broken, number))
        assert whole not in here.running.warm
        assert f"{NEEDED - 1} live bars of its own so far" in here.why(whole)[1]

        for key in (whole, broken):
            here.trading.on_bar(live_bar(key, NEEDED))
        assert whole in here.running.warm
        assert here.why(whole) == ("no_signal", "waits")
        assert broken not in here.running.warm, "bars on both sides of a hole are not in a row"

        for number in range(NEEDED + 1, NEEDED + 11):
            here.trading.on_bar(live_bar(broken, number))
        assert broken in here.running.warm

        await pass_time(610)
        assert whole not in here.broker.asked, "what is warm is not asked for any more"


@virtual
@pytest.mark.req("PLAN-RISK-GAPS")
async def test_missing_live_bars_are_told_once_with_symbol_and_range_and_no_bar_is_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hundred(tmp_path, monkeypatch) as here:
        heard: list[Bar] = []
        await here.markets.prepare(data_lost=True)
        monkeypatch.setattr(here.running.strategy, "on_bar", lambda bar, _view: heard.append(bar) or ())
        warm, cold = KEYS[-1], KEYS[0]
        told = [1, 2, 5, 6, 13, 14]  # seconds without a trade, then a hole
        for number in told:
            for key in (warm, cold):
                here.trading.on_bar(live_bar(key, number))

        assert heard == [live_bar(key, number) for number in told for key in (warm, cold)]
        events = [e for e in here.rig.desk.notices.events if "none is made up" in e.text]
        assert [(e.level, e.symbol, e.text) for e in events] == [
            (Level.WARNING, warm, f"{warm}: no 5-second bars 10:00:30-10:01:00 ET; skipped, none is made up")
        ]

        await pass_time(610)
        assert cold in here.running.warm
        here.trading.on_bar(live_bar(cold, 200))
        assert len([e for e in here.rig.desk.notices.events if "none is made up" in e.text]) == 1, (
            "history came"
        )
