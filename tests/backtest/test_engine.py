"""The engine of the backtester on bars made by hand: fills, money, days, limits."""

from __future__ import annotations

import gc
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest.costs import Slippage, SlippageModel
from engine.backtest.engine import run_backtest
from engine.backtest.result import RunResult
from engine.backtest.series import BarSeries
from engine.backtest.setting import BacktestError, OnBreach
from engine.domain.order import OrderType, Side
from tests.backtest.running import (
    OPEN,
    SESSION_MINUTES,
    Row,
    Scripted,
    fees,
    flat,
    hours,
    instrument,
    play,
    series,
    setting,
)
from tests.builders import future
from tests.examples import examples

BUY, SELL = Side.BUY, Side.SELL
LONG = ("enter", BUY, 50.0)
SHORT = ("enter", SELL, 200.0)
OUT = ("exit", 1.0)


def fills(result: RunResult) -> list[tuple[str, int, Decimal]]:
    return [(f.side, f.quantity, f.price) for f in result.fills]


@pytest.mark.req("PLAN-M2-COSTS")
def test_a_buy_of_100_at_100_with_one_basis_point_and_a_dollar_costs_exactly_10_001_and_1() -> None:
    result = play({0: LONG}, flat(100.0, 3), schedule=fees(1.0), slippage=Slippage(bps=1.0))
    (fill,) = result.fills
    assert fill.price * fill.quantity == Decimal("10001.00")
    assert (fill.commission_usd, fill.slippage_usd) == (Decimal("1.00"), Decimal("1.00"))
    assert result.equity.cash_usd[-1] == 1_000_000 - 10_002.0


@pytest.mark.req("PLAN-M2-PORTFOLIO")
def test_five_fills_reckoned_by_hand_give_this_cash_and_these_trades() -> None:
    rows: list[Row] = [(p, p + 1, p - 1, p) for p in (100.0, 101.0, 103.0, 102.0, 99.0, 98.0, 97.0, 96.0)]
    script = {0: LONG, 1: ("exit", 0.5), 2: OUT, 4: SHORT, 5: OUT}
    result = play(script, rows, schedule=fees(1.0, 1.0))
    assert fills(result) == [
        ("BUY", 100, Decimal("101.0")),
        ("SELL", 50, Decimal("103.0")),
        ("SELL", 50, Decimal("102.0")),
        ("SELL", 100, Decimal("98.0")),
        ("BUY", 100, Decimal("97.0")),
    ]
    # 1 USD and 1 bp each: 10,100, 5,150, 5,100, 9,800 and 9,700 were traded.
    paid = [f.commission_usd for f in result.fills]
    assert paid == [Decimal(text) for text in ("2.01", "1.515", "1.51", "1.98", "1.97")]
    gross = Decimal(50 * 2 + 50 * 1 + 100 * 1)
    assert Decimal(str(result.equity.cash_usd[-1])) == Decimal(1_000_000) + gross - sum(paid)
    assert [(t.quantity, t.gross_usd) for t in result.trades] == [(100, Decimal(150)), (-100, Decimal(100))]
    assert sum(t.net_usd for t in result.trades) == gross - sum(paid)
    assert result.equity.equity_usd[-1] == result.equity.cash_usd[-1]


@pytest.mark.req("PLAN-M2-EXECSIM")
def test_a_stop_and_what_it_protects_end_together_at_the_stop() -> None:
    rows = [*flat(100.0, 2), (100.0, 100.5, 94.0, 96.0), *flat(96.0, 2)]
    result = play({0: ("enter", BUY, 95.0)}, rows)
    assert fills(result) == [("BUY", 100, Decimal("100.0")), ("SELL", 100, Decimal("95.0"))]
    assert result.trades[0].reason == "stop"
    assert [o.status for o in result.orders] == ["filled", "filled"]


@pytest.mark.req("PLAN-M2-EXECSIM")
def test_a_gap_through_the_stop_fills_at_the_open_and_not_at_the_stop() -> None:
    result = play({0: ("enter", BUY, 95.0)}, [*flat(100.0, 2), (90.0, 91.0, 89.0, 90.0), *flat(90.0, 1)])
    assert fills(result)[1] == ("SELL", 100, Decimal("90.0"))


def test_an_entry_can_be_stopped_out_in_the_bar_that_fills_it() -> None:
    rows = [*flat(100.0, 1), (100.0, 101.0, 94.0, 100.0), *flat(100.0, 2)]
    result = play({0: ("enter", BUY, 95.0)}, rows)
    assert fills(result) == [("BUY", 100, Decimal("100.0")), ("SELL", 100, Decimal("95.0"))]


