"""Tiers and regime in a backtest: by the live rules, from the bars before the day, and nothing of the day."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from engine.backtest.engine import run_backtest
from engine.backtest.result import RunResult
from engine.backtest.series import BarSeries
from engine.backtest.setting import BacktestConfig, StrategyRun, Weather
from engine.config import Config
from engine.domain.order import Side
from engine.market.universe import TierRule
from engine.risk.regime import Regime, RegimeMultipliers, RegimeRules
from engine.runtime.selection.universe import tier_rules
from engine.runtime.shell.backtest_setting import backtest_config
from tests.backtest.running import OPEN, Scripted, instrument, series, setting

TIERS = (
    TierRule(1, 50e6, 10.0, 100.0, 5.0),
    TierRule(2, 5e6, 30.0, 30.0, 3.0),
    TierRule(3, 5e5, 30.0, 10.0, 1.0),
)


def two_days(volume: int, today: int | None = None) -> BarSeries:
    """Two sessions of ten minutes each at 100; the second trades `today` a bar."""
    parts = [
        series([(100.0, 100.0, 100.0, 100.0, count)] * 10, begin=OPEN + timedelta(days=n))
        for n, count in enumerate((volume, volume if today is None else today))
    ]
    columns = ("end_ns", "open", "high", "low", "close", "volume")
    return replace(
        parts[0], **{name: np.concatenate([getattr(one, name) for one in parts]) for name in columns}
    )


def entered(volume: int, *, at: int, today: int | None = None) -> RunResult:
    """A long wished for at one bar of the two days; a million, and sizes by the tier alone."""
    strategy = Scripted("s", keys=("SPY",), script={("SPY", at): ("enter", Side.BUY, 90.0)})
    limit = {
        "max_order_shares": 10_000,
        "tier_caps_pct": (100.0, 30.0, 10.0),
        "tier_sizes_pct": (5.0, 3.0, 1.0),
        "max_gross_exposure_usd": 1e6,
    }
    config = setting(strategy, limit=limit, tiers=TIERS)
    return run_backtest(config, [two_days(volume, today)], {"SPY": instrument()})


@pytest.mark.parametrize(("volume", "shares"), [(60_000, 500), (10_000, 300), (1_000, 100)])
def test_the_value_of_the_day_before_gives_the_tier_and_the_tier_the_size(volume: int, shares: int) -> None:
    (decision,) = entered(volume, at=12).decisions

    # Ten bars of `volume` at 100; the entry's limit lies two cents through the close.
    assert decision.code == "passed"
    assert decision.quantity == math.floor(shares * 100 / 100.02)


def test_what_traded_too_little_the_day_before_is_not_entered() -> None:
    (decision,) = entered(100, at=12).decisions

    assert (decision.code, decision.limit, decision.value) == ("min_volume", 5e5, 1e5)


def test_what_the_day_itself_trades_changes_nothing() -> None:
    one, two = entered(10_000, at=12), entered(10_000, at=12, today=10_000_000)

    assert repr(one.decisions) == repr(two.decisions)


def test_on_the_first_day_nothing_is_known_and_nothing_kept_out() -> None:
    (decision,) = entered(100, at=2).decisions

    # A million of gross exposure, and no tier's part of it.
    assert (decision.code, decision.quantity) == ("passed", math.floor(1e6 / 100.02))


# --- regime ---------------------------------------------------------------------------------------------

RULES = RegimeRules(window=10, history=60, min_history=20, trend_t=2.0, crash_quantile=0.9)


def weather(**changes: object) -> Weather:
    """Minutes of SPY, sixty of them."""
    given = Weather("SPY", 60, 60, RULES, RegimeMultipliers())
    return replace(given, **changes)  # type: ignore[arg-type]


def factor_after(closes: list[float], told: Weather, *, seconds: int = 60) -> float | str:
    """What the regime of a first day makes of an entry into another instrument on the second day.

    The size as a part of the one without a regime, or the code of the refusal.
    """
    rows = [(close, close, close, close) for close in closes]
    market = series(rows, "SPY", seconds=seconds)
    other = series([(100.0,) * 4] * 10, "AAA", begin=OPEN + timedelta(days=1))
    strategy = Scripted("s", keys=("AAA",), script={("AAA", 2): ("enter", Side.BUY, 90.0)})
    limit = {"max_order_shares": 10_000, "risk_per_trade_pct": 1.0}
    config = setting(strategy, limit=limit, weather=told)
    contracts = {key: instrument(key) for key in ("SPY", "AAA")}
    (decision,) = run_backtest(config, [market, other], contracts).decisions
    without = run_backtest(
        replace(config, weather=None, strategies=_again(config)), [market, other], contracts
    )
    if decision.code != "passed":
        return decision.code
    return round(decision.quantity / without.decisions[0].quantity, 2)


def _again(config: BacktestConfig) -> tuple[StrategyRun, ...]:
    """Its strategy anew: a run uses one up."""
    strategy = Scripted("s", keys=("AAA",), script={("AAA", 2): ("enter", Side.BUY, 90.0)})
    (run,) = config.strategies
    return (replace(run, strategy=strategy),)


CALM = [100.0 + 0.01 * (n % 2) for n in range(70)]


@pytest.mark.parametrize(
    ("last", "factor"),
    [
        ([100.0 + 0.05 * n + 0.01 * (n % 2) for n in range(10)], 1.2),
        ([100.0 - 0.005 * n for n in range(10)], 0.6),
        ([100.0 - 0.9 * n - 0.3 * (n % 2) for n in range(10)], "regime"),
        ([], 1.0),
    ],
    ids=["bull", "bear", "crash", "chop"],
)
def test_the_market_of_the_day_before_widens_narrows_or_forbids(
    last: list[float], factor: float | str
) -> None:
    assert factor_after([*CALM, *last], weather()) == factor


def test_a_regime_that_is_not_known_widens_nothing() -> None:
    assert factor_after(CALM[:20], weather(multipliers=RegimeMultipliers(chop=1.1))) == 1.0
    assert factor_after(CALM, weather(reference="QQQ")) == 1.0
    assert factor_after(CALM, weather(seconds=5)) == 1.0


def test_what_the_configuration_says_goes_before_what_is_seen() -> None:
    assert factor_after(CALM, weather(said=Regime.BEAR)) == 0.6


def test_longer_bars_of_the_reference_are_made_of_its_own() -> None:
    fives = [close for close in [*CALM, *[100.0 + 0.05 * n for n in range(10)]] for _ in range(5)]

    assert factor_after(fives, weather(seconds=300), seconds=60) == 1.2


def test_a_run_takes_tiers_and_regime_from_the_configuration_and_can_do_without() -> None:
    plain = Config()
    off = plain.model_copy(update={"backtest": plain.backtest.model_copy(update={"selection": False})})

    given, without = backtest_config(plain, []), backtest_config(off, [])

    assert given.tiers == tier_rules(plain)
    assert given.weather is not None
    assert (given.weather.reference, given.weather.seconds) == ("SPY", 3600)
    assert (without.tiers, without.weather) == ((), None)
