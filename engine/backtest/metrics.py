"""What a run was worth: return, risk, exposure, turnover and averages, defined for every input. Pure.

Returns are per trading day: the equity at the last moment of a New York date against that of the date before,
the first against the cash at the start. A year has 252 of them, and the risk-free rate is nought. What the
input does not define (a ratio over no loss at all) is None, never NaN or infinity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.backtest.result import EquityCurve, FillRow, RunResult
from engine.backtest.series import NANOSECONDS
from engine.backtest.sharpe import Sharpe, probabilistic, sharpe_of
from engine.domain.market import NEW_YORK
from engine.ledger.trade_figures import TradeFigures, trade_figures

DAYS_PER_YEAR: Final = 252
ENOUGH_DAYS: Final = 60
"""Below so many days a figure per year is arithmetic and no evidence."""

CENT_USD: Final = 0.01
"""Below it there is no equity to measure anything by."""

LET_THROUGH: Final = frozenset({"passed", "exit"})
"""Codes of proposals that the gate did not refuse."""

_HOUR_NS: Final = 3600 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Costs:
    """What trading took, in USD."""

    commission_usd: float
    slippage_usd: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """A run in figures. Shares and rates are fractions (0.1 is 10 %), per year where the name says so."""

    days: int
    """Trading days that had a bar."""
    enough_days: bool
    """False below 60 days: what is given per year says nothing then."""
    initial_usd: float
    final_usd: float
    pnl_usd: float
    total_return: float
    cagr: float
    """`(final / initial) ** (252 / days) - 1`; -1.0 where less than a cent was left."""
    sharpe: float
    """Per year: `sqrt(252) * mean / standard deviation (n - 1)` of daily returns."""
    sharpe_standard_error: float | None
    """Per year, by Mertens' formula."""
    sharpe_probability: float | None
    """Probabilistic Sharpe ratio: the odds that the true one is above nought."""
    sortino: float | None
    """Per year: `sqrt(252) * mean / sqrt(mean(min(return, 0)^2))`; None where no day lost and some gained."""
    volatility: float
    """Standard deviation of daily returns, per year."""
    max_drawdown: float
    """Largest fall from a peak of the equity of every bar, as a fraction of the peak."""
    max_drawdown_usd: float
    calmar: float | None
    """CAGR / largest drawdown; None where nothing was ever lost and something gained."""
    hit_rate: float
    """Winning trades / trades."""
    exposure: float
    """Mean of gross market value / equity over every moment."""
    exposure_by_theme: dict[str, float]
    """The same by theme; sums to `exposure`."""
    time_in_market: float
    """Share of moments at which anything was held."""
    turnover_per_year: float
    """Value of everything bought and sold / mean equity, per year."""
    costs: Costs
    orders: int
    fills: int
    refused: int
    """Proposals that the gate refused."""
    bars: int
    trades: TradeFigures


def measure(result: RunResult, *, multipliers: Mapping[str, Decimal] | None = None) -> Metrics:
    """Every figure of a run.

    Args:
        multipliers: of futures, by key; what is not named counts once.
    """
    initial = float(result.initial_cash_usd)
    equity = result.equity
    days = daily_equity(equity)
    returns = daily_returns(initial, days)
    sharpe = sharpe_of(returns)
    final = float(equity.equity_usd[-1]) if len(equity.equity_usd) else initial
    fallen, fallen_usd = drawdown(initial, equity.equity_usd)
    growth = cagr(initial, final, len(returns))
    exposure, by_theme = exposures(equity)
    error = sharpe.standard_error
    trades = trade_figures(result.trades)
    year = math.sqrt(DAYS_PER_YEAR)
    return Metrics(
        days=len(returns),
        enough_days=len(returns) >= ENOUGH_DAYS,
        initial_usd=initial,
        final_usd=final,
        pnl_usd=final - initial,
        total_return=final / initial - 1.0 if initial > 0.0 else 0.0,
        cagr=growth,
        sharpe=sharpe.ratio * year,
        sharpe_standard_error=None if error is None else error * year,
        sharpe_probability=probabilistic(sharpe),
        sortino=sortino(returns),
        volatility=float(np.std(returns, ddof=1)) * year if len(returns) > 1 else 0.0,
        max_drawdown=fallen,
        max_drawdown_usd=fallen_usd,
        calmar=_ratio(growth, fallen),
        hit_rate=trades["win_rate"],
        exposure=exposure,
        exposure_by_theme=by_theme,
        time_in_market=float(np.mean(equity.gross_usd > 0.0)) if len(equity.gross_usd) else 0.0,
        turnover_per_year=_turnover(result, multipliers or {}, len(returns)),
        costs=_costs(result.fills),
        orders=len(result.orders),
        fills=len(result.fills),
        refused=sum(1 for decision in result.decisions if decision.code not in LET_THROUGH),
        bars=result.bars,
        trades=trades,
    )