def test_without_trust_in_highs_and_lows_a_stop_fills_at_the_next_open() -> None:
    rows = [*flat(100.0, 2), (100.0, 100.5, 94.0, 99.0), (98.0, 98.5, 97.0, 98.0)]
    result = play({0: ("enter", BUY, 95.0)}, rows, intrabar=False)
    assert fills(result)[1] == ("SELL", 100, Decimal("98.0"))


@pytest.mark.req("PLAN-M2-EXECSIM")
def test_a_limit_entry_waits_for_a_price_below_it_and_ends_with_its_session() -> None:
    rows = [*flat(100.0, 1), *flat(101.0, 3)]
    result = play({0: LONG}, rows, entry_type=OrderType.LIMIT)
    assert not result.fills
    assert [o.status for o in result.orders] == ["working", "working"]
    rows = [*flat(100.0, SESSION_MINUTES - 20), *flat(101.0, 25)]
    result = play({SESSION_MINUTES - 40: LONG}, flat(100.0, 1) + rows, entry_type=OrderType.LIMIT)
    assert fills(result) == [("BUY", 100, Decimal("100.0"))]


@pytest.mark.req("PLAN-M2-EXECSIM")
def test_ten_percent_of_a_bar_of_1_000_fill_100_of_500_and_the_rest_waits() -> None:
    rows: list[Row] = [(100.0, 100.0, 100.0, 100.0, 1_000)] * 7
    result = play({0: LONG}, rows, volume_cap_pct=10.0, limit={"max_order_shares": 500})
    assert [f.quantity for f in result.fills] == [100] * 5
    assert len({f.order_ref for f in result.fills}) == 1
    assert len(play({0: LONG}, rows, limit={"max_order_shares": 500}).fills) == 1


def test_the_commission_of_an_order_in_parts_is_that_of_the_whole_order() -> None:
    rows: list[Row] = [(100.0, 100.0, 100.0, 100.0, 1_000)] * 7
    result = play(
        {0: LONG}, rows, volume_cap_pct=10.0, limit={"max_order_shares": 500}, schedule=fees(1.0, 1.0)
    )
    assert sum(f.commission_usd for f in result.fills) == Decimal("6.00")
    assert result.fills[1].commission_usd == Decimal("1.00")


@pytest.mark.req("PLAN-STRETCH-1M")
@pytest.mark.parametrize(
    ("slippage", "price"),
    [
        (Slippage(bps=2.0), "100.02"),
        (Slippage(SlippageModel.SPREAD, bps=4.0, spread_fraction=0.5), "100.02"),
        (Slippage(SlippageModel.VOLUME, bps=10.0), "100.01"),
    ],
)
def test_slippage_follows_its_model(slippage: Slippage, price: str) -> None:
    result = play({0: LONG}, flat(100.0, 3), slippage=slippage)
    assert result.fills[0].price == Decimal(price)


@pytest.mark.req("PLAN-M2-SCOPE")
def test_a_decision_never_fills_in_the_bar_it_was_made_on() -> None:
    rows: list[Row] = [(100.0, 101.0, 99.0, 100.5), (102.0, 103.0, 101.0, 102.5), *flat(103.0, 2)]
    (fill,) = play({0: LONG}, rows).fills
    assert fill.price == Decimal("102.0")
    assert fill.at_ns == series(rows).end_ns[0]


