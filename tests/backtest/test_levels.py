"""The pivot trader on recorded bars: levels of the evening before, the same strategy object, no future."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from engine.backtest.engine import run_backtest
from engine.backtest.result import RunResult
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.domain.instrument import SessionHours
from engine.strategy import STRATEGIES
from tests.backtest.running import OPEN, SESSION_MINUTES, Row, flat, instrument, series, setting

BEFORE = 20
HOURS = tuple(
    SessionHours(OPEN + timedelta(days=n), OPEN + timedelta(days=n, minutes=SESSION_MINUTES))
    for n in range(-30, 3)
)


def days(count: int = BEFORE, *, top: float = 100.0, bottom: float = 96.0) -> BarSeries:
    """Daily bars of the evenings before: every day from `bottom` to `top`, closing between."""
    middle = (top + bottom) / 2.0 + 1.0
    one = series([(middle, top, bottom, middle)] * count, seconds=86_400)
    close = OPEN + timedelta(minutes=SESSION_MINUTES)
    ends = [int((close - timedelta(days=count - n)).timestamp()) * NANOSECONDS for n in range(count)]
    return replace(one, end_ns=np.array(ends, dtype=np.int64))


def breaking(up_to: float = 100.2) -> list[Row]:
    """A quiet minute and a half below 100, then a bar of volume and thrust beyond it, and the targets."""
    quiet: list[Row] = [(99.9, 99.95, 99.85, 99.9, 1000)] * 20
    surge: list[Row] = [(99.9, up_to, 99.9, up_to, 5000)]
    steps = [up_to + 0.2 * n for n in range(1, 23)]
    away: list[Row] = [(price - 0.2, price, price - 0.2, price, 1000) for price in steps]
    return [*quiet, *surge, *away]


def pivot(rows: list[Row], daily: BarSeries | None, **changes: object) -> RunResult:
    """The shipped pivot trader on 5-second bars of one session."""
    strategy = STRATEGIES.get("pivot_break").create("ps60", params={}, keys=("SPY",))
    config = setting(strategy, bar_seconds=5, holds_overnight=False)
    config = replace(config, limits=replace(config.limits, max_attempts=2), **changes)  # type: ignore[arg-type]
    if daily is not None:
        config = replace(config, daily={"SPY": daily})
    contract = instrument(trading_hours=HOURS, liquid_hours=HOURS)
    return run_backtest(config, [series(rows, seconds=5)], {"SPY": contract})


def test_a_break_of_the_highs_of_the_days_before_is_entered_and_half_is_taken_at_the_first_target() -> None:
    found = pivot(breaking(), days())

    entry = next(order for order in found.orders if order.role == "entry")
    assert (entry.side, entry.status) == ("BUY", "filled")
    assert "broke resistance 100" in found.decisions[0].text
    # The targets lie half an ordinary day (4 USD) and a whole one beyond the pivot.
    assert [d.text for d in found.decisions[1:]] == ["first target 102 reached", "second target 104 reached"]
    assert [(o.reason, o.filled) for o in found.orders if o.role == "exit"] == [
        ("PARTIAL_50", 50),
        ("target", 50),
    ]
    assert [t.reason for t in found.trades] == ["target"]


def test_days_that_had_not_ended_before_the_session_change_no_level() -> None:
    """Levels are of the evening before: what the day itself, or a later one, brought is not in them."""
    known, later = days(), days(2, top=150.0, bottom=50.0)
    close = OPEN + timedelta(minutes=SESSION_MINUTES)
    ends = [int((close + timedelta(days=n)).timestamp()) * NANOSECONDS for n in range(2)]
    columns = {
        name: np.concatenate([getattr(known, name), getattr(later, name)])
        for name in ("open", "high", "low", "close", "volume")
    }
    both = replace(known, end_ns=np.concatenate([known.end_ns, np.array(ends)]), **columns)

    one, two = pivot(breaking(), known), pivot(breaking(), both)

    assert repr(one.orders) == repr(two.orders)
    assert repr(one.decisions) == repr(two.decisions)
    assert one.decisions


def test_without_enough_days_nothing_is_traded() -> None:
    assert pivot(breaking(), days(10)).decisions == ()


def test_the_run_finds_the_days_in_its_own_bars_where_it_is_given_no_others() -> None:
    """Sixteen sessions of minutes, each a bar of the scan; on the seventeenth the pivot breaks."""
    parts = [
        series([(98.0, 100.0, 96.0, 99.0, 1000), *flat(99.0, 2)], seconds=5, begin=OPEN + timedelta(days=n))
        for n in range(-16, 0)
    ]
    whole = [*parts, series(breaking(), seconds=5)]
    joined = replace(
        whole[0],
        **{
            name: np.concatenate([getattr(one, name) for one in whole])
            for name in ("end_ns", "open", "high", "low", "close", "volume")
        },
    )
    strategy = STRATEGIES.get("pivot_break").create("ps60", params={}, keys=("SPY",))
    config = setting(strategy, bar_seconds=5, holds_overnight=False)
    config = replace(config, begin_ns=int(OPEN.timestamp()) * NANOSECONDS)
    config = replace(config, limits=replace(config.limits, max_attempts=2))
    contract = instrument(trading_hours=HOURS, liquid_hours=HOURS)

    found = run_backtest(config, [joined], {"SPY": contract})

    assert "broke resistance 100" in found.decisions[0].text


@pytest.mark.parametrize("attempts", [1, 2])
def test_the_attempts_at_a_level_are_those_of_the_live_ledger(attempts: int) -> None:
    """Stopped out and broken again: as often as the limit lets it, no more."""
    back: list[Row] = [(100.0, 100.0, 99.5, 99.6, 1000), *[(99.6, 99.65, 99.55, 99.6, 1000)] * 20]
    rows = [*breaking()[:21], *back, *breaking()[20:21], *back, *breaking()[20:21], *back]

    strategy = STRATEGIES.get("pivot_break").create("ps60", params={}, keys=("SPY",))
    config = setting(strategy, bar_seconds=5, holds_overnight=False, limit={"max_attempts": attempts})
    contract = instrument(trading_hours=HOURS, liquid_hours=HOURS)
    found = run_backtest(replace(config, daily={"SPY": days()}), [series(rows, seconds=5)], {"SPY": contract})

    assert sum(o.role == "entry" and o.filled > 0 for o in found.orders) == attempts
