"""A scanner's list is traded where a strategy asks for it: the best of it, and what is held; nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import EngineState
from engine.broker.port import Fetched
from engine.config import ConfigError, load
from engine.domain.setup import Setup
from engine.market.scan_file import file_name
from engine.recovery.checkpoint import Restored
from engine.runtime import catalogue
from engine.runtime.keeping.checkpoint import Checkpoints
from engine.runtime.markets import Markets
from engine.runtime.running import Running
from engine.runtime.setups.picking import pick
from engine.runtime.setups.service import LOOK_S, SetupService
from engine.runtime.trading import Trading
from engine.strategy import STRATEGIES
from tests.builders import TEN, stock
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual

DAY = TEN.date()


def _setup(key: str, score: float) -> Setup:
    return Setup(key=key, day=DAY, resistance=101.0, support=99.0, score=score)


def test_the_best_scores_are_picked_and_what_is_held_stays() -> None:
    setups = [_setup("A", 10), _setup("B", 90), _setup("C", 50), _setup("OWN", 99), _setup("BAD", 95)]
    picked = pick(setups, most=2, own={"OWN"}, held={"Z", "C", "OWN"}, barred=("BAD",))
    assert picked == ("B", "C", "Z")
    assert pick(setups, most=0, own=(), held=()) == ()


_KEYS = st.sets(st.sampled_from("ABCDEFGH"))


@given(
    scores=st.dictionaries(st.sampled_from("ABCDEFGH"), st.floats(0, 100)),
    own=_KEYS,
    held=_KEYS,
    barred=_KEYS,
)
def test_never_more_than_asked_for_and_nothing_held_is_lost(
    scores: dict[str, float], own: set[str], held: set[str], barred: set[str]
) -> None:
    setups = [_setup(key, score) for key, score in scores.items()]
    picked = pick(setups, most=2, own=own, held=held, barred=barred)
    assert len(set(picked)) == len(picked)
    assert held <= own.union(picked)
    assert not own.intersection(picked)
    assert len(set(picked) - held) <= 2
    assert not (set(picked) - held) & barred


class _NoBuffers(Checkpoints):
    """Nothing was saved by a run before."""

    def __init__(self) -> None:
        pass

    def restored_bars(self, key: str) -> Restored:
        return Restored((), 0)

    def warmed(self, key: str, ours: Restored, history: object) -> tuple[()]:
        return ()


def _wired(here: Rig, folder: Path, *symbols: str, most: int = 2) -> tuple[SetupService, Running]:
    """A pivot trader of these symbols and of `most` of the scanner's, with real markets behind it."""
    kind = STRATEGIES.get("pivot_break")
    running = Running(
        strategy=kind.create("ma", params={}, keys=()),
        make=lambda keys: kind.create("ma", params={}, keys=tuple(keys)),
        kind="pivot_break",
        timeframe="5s",
        bar_seconds=5,
        allow_short=True,
        holds_overnight=False,
        symbols=symbols,
        from_scanner=most,
    )
    here.desk.state = EngineState.READY
    here.broker.chains = {key: Fetched((stock(key),)) for key in ("SPY", "AAA", "BBB", "CCC", "DDD")}
    trading = Trading(here.desk, executor=here.executor, running=(running,), spawn=here.spawn)
    markets = Markets(
        here.desk, broker=here.broker, trading=trading, checkpoints=_NoBuffers(), spawn=here.spawn
    )
    service = SetupService(
        here.desk,
        broker=here.broker,
        trading=trading,
        folder=folder / "scanner",
        own_folder=folder / "own",
        spawn=here.spawn,
        prepare=lambda: markets.prepare(data_lost=False),
    )
    return service, running


def _write(folder: Path, **scores: float) -> None:
    rows = [
        {"symbol": k, "resistance": 101.0, "support": 99.0, "score": score} for k, score in scores.items()
    ]
    path = folder / "scanner" / file_name(DAY)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"date": DAY.isoformat(), "setups": rows}), encoding="utf-8")


async def _look(service: SetupService) -> None:
    await pass_time(LOOK_S)
    await service.round()
    await pass_time(1)


@virtual
@pytest.mark.req("PS60-SCANNER")
async def test_the_list_of_a_scanner_is_traded_best_score_first(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        service, running = _wired(here, tmp_path, "SPY")
        _write(tmp_path, AAA=40, BBB=90, CCC=60, SPY=10)
        await _look(service)

        assert running.picked == ("BBB", "CCC")
        assert running.keys == {"SPY", "BBB", "CCC"}
        assert set(here.broker.subscribed) == {"SPY", "BBB", "CCC"}
        states = {state.key: state.score for state in running.strategy.setup_states()}
        assert states == {"SPY": 10.0, "BBB": 90.0, "CCC": 60.0}
        assert any("not traded by any strategy: AAA" in event.text for event in here.desk.notices.events)


@virtual
@pytest.mark.req("PS60-SCANNER")
async def test_a_strategy_may_live_on_the_scanner_alone_and_without_a_file_enters_nothing(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, keys=()) as here:
        service, running = _wired(here, tmp_path)
        await _look(service)
        assert running.keys == set()
        assert any("no scanner file" in event.text for event in here.desk.notices.events)
        assert [line for line in here.broker.log if line.startswith("history")] == []

        _write(tmp_path, AAA=40)
        await _look(service)
        assert running.keys == {"AAA"}


@virtual
async def test_what_is_held_is_managed_on_when_a_new_list_does_not_name_it(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=("AAA",)) as here:
        service, running = _wired(here, tmp_path)
        await here.enter(key="AAA")  # by `ma`, in a run before this one
        await _look(service)
        assert running.keys == {"AAA"}

        _write(tmp_path, BBB=90, CCC=60, DDD=99)
        await _look(service)
        assert running.picked == ("DDD", "BBB", "AAA")
        assert "AAA" not in {state.key for state in running.strategy.setup_states()}


@virtual
async def test_a_new_day_drops_the_list_of_the_old_one(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        service, running = _wired(here, tmp_path, "SPY")
        _write(tmp_path, AAA=40)
        await _look(service)
        assert running.picked == ("AAA",)

        here.desk.clock.skipped = timedelta(days=1)  # type: ignore[attr-defined] - the rig's own clock
        await _look(service)
        assert running.picked == ()


@virtual
async def test_restricted_symbols_are_not_picked(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        risk = here.desk.config.risk.model_copy(update={"restricted": ("BBB",)})
        here.desk.config = here.desk.config.model_copy(update={"risk": risk})
        service, running = _wired(here, tmp_path)
        _write(tmp_path, AAA=40, BBB=90)
        await _look(service)
        assert running.picked == ("AAA",)


def test_only_a_kind_that_trades_levels_may_live_on_a_scanner(tmp_path: Path) -> None:
    file = tmp_path / "cockpit.toml"
    text = "[strategies.mine]\nkind = '{}'\nsymbols = []\nfrom_scanner = 3\n"
    file.write_text(text.format("momentum"))
    with pytest.raises(ConfigError, match=r"strategies\.mine\.from_scanner = 3: expected 0: momentum trades"):
        catalogue.check(load(path=file, environ={}, cwd=tmp_path))
    file.write_text(text.format("pivot_break"))
    catalogue.check(load(path=file, environ={}, cwd=tmp_path))
