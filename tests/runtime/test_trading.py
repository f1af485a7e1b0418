"""Strategies and their markets: one that fails is off, the others live; what has no answer is asked again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import pytest

from engine.api import Mode
from engine.broker.port import Fetched
from engine.domain.market import Bar, Quote
from engine.domain.order import Intention, Proposal, Role, Side
from engine.domain.plan import Plan
from engine.domain.reasons import Reason
from engine.domain.setup import Setup
from engine.market.quality import TickGuard, TickLimits
from engine.risk.refusal import Refusal
from engine.runtime.keeping.checkpoint import Checkpoints, LastState
from engine.runtime.markets import DESCRIBE_RETRY_S, Markets
from engine.runtime.running import Running
from engine.runtime.selection.warming import HISTORY_RETRY_S, HISTORY_TRIES
from engine.runtime.trading import Trading
from engine.strategy.base import Strategy, StrategyView, Waiting
from tests.builders import TEN, future, proposal, quote, stock
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import pass_time, virtual


@dataclass
class Script:
    """What a scripted strategy does."""

    answers: list[tuple[Proposal, ...]] = field(default_factory=list)
    breaks_in: str = ""
    breaks_at: str = ""
    """Instrument at whose bars it breaks."""
    heard: list[Bar] = field(default_factory=list)
    taught: list[Bar] = field(default_factory=list)
    views: list[StrategyView] = field(default_factory=list)
    setups: list[tuple[Setup, ...]] = field(default_factory=list)


class Scripted(Strategy):
    """Does what its script says."""

    def __init__(self, name: str, script: Script, *, keys: Sequence[str]) -> None:
        super().__init__(name, keys=keys)
        self.script = script

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        return cls(name, Script(), keys=keys)

    def _maybe_break(self, where: str) -> None:
        if self.script.breaks_in == where:
            raise ZeroDivisionError(where)

    def warm_up_bars(self) -> int:
        self._maybe_break("warm_up_bars")
        return 1

    def warm_up(self, bars: Iterable[Bar]) -> None:
        self._maybe_break("warm_up")
        self.script.taught += bars

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        self._maybe_break("on_bar")
        if bar.symbol == self.script.breaks_at:
            raise ZeroDivisionError(bar.symbol)
        self.script.heard.append(bar)
        self.script.views.append(view)
        return self.script.answers.pop(0) if self.script.answers else ()

    def why_not(self, key: str) -> Waiting:
        self._maybe_break("why_not")
        return Waiting(Reason.NO_SIGNAL, "waits")


def _bar(key: str = "SPY", n: int = 1) -> Bar:
    return Bar(key, TEN + timedelta(seconds=5 * n), 100.0, 101.0, 99.0, 100.0, 10)


def _running(name: str, script: Script, *symbols: str) -> Running:
    return Running(
        strategy=Scripted(name, script, keys=()),
        make=lambda keys: Scripted(name, script, keys=keys),
        kind="scripted",
        timeframe="5s",
        bar_seconds=5,
        allow_short=True,
        holds_overnight=False,
        symbols=symbols or ("SPY",),
    )


def _trading(here: Rig, *running: Running, warm: bool = True) -> Trading:
    funded(here.desk, 1_000_000.0)
    for key in here.desk.instruments:
        here.desk.quotes.on_quote(quote(key, at=here.desk.now() + timedelta(hours=5)))
    trading = Trading(here.desk, executor=here.executor, running=running, spawn=here.spawn)
    if warm:
        for one in running:
            trading.assign(one, one.symbols)
            for key in one.symbols:
                trading.warm_up(one, key, ())
    return trading


def _exit(name: str = "a") -> Proposal:
    return proposal(
        strategy=name, intention=Intention.EXIT, side=Side.SELL, signal_id=f"{name}-out", stop_price=None
    )


# --- trading ------------------------------------------------------------------------------------


@virtual
@pytest.mark.parametrize("where", ["on_bar", "why_not", "warm_up", "warm_up_bars"])
async def test_a_strategy_that_fails_is_off_and_the_others_live(tmp_path: Path, where: str) -> None:
    async with rig(tmp_path) as here:
        bad, good = Script(breaks_in=where), Script()
        trading = _trading(here, _running("bad", bad), _running("good", good))

        assert trading.bars_wanted(trading.running[0]) in (0, 1)
        trading.why_not()
        for n in range(3):
            trading.on_bar(_bar(n=n))
            trading.why_not()

        assert {r.name: r.state for r in trading.rows()} == {"bad": "off", "good": "live"}
        assert len(good.heard) == 3
        assert len(bad.heard) <= 3
        assert "bad" in here.alerts("strategy_off")[0]
        assert {w.strategy: w.code for w in trading.why_not()} == {"bad": "strategy_off", "good": "no_signal"}


@virtual
async def test_a_second_strategy_that_fails_is_named_too(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        both = [_running(name, Script(breaks_in="on_bar")) for name in ("one", "two")]
        trading = _trading(here, *both)
        for n in range(3):
            trading.on_bar(_bar(n=n))

        (text,) = here.alerts("strategy_off")
        assert "one" in text
        assert "two" in text


@virtual
async def test_a_bar_becomes_a_protected_position(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.unfilled = set()
        script = Script([(proposal(strategy="a"),)])
        _trading(here, _running("a", script)).on_bar(_bar())
        await pass_time(1)

        assert here.broker.positions["SPY"] == here.stops_at_broker() > 0


@virtual
async def test_the_same_signal_enters_once(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        script = Script([(proposal(strategy="a"),)] * 2)
        trading = _trading(here, _running("a", script))
        trading.on_bar(_bar())
        await pass_time(1)
        here.broker.end(here.last(Role.ENTRY).intent.ref)
        await pass_time(1)
        trading.on_bar(_bar(n=2))
        await pass_time(1)

        assert len(here.state_of(Role.ENTRY)) == 1
        assert here.desk.why_not["a", "SPY"].code == "duplicate_signal"


@virtual
async def test_two_strategies_that_want_the_same_at_once_get_one_order(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        scripts = [Script([(proposal(strategy=n, signal_id=n),)]) for n in ("a", "b")]
        _trading(here, *(_running(n, s) for n, s in zip("ab", scripts, strict=True))).on_bar(_bar())
        await pass_time(1)

        assert len(here.state_of(Role.ENTRY)) == 1


@virtual
async def test_a_reversal_is_flat_before_it_turns(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.unfilled = set()
        here.without_cooldowns()
        turn = proposal(strategy="a", signal_id="turn")
        script = Script([(proposal(strategy="a"),), (turn, _exit())])
        trading = _trading(here, _running("a", script))
        trading.on_bar(_bar())
        await pass_time(1)
        trading.on_bar(_bar(n=2))
        await pass_time(1)

        roles = [ref.rsplit("-", 1)[1] for ref in here.broker.sent]
        assert roles == ["entry", "stop", "exit", "entry", "stop"]
        assert here.broker.positions["SPY"] == here.stops_at_broker() > 0


@virtual
async def test_a_strategy_does_not_close_what_another_owns(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()  # owned by "ma"
        script = Script([(_exit("a"),)])
        _trading(here, _running("a", script)).on_bar(_bar())
        await pass_time(1)

        assert here.broker.positions["SPY"] == 100
        assert script.views[0].quantity == 0


@virtual
@pytest.mark.req("PLAN-M3-DRYRUN")
async def test_a_dry_run_says_what_it_would_do_and_sends_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        script = Script([(proposal(strategy="a"),)])
        trading = _trading(here, _running("a", script))
        here.desk.mode = Mode.DRY_RUN
        trading.on_bar(_bar())
        await pass_time(1)
        assert any("DRY: would a enter" in e.text for e in here.desk.notices.events)
        assert here.books.orders() == ()

        await here.enter()
        script.answers = [(_exit("ma"),)]
        sent = list(here.broker.sent)
        trading.on_bar(_bar(n=2))
        await pass_time(1)
        assert any("DRY: would ma exit" in e.text for e in here.desk.notices.events)
        assert here.broker.sent == sent


@virtual
async def test_a_refusal_is_told_once_and_shown_for_a_while(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        wish = proposal(strategy="a", stop_price=None)
        script = Script([(wish,)] * 3)
        trading = _trading(here, _running("a", script))
        for n in range(3):
            trading.on_bar(_bar(n=n))
            await pass_time(1)

        assert trading.why_not()[0].code == "stop_invalid"
        assert sum("refused" in e.text for e in here.desk.notices.events) == 1
        await pass_time(61)
        assert trading.why_not()[0].code == "no_signal"


@virtual
@pytest.mark.req("REQ-U1")
async def test_what_the_universe_leaves_out_says_so_and_not_that_a_signal_is_missing(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        trading = _trading(here, _running("a", Script(), "SPY"))
        here.desk.inputs.excluded = {"SPY": Refusal(Reason.MIN_VOLUME, "SPY: too thin")}
        why = trading.why_not()[0]

        assert (why.code, why.text) == ("min_volume", "SPY: too thin")


# --- markets ------------------------------------------------------------------------------------


def _bare_markets(here: Rig, trading: Trading) -> Markets:
    nothing = Checkpoints(here.desk, store=here.store, running=trading.running, last=LastState())
    return Markets(here.desk, broker=here.broker, trading=trading, checkpoints=nothing, spawn=here.spawn)


def _markets(here: Rig, trading: Trading) -> Markets:
    here.desk.instruments.clear()
    return _bare_markets(here, trading)


@virtual
async def test_an_unknown_symbol_is_told_and_the_others_trade(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        trading = _trading(here, _running("a", Script(), "NOPE", "SPY"), warm=False)
        here.broker.chains = {"SPY": Fetched((stock(),))}

        await _markets(here, trading).prepare(data_lost=True)

        assert trading.running[0].keys == trading.running[0].warm == {"SPY"}
        assert "no such contract" in here.alerts("unknown_instrument")[0]
        assert here.broker.subscribed == ["SPY"]


@virtual
async def test_a_contract_without_an_answer_is_not_called_unknown_and_is_asked_for_again(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        trading = _trading(here, _running("a", Script(), "QQQ", "SPY"), warm=False)
        here.broker.chains = {"SPY": Fetched((stock(),)), "QQQ": Fetched(None, "no answer within 10 s")}
        await _markets(here, trading).prepare(data_lost=True)
        assert here.alerts("unknown_instrument") == []
        assert trading.running[0].keys == {"SPY"}

        here.broker.chains["QQQ"] = Fetched((stock("QQQ"),))
        await pass_time(DESCRIBE_RETRY_S + 1)

        assert trading.running[0].warm == {"SPY", "QQQ"}


@virtual
async def test_history_that_does_not_come_is_told_and_asked_for_until_it_comes(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        script = Script()
        trading = _trading(here, _running("a", script), warm=False)
        here.broker.chains = {"SPY": Fetched((stock(),))}
        here.broker.bars = {"SPY": Fetched(None, "no answer within 60 s")}
        await _markets(here, trading).prepare(data_lost=True)
        assert trading.rows()[0].state == "warming up"
        trading.on_bar(_bar())
        assert script.heard != []  # it listens, and may not act
        (why,) = trading.why_not()
        assert why.code == "warming_up"
        assert why.text == "waiting for history (no answer within 60 s); 1 live bars of its own so far"

        await pass_time(HISTORY_RETRY_S * (HISTORY_TRIES - 1) + 1)
        assert here.broker.log.count("history SPY") == HISTORY_TRIES
        assert "no history" in here.alerts("no_history")[0]

        here.broker.bars = {"SPY": Fetched((_bar(),))}
        await pass_time(HISTORY_RETRY_S + 1)
        assert trading.rows()[0].state == "live"
        assert here.alerts("no_history") == []


@virtual
async def test_history_is_taught_once_also_where_two_answers_come(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        script = Script()
        trading = _trading(here, _running("a", script), warm=False)
        here.broker.chains = {"SPY": Fetched((stock(),))}
        here.broker.bars = {"SPY": Fetched(None, "later")}
        markets = _markets(here, trading)
        await markets.prepare(data_lost=True)
        here.broker.bars = {"SPY": Fetched((_bar(),))}
        await markets.prepare(data_lost=False)
        await pass_time(HISTORY_RETRY_S + 1)

        assert script.taught == [_bar()]


@virtual
async def test_no_data_line_left_is_told_and_the_first_ones_trade(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        lines = here.desk.config.market_data.model_copy(update={"max_lines": 1})
        here.desk.config = here.desk.config.model_copy(update={"market_data": lines})
        trading = _trading(here, _running("a", Script(), "QQQ", "SPY"), warm=False)
        here.broker.chains = {s: Fetched((stock(s),)) for s in ("QQQ", "SPY")}

        await _markets(here, trading).prepare(data_lost=True)

        assert len(here.broker.subscribed) == 1
        assert "no data line left" in here.alerts("data_lines")[0]


@virtual
async def test_the_margin_of_a_future_is_asked_ahead_of_time(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        front = future("ESZ6", last_trade_date=(TEN + timedelta(days=28)).date())
        trading = _trading(here, _running("a", Script(), "ES@CME"), warm=False)
        here.broker.chains = {"ES": Fetched((front,))}

        await _markets(here, trading).prepare(data_lost=True)

        assert here.desk.margins == {"ESZ6": 1000.0}
        assert here.books.orders() == ()


# --- ticks, the clock, levels -------------------------------------------------------------------


class Reader(Scripted):
    """Reads quotes and the clock."""

    reads_quotes = True
    wants_setups = True

    def wants_quote(self, quote: Quote) -> bool:
        return True

    def on_quote(self, quote: Quote, view: StrategyView) -> tuple[Proposal, ...]:
        self._maybe_break("on_quote")
        self.script.views.append(view)
        return self.script.answers.pop(0) if self.script.answers else ()

    def on_clock(self, key: str, now: datetime, view: StrategyView) -> tuple[Proposal, ...]:
        self._maybe_break("on_clock")
        self.script.views.append(view)
        return self.script.answers.pop(0) if self.script.answers else ()

    def take_setups(self, setups: Sequence[Setup]) -> None:
        self.script.setups.append(tuple(setups))


def _reading(script: Script) -> Running:
    running = _running("a", script)
    running.make = lambda keys: Reader("a", script, keys=keys)
    running.strategy = Reader("a", script, keys=())
    return running


@virtual
async def test_a_quote_becomes_a_protected_position(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.unfilled = set()
        trading = _trading(here, _reading(Script([(proposal(strategy="a"),)])))

        trading.on_quote(quote("QQQ"))
        assert here.broker.sent == []
        trading.on_quote(quote("SPY"))
        await pass_time(1)

        assert here.broker.positions["SPY"] == here.stops_at_broker() > 0


@virtual
async def test_a_tick_that_decides_nothing_is_not_shown_to_who_reads_quotes(tmp_path: Path) -> None:
    """A break on it would be refused by the gate, and used up."""
    async with rig(tmp_path) as here:
        script = Script()
        trading = _trading(here, _reading(script))
        board, wide = here.desk.quotes, quote("SPY", bid=90.0, ask=110.0)
        board.guard_with(TickGuard(TickLimits, min_tick=lambda _: 0.01))

        board.on_quote(wide)
        trading.on_quote(wide)
        assert script.views == []

        board.on_quote(quote("SPY"))
        trading.on_quote(quote("SPY"))
        assert len(script.views) == 1


@virtual
@pytest.mark.req("PS60-5MIN")
async def test_an_exit_by_the_clock_closes_with_its_own_reason(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.unfilled = set()
        leave = replace(_exit(), reason=Reason.FIVE_MINUTE_RULE)
        trading = _trading(here, _reading(Script([(proposal(strategy="a"),), (leave,)])))
        trading.on_quote(quote("SPY"))
        await pass_time(1)

        await trading.clock_round()
        await pass_time(1)

        assert here.broker.positions.get("SPY", 0) == 0
        assert here.desk.books.ledger.positions.trades()[0].reason == "5min_rule"


@virtual
async def test_it_is_told_what_it_holds_and_how_often_it_tried(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.unfilled = set()
        levels = Setup(key="SPY", day=TEN.date(), resistance=100.5, support=99.0, source="scan")
        here.desk.setups["SPY"] = levels
        script = Script([(proposal(strategy="a", plan=Plan(pivot=100.5, target1=101.0)),)])
        trading = _trading(here, _reading(script))
        assert script.setups == [(levels,)]
        trading.on_quote(quote("SPY"))
        await pass_time(1)
        trading.on_quote(quote("SPY"))

        before, after = script.views
        assert (before.quantity, before.attempts_long, before.holding) == (0, 0, None)
        assert after.quantity == here.broker.positions["SPY"]
        assert (after.attempts_long, after.attempts_short, after.max_attempts) == (1, 0, 2)
        assert after.holding is not None
        assert (after.holding.target1, after.holding.has_partial) == (101.0, False)


@virtual
@pytest.mark.parametrize("where", ["on_quote", "on_clock"])
async def test_a_reader_that_fails_three_times_is_off_there_and_asked_no_more(
    tmp_path: Path, where: str
) -> None:
    async with rig(tmp_path) as here:
        script = Script(breaks_in=where)
        trading = _trading(here, _reading(script))
        for _ in range(3):
            trading.on_quote(quote("SPY"))
            await trading.clock_round()
        heard = len(script.views)
        trading.on_quote(quote("SPY"))
        await trading.clock_round()

        assert "SPY" in trading.running[0].off_at
        assert len(script.views) == heard
