"""The trace of a decision cycle: its counts balance, every drop has its reason, each stage shows alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import Mode
from engine.api_pipeline import Stage, StageView, stage_words
from engine.broker.port import BrokerError
from engine.domain.market import Bar
from engine.domain.reasons import Reason
from engine.risk.refusal import Refusal
from engine.runtime.running import Running
from engine.runtime.selection.pipeline import ORDER, THROUGH, Fate, stages_of, waits
from engine.runtime.selection.tracing import CycleTracer
from engine.runtime.trading import Trading
from tests.builders import TEN, proposal, quote
from tests.execution.rig import Rig, funded, rig
from tests.runtime.test_trading import Script, Scripted
from tests.virtual_time import pass_time, virtual

FATES = st.lists(
    st.one_of(
        st.just(THROUGH),
        st.builds(Fate, st.sampled_from(ORDER), st.sampled_from([r.value for r in list(Reason)[:6]])),
    )
)


@given(FATES)
@pytest.mark.req("247-PIPE")
def test_what_enters_a_stage_leaves_it_or_is_a_drop_and_the_next_gets_what_it_let_through(
    fates: list[Fate],
) -> None:
    stages = stages_of(fates, {})

    assert [row.stage for row in stages] == list(Stage)
    assert stages[0].entered == len(fates)
    for row in stages:
        assert row.entered == row.passed + sum(count for _, count in row.drops)
        assert all(count > 0 for _, count in row.drops)
    for row, after in pairwise(stages):
        assert after.entered == row.passed
    assert stages[-1].passed == sum(fate == THROUGH for fate in fates)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_drop_at_one_stage_is_shown_there_with_its_reason_and_nowhere_else(stage: Stage) -> None:
    rows = {row.stage: row for row in stages_of([Fate(stage, "spread"), THROUGH], {stage: 1.5})}

    assert rows[stage] == StageView(stage, 2, 1, (("spread", 1),), 1.5)
    assert all(not row.drops and row.ms is None for row in rows.values() if row.stage is not stage)


def test_the_words_name_the_most_frequent_reason_first() -> None:
    fates = [Fate(Stage.UNIVERSE, "max_spread")] + [Fate(Stage.UNIVERSE, "no_quote")] * 2 + [THROUGH]

    assert stage_words(stages_of(fates, {})[0]) == "4 → 1: no quote 2, max spread 1"
    assert stage_words(stages_of(fates, {Stage.UNIVERSE: 0.25})[0]).endswith("(0.2 ms)")


def test_a_strategy_that_saw_nothing_drops_at_the_trigger_and_its_own_rule_at_the_rules() -> None:
    assert waits("no_signal").stage is Stage.TRIGGER
    assert waits("warming_up").stage is Stage.TRIGGER
    assert waits("filtered").stage is Stage.RULES
    assert waits("max_attempts").stage is Stage.RULES


# --- over the real gate, executor, ledger and store -------------------------------------------------------


def _watching(here: Rig, script: Script, *symbols: str) -> Trading:
    """One strategy over these, warm, with quotes that stay fresh."""
    funded(here.desk, 1_000_000.0)
    for key in symbols:
        here.desk.quotes.on_quote(quote(key, at=here.desk.now() + timedelta(hours=5)))
    running = Running(
        strategy=Scripted("a", script, keys=()),
        make=lambda keys: Scripted("a", script, keys=keys),
        kind="scripted",
        timeframe="5s",
        bar_seconds=5,
        allow_short=True,
        holds_overnight=False,
        symbols=symbols,
    )
    trading = Trading(here.desk, executor=here.executor, running=(running,), spawn=here.spawn)
    trading.assign(running, symbols)
    for key in symbols:
        trading.warm_up(running, key, ())
    return trading


@dataclass
class _Cycles:
    """Bars in, traces out."""

    here: Rig
    trading: Trading
    bars: int = 0

    def __post_init__(self) -> None:
        self.tracer = CycleTracer(self.here.desk, self.trading)

    async def cycle(self, *, bar: bool = True) -> dict[Stage, StageView]:
        """One bar of SPY, and the cycle it belongs to."""
        if bar:
            self.bars += 1
            begin = TEN + timedelta(seconds=5 * self.bars)
            self.trading.on_bar(Bar("SPY", begin, 100.0, 101.0, 99.0, 100.0, 10))
        await pass_time(1)
        await self.tracer.round()
        trace = self.here.desk.selection.pipeline.last
        assert trace is not None
        return {row.stage: row for row in trace.stages}

    async def drops(self, *, bar: bool = True) -> dict[Stage, dict[str, int]]:
        """What was held back, by stage."""
        return {stage: dict(row.drops) for stage, row in (await self.cycle(bar=bar)).items() if row.drops}


@virtual
@pytest.mark.req("247-PIPE")
async def test_an_entry_goes_through_all_stages_and_its_cycle_is_kept(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=("SPY", "QQQ")) as here:
        cycles = _Cycles(here, _watching(here, Script([(proposal(strategy="a"),)]), "SPY", "QQQ"))
        rows = await cycles.cycle()

        assert [row.passed for row in rows.values()] == [2, 1, 1, 1, 1, 1]
        assert rows[Stage.TRIGGER].drops == (("no_signal", 1),)
        assert all(rows[stage].ms is not None for stage in (Stage.TRIGGER, Stage.RISK, Stage.EXECUTION))
        acted = here.desk.selection.pipeline.acted
        await cycles.cycle(bar=False)
        pipeline = here.desk.selection.pipeline
        assert pipeline.acted is acted is not None
        assert acted.proposed == 1
        assert pipeline.last is not None
        assert pipeline.last.proposed == 0
        recorded = [event.payload for event in here.desk.session_log.waiting if event.kind == "cycle"]
        assert len(recorded) == 1, "cycles without a proposal are not kept"


@virtual
@pytest.mark.req("247-PIPE")
async def test_each_stage_that_holds_an_entry_back_says_why(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        wishes = [(proposal(strategy="a", signal_id=str(n)),) for n in range(5)]
        cycles, desk = _Cycles(here, _watching(here, Script(wishes), "SPY")), here.desk

        desk.mode = Mode.DRY_RUN
        assert await cycles.drops() == {Stage.EXECUTION: {"read_only": 1}}
        desk.mode = Mode.PAPER
        desk.inputs.excluded = {"SPY": Refusal(Reason.MAX_SPREAD, "SPY: too wide")}
        assert await cycles.drops() == {Stage.RISK: {"max_spread": 1}}, "proposed all the same"
        assert await cycles.drops(bar=False) == {Stage.UNIVERSE: {"max_spread": 1}}
        desk.inputs.excluded = {}
        here.broker.breaks_with = BrokerError("the line is gone")
        assert await cycles.drops() == {Stage.EXECUTION: {"link_down": 1}}
        here.broker.breaks_with = None
        assert await cycles.drops(bar=False) == {Stage.TRIGGER: {"no_signal": 1}}
        await here.enter()
        assert await cycles.drops(bar=False) == {Stage.TRIGGER: {"in_position": 1}}
        cycles.trading.running[0].off = "it failed"
        assert await cycles.drops(bar=False) == {Stage.TRIGGER: {"strategy_off": 1}}


@virtual
async def test_what_is_under_way_when_its_cycle_ends_is_told_by_the_next(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.queue = asyncio.Event()
        cycles = _Cycles(here, _watching(here, Script([(proposal(strategy="a"),)]), "SPY"))
        assert await cycles.drops() == {Stage.EXECUTION: {"under_way": 1}}
        assert await cycles.drops(bar=False) == {Stage.EXECUTION: {"under_way": 1}}

        here.broker.queue.set()
        rows = await cycles.cycle(bar=False)
        assert [row.passed for row in rows.values()] == [1] * 6


@virtual
async def test_a_failure_while_sending_leaves_nothing_under_way(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        cycles = _Cycles(here, _watching(here, Script([(proposal(strategy="a"),)]), "SPY"))
        here.broker.breaks_with = ZeroDivisionError("in the adapter")

        assert await cycles.drops() == {Stage.EXECUTION: {"internal_error": 1}}