@pytest.mark.req("PLAN-M2-SCOPE")
@settings(max_examples=examples(30), deadline=None)
@given(st.integers(5, 35), st.floats(0.5, 2.0))
def test_the_future_changes_nothing_of_the_past(cut: int, factor: float) -> None:
    rows = wander(40)
    other = [
        *rows[:cut],
        *((o * factor, h * factor, low * factor, c * factor) for o, h, low, c in rows[cut:]),
    ]
    script = {n: (LONG, OUT)[n // 3 % 2] for n in range(0, 40, 3)}
    one, two = play(script, rows), play(script, other)
    border = series(rows).end_ns[cut - 1]
    for name in ("fills", "orders", "decisions"):
        past = [[row[:5] for row in getattr(r, name) if row_at(row) < border] for r in (one, two)]
        assert past[0] == past[1]
    assert (one.equity.equity_usd[:cut] == two.equity.equity_usd[:cut]).all()


def row_at(row: Any) -> int:
    return int(row.at_ns)


def wander(count: int, *, seed: int = 1) -> list[Row]:
    """Bars that go up and down."""
    random = np.random.default_rng(seed)
    price, rows = 100.0, []
    for _ in range(count):
        first, last = price, round(price + float(random.normal(0, 1)), 2)
        rows.append((first, round(max(first, last) + 0.3, 2), round(min(first, last) - 0.3, 2), last))
        price = last
    return rows


@pytest.mark.req("PLAN-M2-PORTFOLIO")
@settings(max_examples=examples(40), deadline=None)
@given(
    st.dictionaries(
        st.integers(0, 38),
        st.sampled_from([LONG, SHORT, OUT, ("exit", 0.5), ("enter", BUY, 99.0), ("enter", SELL, 101.0)]),
    ),
    st.integers(0, 5),
    st.sampled_from([0.0, 0.2]),
)
def test_equity_is_cash_and_market_value_and_trades_and_open_profit_add_up(
    script: dict[int, tuple[Any, ...]], seed: int, cap: float
) -> None:
    rows = wander(40, seed=seed)
    result = play(script, rows, schedule=fees(1.0, 2.0), slippage=Slippage(bps=3.0), volume_cap_pct=cap)
    curve, closes = result.equity, series(rows).close
    cash, held = 1_000_000.0, 0
    after = [(cash, held)]
    for fill in result.fills:
        sign = 1 if fill.side == "BUY" else -1
        cash -= float(sign * fill.quantity * fill.price + fill.commission_usd)
        held += sign * fill.quantity
        after.append((cash, held))
    booked = 0
    for row, close in enumerate(closes):
        # Every moment stands after some number of fills, and never after fewer than the one before it.
        while abs(after[booked][0] - curve.cash_usd[row]) > 1e-6:
            booked += 1
        value = after[booked][1] * close
        assert abs(curve.equity_usd[row] - curve.cash_usd[row] - value) < 1e-6
        assert abs(curve.gross_usd[row] - abs(value)) < 1e-6
    assert booked == len(result.fills)
    themes = sum(curve.by_theme_usd.values(), np.zeros(len(closes)))
    assert np.allclose(themes, curve.gross_usd)
    if not held:
        realised = sum((t.net_usd for t in result.trades), Decimal(0))
        assert abs(float(realised) - (curve.equity_usd[-1] - 1_000_000)) < 1e-6


def test_longs_and_shorts_of_two_strategies_share_one_cash() -> None:
    one = Scripted("one", keys=("SPY",), script={("SPY", 0): LONG})
    two = Scripted("two", keys=("QQQ",), script={("QQQ", 0): SHORT})
    data = [series(flat(100.0, 3), "SPY"), series([*flat(50.0, 2), (49.0, 49.0, 49.0, 49.0)], "QQQ")]
    result = run_backtest(setting(one, two), data, {k: instrument(k) for k in ("SPY", "QQQ")})
    assert result.equity.cash_usd[-1] == 1_000_000 - 10_000 + 5_000
    assert result.equity.equity_usd[-1] == 1_000_100
    assert result.equity.gross_usd[-1] == 14_900


def test_the_cash_that_one_strategy_spent_is_not_there_for_the_other() -> None:
    keys = ("SPY", "QQQ")
    runs = [Scripted(f"s{n}", keys=(key,), script={(key, 0): LONG}) for n, key in enumerate(keys)]
    config = setting(
        *runs, initial_cash_usd=Decimal(15_000), stock_margin_pct=100.0, limit={"max_order_value_usd": 10_000}
    )
    result = run_backtest(config, [series(flat(100.0, 3), k) for k in keys], {k: instrument(k) for k in keys})
    assert [o.quantity for o in result.orders if o.role == "entry"] == [99, 50]


def test_a_future_moves_by_its_multiplier_and_ties_up_its_margin() -> None:
    contract = future("ESH6", trading_hours=hours(), liquid_hours=hours())
    strategy = Scripted("f", keys=("ESH6",), script={("ESH6", 0): ("enter", BUY, 4000.0)})
    rows: list[Row] = [*flat(5000.0, 2), (5010.0, 5010.0, 5010.0, 5010.0)]
    config = setting(strategy, limit={"max_order_contracts": 2}, margins_usd={"ESH6": 12_000.0})
    result = run_backtest(config, [series(rows, "ESH6")], {"ESH6": contract})
    assert [f.quantity for f in result.fills] == [2]
    assert result.equity.equity_usd[-1] == 1_000_000 + 2 * 50 * 10


def test_a_future_is_closed_before_its_last_day_and_entered_no_more() -> None:
    last_day = OPEN.date() + timedelta(days=1)
    contract = future("ESH6", trading_hours=hours(), liquid_hours=hours(), last_trade_date=last_day)
    strategy = Scripted(
        "f", keys=("ESH6",), script={("ESH6", 0): ("enter", BUY, 90.0), ("ESH6", 389): ("enter", BUY, 90.0)}
    )
    rows = flat(100.0, SESSION_MINUTES)
    config = setting(strategy, roll_days=0)
    data = [series([*rows, *flat(100.0, 400)], "ESH6")]
    ends = np.concatenate((data[0].end_ns[:390], data[0].end_ns[390:] + (1440 - 390) * 60 * 10**9))
    result = run_backtest(config, [replace(data[0], end_ns=ends)], {"ESH6": contract})
    assert result.trades[0].reason == "expiry"
    assert result.trades[0].closed_at.date() == last_day


def test_day_positions_are_closed_before_the_close_and_others_stay() -> None:
    rows = flat(100.0, SESSION_MINUTES)
    result = play({10: LONG}, rows, holds_overnight=False)
    assert result.trades[0].reason == "eod"
    # 15:54 in New York: a minute before the latest time, as live.
    assert result.trades[0].closed_at == OPEN + timedelta(minutes=384)
    assert not play({10: LONG}, rows).trades


@pytest.mark.req("PLAN-M2-RISK")
def test_outside_of_its_session_nothing_is_entered_and_nothing_fills() -> None:
    data = series(flat(100.0, 5), begin=OPEN - timedelta(minutes=10))
    strategy = Scripted("s", keys=("SPY",), script={("SPY", 0): LONG})
    result = run_backtest(setting(strategy), [data], {"SPY": instrument()})
    assert [d.code for d in result.decisions] == ["session_closed"]
    assert not result.orders


@pytest.mark.req("PLAN-M2-RISK", "PLAN-M2-AC-RISK")
@pytest.mark.parametrize(("policy", "held"), [(OnBreach.HALT, 100), (OnBreach.KILL, 0)])
def test_the_daily_loss_limit_halts_the_run(policy: OnBreach, held: int) -> None:
    rows: list[Row] = [*flat(100.0, 2), *flat(75.0, 6)]
    limit = {"daily_loss_pct": 2.0}
    result = play({0: LONG, 5: SHORT}, rows, limit=limit, on_breach=policy, initial_cash_usd=Decimal(100_000))
    assert "daily_loss" in result.halted
    assert result.decisions[-1].code in ("halted", "killed")
    assert sum(f.quantity * (1 if f.side == "BUY" else -1) for f in result.fills) == held


@pytest.mark.req("PLAN-M2-RISK")
@pytest.mark.parametrize(("cap", "code"), [(10_000.0, "passed"), (99.99, "per_symbol_notional_cap")])
def test_the_caps_of_the_live_gate_hold_here_too(cap: float, code: str) -> None:
    result = play({0: LONG}, flat(100.0, 3), limit={"symbol_notional_cap_usd": cap})
    assert result.decisions[0].code == code


def test_daily_bars_are_judged_for_the_next_session_and_fill_at_its_open() -> None:
    closes = np.array([int(h.close.timestamp()) for h in hours()], dtype=np.int64) * 10**9
    prices = [np.array(p) for p in ([100.0, 101.0, 102.0], [103.0] * 3, [99.0] * 3, [100.5, 101.5, 102.5])]
    data = BarSeries("SPY", 86_400, closes, *prices, np.array([1000] * 3))
    strategy = Scripted("s", keys=("SPY",), script={("SPY", 0): LONG})
    result = run_backtest(setting(strategy, bar_seconds=86_400), [data], {"SPY": instrument()})
    assert fills(result) == [("BUY", 100, Decimal("101.0"))]
    assert result.fills[0].at_ns == int(hours()[1].open.timestamp()) * 10**9


def test_longer_bars_are_made_from_short_ones() -> None:
    strategy = Scripted("s", keys=("SPY",), script={("SPY", 1): LONG})
    data = series(wander(60), seconds=5)
    result = run_backtest(setting(strategy), [data], {"SPY": instrument()})
    assert [bar.seconds for bar in strategy.bars] == [60] * 5
    assert result.fills[0].at_ns == data.end_ns[23]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bar_seconds": 5}, "bars of 5 s"),
        ({"bar_seconds": 86_400, "holds_overnight": False}, "holds_overnight"),
        ({"begin_ns": 2**62}, "no bar"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_runs(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BacktestError, match=words):
        play({}, flat(100.0, 3), **changes)


def test_bars_before_the_run_only_warm_up() -> None:
    rows = flat(100.0, 10)
    result = play({0: LONG}, rows, begin_ns=int(series(rows).end_ns[4]))
    assert result.bars == 6
    assert result.fills[0].at_ns == series(rows).end_ns[4]


def test_the_collector_of_garbage_is_as_it_was_also_after_an_error() -> None:
    class Broken(Scripted):
        def on_bar(self, *_: object) -> Any:
            assert not gc.isenabled()
            raise RuntimeError("broken")

    config = setting(Broken("b", keys=("SPY",), script={}))
    with pytest.raises(RuntimeError, match="broken"):
        run_backtest(config, [series(flat(100.0, 2))], {"SPY": instrument()})
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_progress_is_told_up_to_the_last_bar() -> None:
    told: list[tuple[int, int]] = []
    strategy = Scripted("s", keys=("SPY",), script={})
    run_backtest(
        setting(strategy),
        [series(flat(100.0, 30))],
        {"SPY": instrument()},
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (30, 30)
