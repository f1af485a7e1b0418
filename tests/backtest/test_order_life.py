"""The orders of a run through the live ledger: whatever happens to them, it comes to the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest.book import Book
from engine.backtest.engine import run_backtest
from engine.backtest.result import RunResult
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.backtest.slot import Resting
from engine.domain.instrument import SecType
from engine.domain.order import OrderType, Side
from tests.backtest.running import Scripted, fees, flat, instrument, play, series, setting

KEYS = ("ES@CME", "SPY")
BARS = 60


def market(steps: list[int], key: str) -> BarSeries:
    """A minute a step; the future changes its contract half way."""
    closes = 1000.0 + np.cumsum(np.array(steps, dtype=np.float64))
    opens = np.concatenate([[1000.0], closes[:-1]])
    rows = [
        (float(o), float(max(o, c) + 1), float(min(o, c) - 1), float(c), 300)
        for o, c in zip(opens, closes, strict=True)
    ]
    one = series(rows, key)
    rolls = (int(one.end_ns[BARS // 2]),) if key == KEYS[0] else ()
    # Half of it lies in the next session, so that a trading day begins meanwhile.
    night = int(timedelta(days=1).total_seconds()) * NANOSECONDS - BARS // 3 * 60 * NANOSECONDS
    ends = one.end_ns + np.where(np.arange(BARS) >= BARS // 3, night, 0)
    return replace(one, end_ns=ends, rolls_ns=tuple(int(r) + night for r in rolls))


acts = st.one_of(
    st.tuples(st.just("enter"), st.sampled_from(Side), st.integers(-12, 12)),
    st.tuples(st.just("exit"), st.sampled_from([0.3, 0.5, 1.0])),
)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.tuples(*(st.lists(st.integers(-6, 6), min_size=BARS, max_size=BARS) for _ in KEYS)),
    script=st.dictionaries(st.tuples(st.sampled_from(KEYS), st.integers(0, BARS - 1)), acts, max_size=30),
    cap=st.sampled_from([0.0, 10.0]),
    entry=st.sampled_from([OrderType.MARKET, OrderType.LIMIT]),
    converts=st.booleans(),
)
def test_whatever_happens_the_live_ledger_has_the_same_orders_trades_and_positions(
    steps: tuple[list[int], ...],
    script: dict[tuple[str, int], tuple[object, ...]],
    cap: float,
    entry: OrderType,
    converts: bool,
) -> None:
    script = {
        place: (act[0], act[1], 1000.0 - act[1].sign * (30.0 + act[2])) if act[0] == "enter" else act  # type: ignore[attr-defined, operator]
        for place, act in script.items()
    }
    strategy = Scripted("s", keys=KEYS, script=script)
    config = setting(
        strategy,
        schedule=fees(1.0, 2.0),
        checks_orders=True,
        volume_cap_pct=cap,
        entry_type=entry,
        converts_unfilled=converts,
        unfilled_timeout_s=120.0,
    )
    contracts = {
        "SPY": instrument(),
        "ES@CME": instrument("ES@CME", sec_type=SecType.FUTURE, multiplier=50.0, min_tick=0.25),
    }

    found = run_backtest(config, [market(one, key) for one, key in zip(steps, KEYS, strict=True)], contracts)

    assert found.life is not None
    life = found.life()
    assert life.differences == ()
    assert (life.orders, life.fills) == (len(found.orders), len(found.fills))


def bought_and_stopped() -> RunResult:
    """A long that its stop closes."""
    return play({0: ("enter", Side.BUY, 95.0)}, [*flat(100.0, 3), *flat(94.0, 2)], checks_orders=True)


def test_a_run_says_what_the_ledger_was_told() -> None:
    ask = bought_and_stopped().life

    assert ask is not None
    life = ask()
    assert (life.orders, life.fills, life.differences) == (2, 2, ())


def test_an_order_that_the_run_sees_otherwise_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fill = Book.fill

    def forgets(self: Book, slot: object, order: Resting, *args: object, **more: object) -> None:
        fill(self, slot, order, *args, **more)  # type: ignore[arg-type]
        order.status = "working"

    monkeypatch.setattr(Book, "fill", forgets)

    ask = bought_and_stopped().life

    assert ask is not None
    life = ask()
    assert len(life.differences) == 2
    assert life.differences[0].endswith("working, 100 filled; the ledger says filled, 100 filled")


def test_a_run_that_is_not_asked_keeps_no_account_of_it() -> None:
    assert play({0: ("enter", Side.BUY, 95.0)}, flat(100.0, 3), checks_orders=False).life is None
