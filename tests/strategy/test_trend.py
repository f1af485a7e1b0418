"""Crossover and momentum: when they enter, when they leave, and what they never do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import Bar
from engine.domain.order import Intention, Proposal, Side
from engine.domain.reasons import Reason
from engine.strategy import STRATEGIES, Strategy, StrategyView
from engine.strategy.indicators import SESSION_S
from engine.strategy.ma_crossover import CrossoverParams
from engine.strategy.trend import SIGNAL_BARS
from tests.strategy.bars import bar, bars

FLAT = StrategyView()
SHORTABLE = StrategyView(allow_short=True)
SMALL = {"fast": 2, "slow": 4, "atr": 2, "stop_atr": 2.0, "min_stop_pct": 0.0}

# Falls, then rises: the averages over 2 and 4 cross up once (at bar 8), and down once after the top.
ONE_HILL = [20.0, 19, 18, 17, 16, 15, 14, 14, 17, 19, 21, 23, 24, 24, 22, 19, 16, 14]


def crossover(keys: Sequence[str] = ("SPY",), **params: object) -> Strategy:
    return STRATEGIES.get("ma_crossover").create("cross", params={**SMALL, **params}, keys=keys)


def momentum(**params: object) -> Strategy:
    small = {"bars": 3, "enter_pct": 5.0, "exit_pct": -1.0, "atr": 2, "min_stop_pct": 0.0}
    return STRATEGIES.get("momentum").create("mom", params={**small, **params}, keys=("SPY",))


def traded(strategy: Strategy, given_bars: list[Bar], *, allow_short: bool = False) -> list[Proposal]:
    """Every proposal, where each is filled before the next bar."""
    quantity, said = 0, []
    for one in given_bars:
        for proposal in strategy.on_bar(one, StrategyView(quantity, allow_short=allow_short)):
            said.append(proposal)
            is_exit = proposal.intention is Intention.EXIT
            quantity = 0 if is_exit else 10 * proposal.side.sign
    return said


def cross_bar(closes: Sequence[float], fast: int, slow: int) -> tuple[int, int]:
    """First bar at which the averages cross up, and the first after it at which they cross down."""

    def gap(i: int) -> float:
        return sum(closes[i + 1 - fast : i + 1]) / fast - sum(closes[i + 1 - slow : i + 1]) / slow

    up = next(i for i in range(slow, len(closes)) if gap(i - 1) < 0 < gap(i))
    return up, next(i for i in range(up, len(closes)) if gap(i) < 0 < gap(i - 1))


@pytest.mark.req("PLAN-M1-STRATS")
def test_one_cross_gives_one_buy_for_the_bar_after_it_and_one_exit() -> None:
    up, down = cross_bar(ONE_HILL, 2, 4)
    made = bars(ONE_HILL)

    said = traded(crossover(), made)

    assert [(p.intention, p.side) for p in said] == [(Intention.ENTER, Side.BUY), (Intention.EXIT, Side.SELL)]
    # The cross is known when its bar is complete, which is when the bar after it begins.
    assert said[0].at == made[up].end == made[up + 1].start
    assert said[1].at == made[down].end


@pytest.mark.req("PLAN-M1-STRATS")
def test_the_defaults_are_twenty_and_fifty_bars() -> None:
    assert (CrossoverParams().fast, CrossoverParams().slow) == (20, 50)
    assert STRATEGIES.get("ma_crossover").create("m", params={}, keys=()).warm_up_bars() == 51


def test_the_stop_of_an_entry_lies_a_multiple_of_the_range_behind_the_close() -> None:
    said = traded(crossover(), bars(ONE_HILL))[0]
    up, _ = cross_bar(ONE_HILL, 2, 4)
    strategy = crossover()
    for one in bars(ONE_HILL)[: up + 1]:
        strategy.on_bar(one, FLAT)

    reaches = [1.0, *(max(1.0, abs(b - a) + 0.5) for a, b in pairwise(ONE_HILL))]
    atr = (reaches[0] + reaches[1]) / 2
    for reach in reaches[2 : up + 1]:
        atr += (reach - atr) / 2
    assert said.stop_price == pytest.approx(ONE_HILL[up] - 2.0 * atr)
    assert said.day_range == pytest.approx(atr * math.sqrt(SESSION_S / 60.0))


def test_a_quiet_market_still_has_the_least_stop_distance() -> None:
    closes = [100.0, 100.0, 100.0, 100.0, 99.99, 99.98, 100.0, 100.01]
    quiet = [bar(i, close, reach=0.0) for i, close in enumerate(closes)]

    (entry,) = traded(crossover(min_stop_pct=1.0), quiet)

    assert entry.stop_price == pytest.approx(100.01 * 0.99)


def test_where_the_range_is_too_small_for_a_stop_nothing_is_entered() -> None:
    step = math.ulp(100.0)
    dust = [bar(i, 100.0 - (i % 2) * 2 * step, reach=0.0) for i in range(9)]
    small = {"fast": 1, "slow": 2, "atr": 1}

    assert traded(crossover(**small, stop_atr=4.0), dust)
    assert traded(crossover(**small, stop_atr=0.1), dust) == []


@pytest.mark.parametrize("allow_short", [True, False])
def test_a_cross_down_enters_short_only_where_shorts_are_allowed(allow_short: bool) -> None:
    valley = [40.0 - close for close in ONE_HILL]

    said = traded(crossover(), bars(valley), allow_short=allow_short)

    shorts = [p for p in said if p.intention is Intention.ENTER and p.side is Side.SELL]
    assert bool(shorts) is allow_short
    for short in shorts:
        close = next(b.close for b in bars(valley) if b.end == short.at)
        assert short.stop_price is not None
        assert short.stop_price > close


def test_a_reversal_leaves_first_and_enters_when_it_is_flat() -> None:
    said = traded(crossover(), bars(ONE_HILL), allow_short=True)

    assert [(p.intention, p.side) for p in said] == [
        (Intention.ENTER, Side.BUY),
        (Intention.EXIT, Side.SELL),
        (Intention.ENTER, Side.SELL),
    ]
    assert said[2].at - said[1].at == bars([1.0])[0].end - bars([1.0])[0].start


def test_a_signal_is_proposed_once_even_if_nothing_came_of_it() -> None:
    strategy = crossover()
    said = [p for one in bars(ONE_HILL[:13]) for p in strategy.on_bar(one, FLAT)]
    assert len(said) == 1


def test_a_signal_waits_for_a_working_entry_to_end_but_not_for_ever() -> None:
    up, _ = cross_bar(ONE_HILL, 2, 4)
    for wait in range(SIGNAL_BARS + 1):
        strategy, said = crossover(), []
        for index, one in enumerate(bars(ONE_HILL[: up + SIGNAL_BARS + 2])):
            view = StrategyView(entry_working=up <= index < up + wait)
            said += strategy.on_bar(one, view)
        assert len(said) == (1 if wait < SIGNAL_BARS else 0), wait
        if said:
            assert f"{bars(ONE_HILL)[up].end:%Y%m%dT%H%M%SZ}" in said[0].signal_id


def test_a_close_that_did_not_happen_is_asked_for_again_but_not_while_it_works() -> None:
    _, down = cross_bar(ONE_HILL, 2, 4)
    strategy = crossover()
    after = bars(ONE_HILL)[down:]
    for one in bars(ONE_HILL)[:down]:
        strategy.on_bar(one, StrategyView(10))

    first, second, third = after[:3]

    assert [p.intention for p in strategy.on_bar(first, StrategyView(10))] == [Intention.EXIT]
    assert strategy.on_bar(second, StrategyView(10, exit_working=True)) == ()
    assert [p.intention for p in strategy.on_bar(third, StrategyView(4))] == [Intention.EXIT]


def test_a_position_is_kept_while_the_lean_is_not_known() -> None:
    strategy = crossover()
    level = bars([50.0] * 9)
    assert [p for one in level for p in strategy.on_bar(one, StrategyView(10))] == []


def test_an_old_or_repeated_bar_changes_nothing() -> None:
    strategy, twin = crossover(), crossover()
    plain = [strategy.on_bar(one, FLAT) for one in bars(ONE_HILL)]

    repeated = []
    for index, one in enumerate(bars(ONE_HILL)):
        repeated.append(twin.on_bar(one, FLAT))
        assert twin.on_bar(one._replace(close=999.0), FLAT) == ()
        assert twin.on_bar(bar(index - 1, 0.01), FLAT) == ()

    assert repeated == plain


def test_a_bar_of_a_foreign_instrument_changes_nothing() -> None:
    strategy = crossover()
    assert strategy.on_bar(bar(0, 1.0, key="QQQ"), FLAT) == ()
    with pytest.raises(KeyError):
        strategy.why_not("QQQ")


def test_instruments_do_not_disturb_each_other() -> None:
    both, alone = crossover(keys=("SPY", "QQQ")), crossover()
    said = []
    for spy, qqq in zip(bars(ONE_HILL), bars(reversed(ONE_HILL), key="QQQ"), strict=True):
        said += both.on_bar(qqq, FLAT)
        said += both.on_bar(spy, FLAT)
    assert [p for p in said if p.key == "SPY"] == [
        p for one in bars(ONE_HILL) for p in alone.on_bar(one, FLAT)
    ]


def test_history_warms_up_and_proposes_nothing_later() -> None:
    up, _ = cross_bar(ONE_HILL, 2, 4)
    strategy = crossover()

    strategy.warm_up(bars(ONE_HILL[: up + 1]))

    assert strategy.why_not("SPY").code is Reason.NO_SIGNAL
    assert [
        p for one in bars(ONE_HILL[up + 1 : up + 3], first=up + 1) for p in strategy.on_bar(one, FLAT)
    ] == []


def test_after_warm_up_with_just_enough_bars_the_first_live_bar_can_signal() -> None:
    up, _ = cross_bar(ONE_HILL, 2, 4)
    strategy = crossover()
    strategy.warm_up(bars(ONE_HILL)[up - strategy.warm_up_bars() : up])
    assert len(strategy.on_bar(bars(ONE_HILL)[up], FLAT)) == 1


@given(live=st.sets(st.integers(0, len(ONE_HILL) - 1)), known=st.integers(0, len(ONE_HILL)))
def test_history_that_comes_late_or_fills_a_hole_leaves_the_same_picture(live: set[int], known: int) -> None:
    made = bars(ONE_HILL)
    ordered, late = crossover(slow=3, atr=1), crossover(slow=3, atr=1)
    first_live = len(made) - late.warm_up_bars()
    live_bars = [made[i] for i in sorted(live) if i >= first_live]
    history = made[: max(known, first_live)] if live_bars else made[:known]

    for one in live_bars:
        late.on_bar(one, FLAT)
    late.warm_up(history)
    ordered.warm_up(sorted({*history, *live_bars}, key=lambda b: b.end))

    assert late.why_not("SPY") == ordered.why_not("SPY")
    following = bars([18.0, 22.0, 26.0], first=len(ONE_HILL))
    assert [late.on_bar(b, FLAT) for b in following] == [ordered.on_bar(b, FLAT) for b in following]


def test_why_not_says_what_it_waits_for() -> None:
    strategy = crossover()
    made = bars(ONE_HILL)
    assert strategy.why_not("SPY") == (Reason.WARMING_UP, "warming up: 0 of 5 bars")
    for one in made[:7]:
        strategy.on_bar(one, FLAT)
    assert strategy.why_not("SPY") == (
        Reason.NO_SIGNAL,
        "SMA 2 below 4 by 6.452 %; long only here, waits for a turn up",
    )
    strategy.on_bar(made[7], SHORTABLE)
    assert strategy.why_not("SPY").text.endswith("waits for a turn up")
    assert "long only" not in strategy.why_not("SPY").text


@pytest.mark.parametrize("average", ["sma", "ema"])
def test_both_averages_trade_the_hill(average: str) -> None:
    said = traded(crossover(average=average), bars(ONE_HILL))
    assert [p.intention for p in said] == [Intention.ENTER, Intention.EXIT]


@pytest.mark.req("PLAN-M1-STRATS")
def test_momentum_buys_what_rises_fast_and_leaves_when_it_falls() -> None:
    closes = [100.0, 100, 100, 100, 101, 103, 106, 109, 110, 110, 109, 107, 105]
    said = traded(momentum(), bars(closes), allow_short=True)

    assert [(p.intention, p.side) for p in said] == [(Intention.ENTER, Side.BUY), (Intention.EXIT, Side.SELL)]
    assert said[0].at == bars(closes)[6].end
    assert said[1].at == bars(closes)[11].end
    assert "% in 3 bars" in said[0].note


closes_of_a_day = st.lists(st.floats(50, 150), min_size=1, max_size=150)


@pytest.mark.req("PLAN-M1-STRATS")
@given(closes=closes_of_a_day, kind=st.sampled_from(["ma_crossover", "momentum"]), allow_short=st.booleans())
def test_whatever_the_market_does_no_rule_is_broken(
    closes: list[float], kind: str, allow_short: bool
) -> None:
    strategy = crossover() if kind == "ma_crossover" else momentum()
    quantity, seen = 0, set()
    for one in bars(closes):
        said = strategy.on_bar(one, StrategyView(quantity, allow_short=allow_short))
        assert len(said) <= 1
        for p in said:
            assert p.signal_id not in seen
            seen.add(p.signal_id)
            assert p.at == one.end
            if p.intention is Intention.EXIT:
                assert p.side.sign * quantity < 0
                quantity = 0
            else:
                assert quantity == 0
                assert p.side is Side.BUY or (allow_short and not strategy.long_only)
                assert p.stop_price is not None
                assert math.isfinite(p.stop_price)
                assert (one.close - p.stop_price) * p.side.sign > 0
                quantity = 5 * p.side.sign


@given(closes=closes_of_a_day)
def test_the_same_bars_give_the_same_proposals(closes: list[float]) -> None:
    assert traded(crossover(), bars(closes)) == traded(crossover(), bars(closes))
