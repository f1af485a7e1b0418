"""What time does to a run: entries given up, positions closed for their age, futures that change contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine.backtest.engine import run_backtest
from engine.backtest.result import RunResult
from engine.backtest.series import NANOSECONDS
from engine.domain.instrument import SecType
from engine.domain.order import OrderType, Side
from engine.risk.age import open_age_s, reaches
from tests.backtest.running import OPEN, Row, Scripted, fees, flat, hours, instrument, play, series, setting

ES = "ES@CME"


def entries(found: RunResult) -> list[tuple[str, str, int, str]]:
    """Type, end, filled units and reason of each entry."""
    return [(o.order_type, o.status, o.filled, o.reason) for o in found.orders if o.role == "entry"]


def buy_limit(rows: list[Row], **changes: Any) -> RunResult:
    """A long at the first bar, resting at the gate's limit."""
    return play({0: ("enter", Side.BUY, 90.0)}, rows, entry_type=OrderType.LIMIT, **changes)


# --- entries that do not fill -------------------------------------------------------------------


def test_an_entry_that_has_not_filled_in_time_is_cancelled_after_the_one_bar_it_had() -> None:
    found = buy_limit([*flat(100.0, 1), *flat(101.0, 4), *flat(99.0, 3)], unfilled_timeout_s=30.0)

    assert entries(found) == [("LMT", "cancelled", 0, "unfilled")]
    order = found.orders[0]
    assert order.ended_ns == order.at_ns + 60 * NANOSECONDS
    assert [o.status for o in found.orders if o.role == "stop"] == ["cancelled"]


def test_without_a_time_out_it_waits_and_fills() -> None:
    found = buy_limit([*flat(100.0, 1), *flat(101.0, 4), *flat(99.0, 3)])

    assert entries(found) == [("LMT", "filled", 100, "")]


def test_its_rest_goes_at_market_where_the_policy_says_so_with_a_stop_of_its_own() -> None:
    rows = [*flat(100.0, 1), *flat(101.0, 4)]

    found = buy_limit(rows, unfilled_timeout_s=30.0, converts_unfilled=True)

    assert entries(found) == [("LMT", "cancelled", 0, "unfilled"), ("MKT", "filled", 100, "")]
    assert [(f.price, f.at_ns) for f in found.fills] == [(Decimal("101.0"), _ns(OPEN, minutes=2))]
    assert [(o.status, o.quantity, o.stop_price) for o in found.orders if o.role == "stop"][-1] == (
        "working",
        100,
        90.0,
    )


def test_of_an_entry_that_filled_in_part_only_the_rest_is_given_up() -> None:
    rows: list[Row] = [(100.0, 100.0, 100.0, 100.0, 500)] * 3

    found = play({0: ("enter", Side.BUY, 90.0)}, rows, volume_cap_pct=10.0, unfilled_timeout_s=30.0)

    assert entries(found) == [("MKT", "cancelled", 50, "unfilled")]


# --- positions that are too old ---------------------------------------------------------------------


def aged(age_h: float, days: int = 2) -> RunResult:
    """A long at 9:31 that nobody closes, over two sessions of 390 minutes."""
    rows = flat(100.0, 390)
    one = series(rows)
    both = [one, series(rows, begin=OPEN + timedelta(days=1))][:days]
    ends = [end for part in both for end in part.end_ns.tolist()]
    whole = series(rows * days)
    whole = replace(whole, end_ns=np.array(ends, dtype=np.int64))
    strategy = Scripted("s", keys=("SPY",), script={("SPY", 0): ("enter", Side.BUY, 90.0)})
    config = setting(strategy)
    run = replace(config.strategies[0], max_age_h=age_h)
    return run_backtest(replace(config, strategies=(run,)), [whole], {"SPY": instrument()})


def test_a_position_is_closed_once_it_was_open_for_so_long() -> None:
    (trade,) = aged(6.0, days=1).trades

    assert trade.reason == "max_age"
    # Bought at the open of the second minute; six hours later a bar ends, and the next one opens.
    assert trade.closed_at - trade.opened_at == timedelta(hours=6, minutes=1)


