"""Each incremental indicator equals its definition computed directly over the same bars."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import Bar
from engine.strategy import INDICATORS
from engine.strategy.indicators import SESSION_S, Atr, Ema, Indicator, Roc, Sma, day_range
from tests.strategy.bars import bar, bars

prices = st.floats(0.01, 100_000.0)
series = st.lists(prices, min_size=1, max_size=120)
lengths = st.integers(1, 30)


@st.composite
def ohlc(draw: st.DrawFn) -> list[Bar]:
    made = []
    for index, (close, low_reach, high_reach) in enumerate(
        draw(st.lists(st.tuples(prices, st.floats(0, 5), st.floats(0, 5)), min_size=1, max_size=80))
    ):
        plain = bar(index, close)
        made.append(plain._replace(high=close + high_reach, low=close - low_reach))
    return made


def run(indicator: Indicator, given_bars: list[Bar]) -> list[float]:
    return [indicator.update(one) for one in given_bars]


def same(ours: list[float], direct: list[float]) -> None:
    np.testing.assert_allclose(ours, direct, rtol=1e-9, atol=1e-9, equal_nan=True)


@given(closes=series, length=lengths)
def test_sma_equals_the_mean_of_the_last_closes(closes: list[float], length: int) -> None:
    direct = [
        float(np.mean(closes[i + 1 - length : i + 1])) if i + 1 >= length else math.nan
        for i in range(len(closes))
    ]
    same(run(Sma(length), bars(closes)), direct)


@given(closes=series, length=lengths)
def test_ema_equals_its_recursion_from_the_first_mean(closes: list[float], length: int) -> None:
    direct: list[float] = []
    for i, close in enumerate(closes):
        if i + 1 < length:
            direct.append(math.nan)
        elif i + 1 == length:
            direct.append(float(np.mean(closes[:length])))
        else:
            weight = 2 / (length + 1)
            direct.append(weight * close + (1 - weight) * direct[-1])
    same(run(Ema(length), bars(closes)), direct)


@given(given_bars=ohlc(), length=lengths)
def test_atr_equals_wilders_average_of_true_ranges(given_bars: list[Bar], length: int) -> None:
    reaches = [
        max(b.high, given_bars[i - 1].close if i else b.high)
        - min(b.low, given_bars[i - 1].close if i else b.low)
        for i, b in enumerate(given_bars)
    ]
    direct: list[float] = []
    for i, reach in enumerate(reaches):
        if i + 1 < length:
            direct.append(math.nan)
        elif i + 1 == length:
            direct.append(float(np.mean(reaches[:length])))
        else:
            direct.append((direct[-1] * (length - 1) + reach) / length)
    same(run(Atr(length), given_bars), direct)


@given(closes=series, length=lengths)
def test_roc_equals_the_change_in_percent(closes: list[float], length: int) -> None:
    direct = [
        (close / closes[i - length] - 1) * 100 if i >= length else math.nan for i, close in enumerate(closes)
    ]
    same(run(Roc(length), bars(closes)), direct)


def test_an_average_does_not_drift_over_a_long_day() -> None:
    wild = np.random.default_rng(7).uniform(0.0, 1e9, 20_000).tolist()
    assert run(Sma(10), bars([*wild, *[0.1] * 20]))[-1] == pytest.approx(0.1, abs=1e-12)


def test_a_price_of_zero_gives_no_rate_of_change() -> None:
    assert math.isnan(run(Roc(1), bars([0.0, 5.0]))[-1])


@pytest.mark.parametrize("name", INDICATORS.names())
@given(length=lengths)
def test_the_first_value_comes_exactly_with_the_last_bar_needed(name: str, length: int) -> None:
    indicator = INDICATORS.get(name)(length)
    values = run(indicator, bars([100.0 + i for i in range(length + 2)]))
    assert [math.isnan(v) for v in values].count(True) == indicator.bars_needed - 1
    assert not math.isnan(indicator.value)


@pytest.mark.parametrize("name", INDICATORS.names())
def test_a_length_below_one_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        INDICATORS.get(name)(0)


def test_the_range_of_a_session_is_the_same_figure_from_bars_of_any_length() -> None:
    # A quarter of the length has half the range, by the root of time.
    assert day_range(1.0, 60.0) == pytest.approx(day_range(0.5, 15.0))
    assert day_range(1.0, SESSION_S) == 1.0
    assert day_range(math.nan, 60.0) is None
    assert day_range(0.0, 60.0) is None