def as_json(metrics: Metrics) -> dict[str, object]:
    """The figures as plain values, in the order they are declared in."""
    return asdict(metrics)


def sharpe_per_day(result: RunResult) -> Sharpe:
    """The Sharpe ratio per day, as trials are counted and deflated by."""
    return sharpe_of(daily_returns(float(result.initial_cash_usd), daily_equity(result.equity)))


def new_york_days(at_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The New York date of each moment, in days since 1970; an end at midnight is of the day before."""
    inside = at_ns - 1
    hours, place = np.unique(inside // _HOUR_NS, return_inverse=True)
    shifts = np.asarray([_utc_offset_ns(int(hour)) for hour in hours], dtype=np.int64)
    shifted: NDArray[np.int64] = (inside + shifts[place]) // (24 * _HOUR_NS) if len(inside) else inside
    return shifted


def daily_equity(curve: EquityCurve) -> NDArray[np.float64]:
    """The equity at the last moment of each New York date that has one."""
    days = new_york_days(curve.at_ns)
    last = np.flatnonzero(np.diff(days)) if len(days) else days
    picked = curve.equity_usd[np.append(last, len(days) - 1)] if len(days) else curve.equity_usd
    return np.asarray(picked, dtype=np.float64)


def daily_returns(initial_usd: float, days: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return of each day; 0.0 where it began with less than a cent."""
    before = np.concatenate(([initial_usd], days[:-1])) if len(days) else days
    returns = np.zeros(len(days))
    np.divide(days - before, before, out=returns, where=before >= CENT_USD)
    return returns


def cagr(initial_usd: float, final_usd: float, days: int) -> float:
    """Growth per year; -1.0 where nothing was left, 0.0 without a day."""
    if not days or initial_usd <= 0.0:
        return 0.0
    if final_usd < CENT_USD:
        return -1.0
    exponent = math.log(final_usd / initial_usd) * DAYS_PER_YEAR / days
    return math.expm1(min(exponent, 700.0))


def sortino(returns: NDArray[np.float64]) -> float | None:
    """Mean over downside deviation from nought, per year (Sortino and Price 1994)."""
    if not len(returns):
        return 0.0
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return _ratio(float(np.mean(returns)) * math.sqrt(DAYS_PER_YEAR), downside)


def drawdown(initial_usd: float, equity: NDArray[np.float64]) -> tuple[float, float]:
    """The largest fall from a peak, as a fraction of the peak and in USD; the start is a peak, too."""
    if not len(equity):
        return 0.0, 0.0
    path = np.concatenate(([initial_usd], equity))
    falls, shares = falls_of(path)
    return float(np.max(shares)), float(np.max(falls))


def falls_of(path: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far below its peak so far each value stands, in USD and as a fraction of the peak."""
    peaks = np.maximum.accumulate(path)
    falls = peaks - path
    shares = np.zeros(len(path))
    np.divide(falls, peaks, out=shares, where=peaks > 0.0)
    return falls, shares


def exposures(curve: EquityCurve) -> tuple[float, dict[str, float]]:
    """Mean gross value / equity, in all and by theme; one with less than a cent of equity counts nought."""
    equity = curve.equity_usd
    if not len(equity):
        return 0.0, dict.fromkeys(sorted(curve.by_theme_usd), 0.0)

    def mean_share(values: NDArray[np.float64]) -> float:
        shares = np.zeros(len(equity))
        np.divide(values, equity, out=shares, where=equity >= CENT_USD)
        return float(np.mean(shares))

    return mean_share(curve.gross_usd), {
        theme: mean_share(values) for theme, values in sorted(curve.by_theme_usd.items())
    }


def _turnover(result: RunResult, multipliers: Mapping[str, Decimal], days: int) -> float:
    equity = result.equity.equity_usd
    mean = float(np.mean(equity)) if len(equity) else 0.0
    if mean <= 0.0 or not days:
        return 0.0
    one = Decimal(1)
    traded = sum((f.price * f.quantity * multipliers.get(f.key, one) for f in result.fills), Decimal(0))
    return float(traded) / mean * DAYS_PER_YEAR / days


def _costs(fills: tuple[FillRow, ...]) -> Costs:
    return Costs(
        commission_usd=float(sum((fill.commission_usd for fill in fills), Decimal(0))),
        slippage_usd=float(sum((fill.slippage_usd for fill in fills), Decimal(0))),
    )


def _ratio(gain: float, risk: float) -> float | None:
    """None where a gain met no risk at all: no number says how good that is."""
    if risk > 0.0:
        return gain / risk
    return None if gain else 0.0


def _utc_offset_ns(hour: int) -> int:
    offset = datetime.fromtimestamp(hour * 3600, UTC).astimezone(NEW_YORK).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) * NANOSECONDS