def test_the_night_does_not_count() -> None:
    (trade,) = aged(8.0).trades

    assert trade.reason == "max_age"
    spent = open_age_s(hours(), trade.opened_at, trade.closed_at)
    assert spent == pytest.approx(8 * 3600 + 60)


def test_a_strategy_without_such_a_limit_keeps_what_it_has() -> None:
    assert aged(0.0).trades == ()


def test_when_an_age_is_reached_is_when_so_much_session_has_passed() -> None:
    spans = hours(3)
    since = OPEN - timedelta(hours=1)

    assert reaches(spans, since, timedelta(hours=6)) == OPEN + timedelta(hours=6)
    assert reaches(spans, since, timedelta(hours=7)) == OPEN + timedelta(days=1, minutes=30)
    assert reaches(spans, since, timedelta(days=2)) is None
    for hour in (1, 5, 6, 9, 13):
        at = reaches(spans, since, timedelta(hours=hour))
        assert at is not None
        assert open_age_s(spans, since, at) == hour * 3600


# --- futures that change their contract ------------------------------------------------------------


def rolled(script: dict[int, tuple[Any, ...]], roll_at: int, bars: int = 8) -> RunResult:
    """A continuous future whose contract changes with bar `roll_at`; 2 USD a fill."""
    strategy = Scripted("s", keys=(ES,), script={(ES, n): act for n, act in script.items()})
    one = series(flat(5000.0, bars), ES)
    one = replace(one, rolls_ns=(int(one.end_ns[roll_at]),))
    contract = instrument(ES, sec_type=SecType.FUTURE, multiplier=50.0, min_tick=0.25)
    config = setting(strategy, schedule=fees(2.0), limit={"max_order_contracts": 3})
    return run_backtest(config, [one], {ES: contract})


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_a_position_moves_over_to_the_next_contract_and_pays_for_both_legs(side: Side) -> None:
    stop = 4900.0 if side is Side.BUY else 5100.0

    found = rolled({0: ("enter", side, stop), 6: ("exit", 1.0)}, roll_at=4)

    assert [(t.reason, abs(t.quantity), t.owner) for t in found.trades] == [
        ("roll", 3, "s"),
        ("signal", 3, "s"),
    ]
    roll = _ns(OPEN, minutes=5)
    assert [(f.side, f.quantity) for f in found.fills if f.at_ns == roll] == [
        (str(side.opposite), 3),
        (str(side), 3),
    ]
    assert sum(f.commission_usd for f in found.fills) == 4 * 2
    assert float(found.equity.equity_usd[-1]) == 1_000_000 - 8
    assert [o.status for o in found.orders if o.role == "stop"] == ["cancelled", "cancelled"]


def test_its_stop_still_covers_it_in_the_new_contract() -> None:
    strategy = Scripted("s", keys=(ES,), script={(ES, 0): ("enter", Side.BUY, 4900.0)})
    rows = [*flat(5000.0, 6), *flat(4890.0, 2)]
    one = series(rows, ES)
    one = replace(one, rolls_ns=(int(one.end_ns[4]),))
    contract = instrument(ES, sec_type=SecType.FUTURE, multiplier=50.0, min_tick=0.25)

    found = run_backtest(setting(strategy), [one], {ES: contract})

    assert [t.reason for t in found.trades] == ["roll", "stop"]
    assert sum(f.quantity if f.side == "BUY" else -f.quantity for f in found.fills) == 0


def test_what_is_bought_in_the_first_bar_of_a_contract_does_not_move() -> None:
    assert rolled({3: ("enter", Side.BUY, 4900.0)}, roll_at=4).trades == ()


def test_a_run_without_a_position_rolls_nothing() -> None:
    assert rolled({}, roll_at=4).fills == ()


def _ns(at: datetime, *, minutes: int) -> int:
    return int((at + timedelta(minutes=minutes)).timestamp()) * NANOSECONDS
