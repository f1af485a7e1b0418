"""What stands behind a contract keeps it: every broker, every market, every strategy, one set of promises."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.broker.ibkr import IbkrBroker
from engine.broker.port import Broker, BrokerListener
from engine.domain.market import Bar
from engine.domain.order import Intention, Proposal, Side
from engine.gateway.model import QuoteTick, TradeTick
from engine.gateway.ports import Market
from engine.gateway.synthetic import SyntheticMarket
from engine.gateway.tape import TapeMarket
from engine.runtime.inbox import Inbox
from engine.strategy import STRATEGIES, Strategy, StrategyView
from tests.examples import examples
from tests.gateway.market.markets import make
from tests.gateway.market.tapes import OPEN, play, write
from tests.strategy.bars import bars

pytestmark = pytest.mark.req("PLAN-M1-CONTRACTS")

SHIPPED = ("ma_crossover", "momentum")


def _members(contract: type) -> list[str]:
    return [
        name
        for name, member in vars(contract).items()
        if isinstance(member, FunctionType | property) and not name.startswith("_")
    ]


def _signature(owner: type, name: str) -> list[tuple[str, object, bool]]:
    member = inspect.getattr_static(owner, name)
    if isinstance(member, property):
        return []
    parameters = inspect.signature(member).parameters.values()
    return [(p.name, p.kind, p.default is p.empty) for p in parameters]


@pytest.mark.parametrize(
    ("contract", "implementation"),
    [(Broker, IbkrBroker), (BrokerListener, Inbox), (Market, SyntheticMarket), (Market, TapeMarket)],
    ids=lambda kind: kind.__name__,
)
def test_each_part_has_every_member_with_the_same_parameters(contract: type, implementation: type) -> None:
    members = _members(contract)

    assert members
    for name in members:
        assert _signature(implementation, name) == _signature(contract, name), name
        is_async = inspect.iscoroutinefunction(inspect.getattr_static(contract, name))
        assert inspect.iscoroutinefunction(inspect.getattr_static(implementation, name)) == is_async, name


# --- markets: the simulated and the recorded --------------------------------------------------------


def _recorded(folder: Path) -> TapeMarket:
    seconds = [float(number) for number in range(1, 40)]
    write(
        folder,
        "SPY_trade",
        seconds,
        price=[100 + (n % 7) / 100 for n in range(39)],
        size=[5 + n % 3 for n in range(39)],
    )
    return play(folder)


MARKETS: dict[str, Callable[[Path], Market]] = {
    "simulated": lambda _: make(3, OPEN - 1, "SPY"),
    "recorded": _recorded,
}


@pytest.fixture(params=MARKETS)
def market(request: pytest.FixtureRequest, tmp_path: Path) -> Market:
    return MARKETS[request.param](tmp_path)


def test_a_market_tells_each_event_once_in_the_order_of_time(market: Market) -> None:
    first = market.advance(OPEN + 10)
    again = market.advance(OPEN + 10)
    rest = market.advance(OPEN + 30)

    times = [event.ts for event in [*first, *rest]]
    assert first
    assert again == []
    assert times == sorted(times)
    assert max(event.ts for event in first) <= OPEN + 10 < min(event.ts for event in rest)
    assert {event.con_id for event in first} <= set(market.contracts)


def test_the_latest_quote_and_print_are_those_of_the_last_event(market: Market) -> None:
    events = market.advance(OPEN + 20)
    quote = [event for event in events if isinstance(event, QuoteTick)][-1]
    trade = [event for event in events if isinstance(event, TradeTick)][-1]

    assert market.quote(quote.con_id) == quote
    assert market.last_trade(trade.con_id) == trade


def test_work_done_ahead_changes_no_event(market: Market, tmp_path: Path) -> None:
    name = "recorded" if isinstance(market, TapeMarket) else "simulated"
    (tmp_path / "other").mkdir()
    twin = MARKETS[name](tmp_path / "other")
    for _ in range(50):
        twin.prepare()

    assert twin.advance(OPEN + 20) == market.advance(OPEN + 20)


def test_history_is_complete_ordered_and_bound_by_its_end(market: Market) -> None:
    market.seek(OPEN + 38)
    con_id = next(iter(market.contracts))

    made = market.bars(con_id, end=OPEN + 30, count=4, seconds=5, what="TRADES", rth=False)

    assert [bar.start for bar in made] == [OPEN + 10, OPEN + 15, OPEN + 20, OPEN + 25]
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in made)


# --- strategies --------------------------------------------------------------------------------------

CLOSES = st.lists(st.floats(1.0, 1000.0), min_size=60, max_size=160)


def _strategy(kind: str) -> Strategy:
    return STRATEGIES.get(kind).create("mine", params={}, keys=("SPY",))


def _played(strategy: Strategy, given_bars: list[Bar]) -> list[Proposal]:
    quantity, said = 0, []
    for bar in given_bars:
        for proposal in strategy.on_bar(bar, StrategyView(quantity, allow_short=not strategy.long_only)):
            said.append(proposal)
            quantity = 0 if proposal.intention is Intention.EXIT else 10 * proposal.side.sign
    return said


@pytest.mark.parametrize("kind", SHIPPED)
@given(closes=CLOSES)
@settings(max_examples=examples(50))
def test_a_strategy_is_pure_and_its_entries_can_be_protected(kind: str, closes: list[float]) -> None:
    strategy, given_bars = _strategy(kind), bars(closes)

    said = _played(strategy, given_bars)

    assert said == _played(_strategy(kind), given_bars)
    ends = {bar.end: bar.close for bar in given_bars}
    for proposal in said:
        assert (proposal.strategy, proposal.key) == ("mine", "SPY")
        assert proposal.at in ends, "only on completed bars"
        if proposal.intention is Intention.ENTER:
            assert proposal.stop_price is not None
            assert math.isfinite(proposal.stop_price)
            assert (ends[proposal.at] - proposal.stop_price) * proposal.side.sign > 0
    assert len({proposal.signal_id for proposal in said if proposal.intention is Intention.ENTER}) == len(
        [proposal for proposal in said if proposal.intention is Intention.ENTER]
    )


@pytest.mark.parametrize("kind", SHIPPED)
def test_a_strategy_proposes_nothing_because_of_history_and_knows_only_its_own(kind: str) -> None:
    strategy = _strategy(kind)
    past = bars(100 + (n % 20) for n in range(strategy.warm_up_bars() + 5))
    strategy.warm_up(past)

    assert strategy.on_bar(past[-1], StrategyView()) == ()
    assert strategy.on_bar(past[-1]._replace(symbol="QQQ"), StrategyView()) == ()
    assert strategy.why_not("SPY").text
    with pytest.raises(KeyError):
        strategy.why_not("QQQ")


@pytest.mark.parametrize("kind", SHIPPED)
def test_a_long_only_strategy_never_sells_what_it_does_not_hold(kind: str) -> None:
    strategy = _strategy(kind)
    wave = bars(100 + 10 * math.sin(n / 6) for n in range(400))
    said = [p for bar in wave for p in strategy.on_bar(bar, StrategyView(allow_short=False))]

    assert {p.side for p in said} <= {Side.BUY}
