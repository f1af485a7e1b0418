"""A learned trader in the engine: its entry passes the gate, what it learns is kept, and it is shown."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from functools import cache, partial
from pathlib import Path

import pytest
import tomli_w

from engine.api import Level
from engine.config import ConfigError, Loaded, StrategySection, load
from engine.config.values import Profile
from engine.domain.market import Depth, Quote, utc
from engine.domain.market import Level as Row
from engine.domain.order import Side
from engine.learning.drift import Drift, DriftKind
from engine.learning.judge import News
from engine.learning.rivals import Takeover
from engine.learning.succession import Change
from engine.runtime.catalogue import check
from engine.runtime.learning.keeper import MODEL_S, LearningKeeper
from engine.runtime.learning.model_rows import ModelRows
from engine.runtime.learning.recall import learnt_before
from engine.runtime.learning.views import confidence_rows, confidence_text, model_text
from engine.runtime.running import Running
from engine.runtime.trading import Trading
from engine.store.learning import KEPT_MODELS, stored_models
from engine.store.retention import prune
from engine.strategy.base import StrategyView
from engine.strategy.learned import LearnedFutures
from tests.builders import stock
from tests.execution.rig import Rig, funded, rig
from tests.runtime.learning.running import running_of
from tests.strategy.learned_market import FAST, KEY, START_S, bars, contract, made, play, quotes
from tests.virtual_time import pass_time, virtual


@cache
def tape() -> tuple[Quote, ...]:
    """A market up to the first quote at which an entry is asked for, where no clock asked before and the
    touch shows as many as the gate will want."""
    return next(found for found in map(_until_it_enters, range(3, 20)) if found)


def _until_it_enters(seed: int) -> tuple[Quote, ...]:
    trader, found, clock_s = made(), [], 0.0
    view = StrategyView(allow_short=True)
    for quote in quotes(seed, 600, leaning=0.5):
        found.append(quote)
        if wishes := trader.on_quote(quote, view):
            shown = quote.ask_size if wishes[0].side is Side.BUY else quote.bid_size
            return tuple(found) if shown >= 38 else ()
        if quote.at >= clock_s:
            clock_s = math.floor(quote.at) + 1.0
            if trader.on_clock(KEY, utc(quote.at), view):
                return ()
    return ()


def trading_of(here: Rig, running: Running, *, at: float) -> Trading:
    """An engine whose clock stands at `at`, and whose configuration names this strategy."""
    section = StrategySection(kind="learned_futures", symbols=(KEY,), profile=Profile.FUTURES)
    here.desk.config = here.desk.config.model_copy(update={"strategies": {"learner": section}})
    here.desk.instruments[KEY] = contract()
    here.desk.clock.skipped = timedelta(seconds=at - START_S)  # type: ignore[attr-defined] - the rig's clock
    funded(here.desk, 1_000_000.0)
    here.desk.margins[KEY] = 1_000.0
    here.desk.heard.margin(KEY)
    trading = Trading(here.desk, executor=here.executor, running=(running,), spawn=here.spawn)
    trading.assign(running, (KEY,))
    running.warmed(KEY)
    return trading


def hear(here: Rig, trading: Trading, quote: Quote) -> None:
    here.desk.quotes.on_quote(quote)
    trading.on_quote(quote)


@virtual
@pytest.mark.req("FUT-F6", "FUT-RISKMGR")
async def test_a_proven_claim_becomes_a_protected_position_of_no_more_than_it_asked_for(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, keys=(KEY,)) as here:
        here.broker.unfilled = set()
        trader = made()
        play(trader, iter(tape()[:-1]))
        trading = trading_of(here, running_of(trader), at=tape()[-1].at)
        learnt = trader.contracts[KEY].trader.judge.labels

        hear(here, trading, tape()[-1])
        assert trader.contracts[KEY].asked is not None
        assert trader.contracts[KEY].trader.judge.labels == learnt  # the order does not wait for learning
        await pass_time(1)

        held = abs(here.broker.positions[KEY])
        assert held == here.stops_at_broker() > 0
        assert held <= (trader.contracts[KEY].asked.worst_usd / trader.contracts[KEY].worst_usd) + 1e-9
        for _ in range(4):
            await trading.clock_round()
            await pass_time(1)
        assert trader.contracts[KEY].trader.judge.labels > learnt
        assert trader.convictions()[0].live_trades >= 1


@virtual
@pytest.mark.req("FUT-F6", "FUT-DO-7")
async def test_what_it_explores_is_marked_in_the_ledger_and_on_the_panel_and_is_no_evidence(
    tmp_path: Path,
) -> None:
    def curious() -> tuple[LearnedFutures, list[Quote]]:
        trader, heard = made(explore=True), []
        for quote in quotes(3, 200, leaning=0.5):
            heard.append(quote)
            if trader.on_quote(quote, StrategyView(allow_short=True)):
                return trader, heard
        raise AssertionError("it never explored")

    async with rig(tmp_path, keys=(KEY,)) as here:
        here.broker.unfilled = set()
        _, heard = curious()
        trader = made(explore=True)
        play(trader, iter(heard[:-1]))
        trading = trading_of(here, running_of(trader), at=heard[-1].at)
        hear(here, trading, heard[-1])
        await pass_time(1)
        await trading.clock_round()

        kept = await here.rows("SELECT note, quantity FROM intent WHERE role = 'entry'")
        assert [(str(note)[:23], quantity) for note, quantity in kept] == [("exploring, not evidence", 1)]
        (row,) = confidence_rows((running_of(trader),))
        assert (row.explored, row.live_trades, row.needed) == (1, 0, None)


@virtual
@pytest.mark.req("FUT-F6")
async def test_the_gate_lets_it_trade_nothing_but_futures(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=(KEY,)) as here:
        trader = made()
        play(trader, iter(tape()[:-1]))
        trading = trading_of(here, running_of(trader), at=tape()[-1].at)
        here.desk.instruments[KEY] = stock(KEY)

        hear(here, trading, tape()[-1])
        await pass_time(1)

        assert here.broker.sent == []
        assert here.desk.why_not["learner", KEY].code == "profile"


@virtual
@pytest.mark.req("FUT-F5")
async def test_what_was_learnt_outlives_the_process(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=(KEY,)) as here:
        trader = made()
        running = running_of(trader)
        keeper = LearningKeeper(here.desk, store=here.store, running=(running,), learnt={})
        for part in range(KEPT_MODELS + 2):
            play(trader, iter(tape()[part * 40 : (part + 1) * 40]))
            await keeper.round()
            await pass_time(MODEL_S)
        await keeper.save()
        rows = await here.store.read(partial(stored_models, strategy="learner", key=KEY))
        again = await recalled(here)
        path = here.store.path

    with closing(sqlite3.connect(path)) as read:
        decisions = [n for (n,) in read.execute("SELECT number FROM learned_decision ORDER BY seq")]
        outcomes = dict(read.execute("SELECT kind, count(*) FROM learned_outcome GROUP BY kind"))
    assert decisions == list(range(1, trader.contracts[KEY].trader.decisions + 1))
    assert len(decisions) - 8 < outcomes["move"] <= len(decisions)
    assert len(rows) == KEPT_MODELS
    assert rows[0].last_event == trader.contracts[KEY].noted
    assert knowledge(again) == knowledge(forgetful(trader))
    assert again.peak_usd == trader.peak_usd


async def recalled(here: Rig, **params: object) -> LearnedFutures:
    """The trader of the next start."""
    again = LearnedFutures.create("learner", params={**FAST, **params}, keys=(KEY,))
    learnt = await here.store.read(partial(learnt_before, names=["learner", "other"]))
    keeper = LearningKeeper(here.desk, store=here.store, running=(running_of(again),), learnt=learnt)
    again.describe(contract(), fee_usd=0.6)
    again.warm_up(bars())
    await keeper.round()
    return again


def forgetful(trader: LearnedFutures) -> LearnedFutures:
    """One to whom a restart happened: what was under way has no honest outcome."""
    trader.contracts[KEY].learn()
    trader.on_lost_data(KEY)
    return trader


def knowledge(trader: LearnedFutures) -> object:
    """All that decides, and what people are told of it."""
    model = trader.contracts[KEY].trader
    return model.judge.state(), model.insight.state(), model.decisions, model.slippage_ticks


async def lived(
    here: Rig, *, end: int = 400, saved_at: Sequence[int] = (), **params: object
) -> LearnedFutures:
    """A trader that learns for a while, its record written every forty quotes, its model where it says."""
    trader = made(**params)
    keeper = LearningKeeper(here.desk, store=here.store, running=(running_of(trader),), learnt={})
    for begin in range(0, end, 40):
        play(trader, iter(tape()[begin : begin + 40]))
        if begin in saved_at:
            await keeper.save()
        await pass_time(1)
        await keeper.round()
    trader.contracts[KEY].learn()
    await pass_time(1)
    await keeper.round()
    return trader


@virtual
@pytest.mark.req("FUT-F5")
async def test_after_a_kill_the_record_brings_an_older_model_up_to_date(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=(KEY,)) as here:
        trader = await lived(here, end=200, saved_at=(80,))
        again = await recalled(here)

        assert knowledge(again) == knowledge(forgetful(trader))
        assert here.alerts("model_unreadable") == []


@virtual
@pytest.mark.req("FUT-F5", "FUT-EDGE-6")
async def test_rivals_and_who_is_champion_outlive_a_kill_to_the_last_bit(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=(KEY,)) as here:
        trader = await lived(here, end=160, saved_at=(80,), rivals=True)
        again = await recalled(here, rivals=True)

        assert knowledge(again) == knowledge(forgetful(trader))
        ftrl = again.contracts[KEY].trader.judge.direction.rivals.head_of("ftrl")
        assert ftrl is not None
        assert ftrl.learnt > 15
        assert here.alerts("model_unreadable") == []


@virtual
@pytest.mark.req("FUT-F5")
@pytest.mark.parametrize(
    "damage",
    ["body = '{}'", "schema = 0", 'origin = \'["a", "b", "c", "d"]\'', "origin = '[\"a\"]'", "sha256 = ''"],
)
async def test_a_model_that_is_damaged_or_another_versions_is_made_anew_from_the_record(
    tmp_path: Path, damage: str
) -> None:
    async with rig(tmp_path, keys=(KEY,)) as here:
        trader = await lived(here, saved_at=(200, 280))
        await here.store.run(lambda conn: conn.execute(f"UPDATE learned_model SET {damage} WHERE key <> ''"))
        again = await recalled(here)

        assert knowledge(again) == knowledge(forgetful(trader))
        assert "made anew" in here.alerts("model_unreadable")[0]
        assert {a.level for a in here.desk.notices.alerts} == {Level.WARNING}


@virtual
@pytest.mark.req("FUT-F5")
async def test_what_was_proven_survives_without_any_model(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=(KEY,)) as here:
        trader = await lived(here, end=len(tape()))
        again = await recalled(here)

        gate = again.contracts[KEY].trader.judge.gate
        assert gate.report() == forgetful(trader).contracts[KEY].trader.judge.gate.report()
        assert any(one.is_open for one in gate.report())


@virtual
async def test_books_and_lost_lines_reach_it_and_the_panel_shows_it(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=(KEY,)) as here:
        trader = made()
        running = running_of(trader)
        assert confidence_text(()) == model_text(()) == "no model yet"
        trading = trading_of(here, running, at=tape()[99].at)
        play(trader, iter(tape()[:100]))
        levels = tuple(Row(100.0 - n, 10 + n) for n in range(5))

        trading.on_depth(Depth(KEY, levels, levels[:1], tape()[99].at + 0.1))
        features = trader.contracts[KEY].trader.stream.snapshot(tape()[99].at + 0.2)
        assert features is not None
        assert features["depth_5"] != 0.0
        trading.on_depth(Depth(KEY, (), (), tape()[99].at + 0.2))
        (row,) = confidence_rows((running,))
        assert (row.symbol, row.needed, row.probability) == (KEY, None, None)
        assert row.text.startswith("not enough data")
        assert confidence_text((running,)).startswith("learner: not enough data")
        assert model_text((running,)).startswith("1 contract learnt, 0 with a proven edge, at least ")

        trading.cool(KEY)
        assert len(trader.contracts[KEY].trader.outcomes) == 0


def test_a_configuration_that_lets_it_run_under_another_profile_is_refused(tmp_path: Path) -> None:
    section = {"kind": "learned_futures", "symbols": ["ES@CME"], "timeframe": "5s"}
    file = tmp_path / "cockpit.toml"

    def loaded(profile: str) -> Loaded:
        file.write_text(tomli_w.dumps({"strategies": {"learner": {**section, "profile": profile}}}))
        return load(path=file, environ={}, cwd=tmp_path, mode="PAPER")

    check(loaded("futures"))
    with pytest.raises(ConfigError, match="runs under no other"):
        check(loaded("open"))


@virtual
@pytest.mark.req("FUT-EDGE-6")
async def test_an_alarm_of_drift_is_told_with_before_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, keys=(KEY,)) as here:
        trader = made()
        keeper = LearningKeeper(here.desk, store=here.store, running=(running_of(trader),), learnt={})
        play(trader, iter(tape()[:100]))
        alarm = News(Drift(DriftKind.ERRORS, 0.3, 0.62, 140), Change.DROPPED)
        monkeypatch.setattr(trader.contracts[KEY].trader.judge, "learn", lambda _: alarm)

        play(trader, iter(tape()[100:120]))
        await keeper.round()

        told = [event for event in here.desk.notices.events if "drift" in event.text]
        assert "errors: 0.30 before, 0.62 now, 140 outcomes" in told[0].text
        assert (told[0].symbol, told[0].level) == (KEY, Level.WARNING)
        assert trader.convictions()[0].drift == "challenger dropped"


@virtual
@pytest.mark.req("FUT-EDGE-6", "FUT-DO-3")
async def test_a_takeover_is_told_with_before_and_after_and_stands_on_the_model_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, keys=(KEY,)) as here:
        trader = made()
        keeper = LearningKeeper(here.desk, store=here.store, running=(running_of(trader),), learnt={})
        play(trader, iter(tape()[:100]))
        news = News(takeover=Takeover("ftrl", "bayes", 0.69, 0.61, 171))
        monkeypatch.setattr(trader.contracts[KEY].trader.judge, "learn", lambda _: news)

        play(trader, iter(tape()[100:104]))
        await keeper.round()

        (told, *_) = [event for event in here.desk.notices.events if "ftrl" in event.text]
        assert "log-loss 0.690 before, 0.610 now, 171 outcomes" in told.text
        (row,) = ModelRows().rows([running_of(trader)])
        assert (row.events[-1].what, row.events[-1].before, row.events[-1].after) == ("takeover", 0.69, 0.61)


@virtual
async def test_old_records_go_once_every_kept_model_has_seen_them(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=(KEY,)) as here:
        trader = await lived(here, end=200, saved_at=(80, 160))
        later = partial(prune, before=here.desk.now() + timedelta(days=90), at=here.desk.now(), boot_id="b")
        await here.store.run(later)
        again = await recalled(here)

        assert knowledge(again) == knowledge(forgetful(trader))
        rows = await here.store.read(lambda c: c.execute("SELECT min(turn) FROM learned_decision").fetchone())
        assert rows[0] > 1
