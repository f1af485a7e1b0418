"""Behind `cockpit backtest`: finds bars and strategies, runs them, keeps and tells what came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from pathlib import Path
from typing import Final

from engine.backtest.contracts import describe
from engine.backtest.data.calendars import CalendarShelf
from engine.backtest.data.problems import DataError
from engine.backtest.data.universe import CACHE_FOLDER, bar_seconds, calendar_of_symbol, load_universe
from engine.backtest.engine import Progress, run_backtest
from engine.backtest.metrics import as_json, measure
from engine.backtest.result import NOT_MODELLED, RunResult
from engine.backtest.run_directory import RunInputs, free_run_id, honest_line, results_folder, write_run
from engine.backtest.run_page import write_report
from engine.backtest.sample import SYMBOLS, sample_hours, sample_series
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.backtest.setting import BacktestError
from engine.backtest.unopened import table_of
from engine.config import Config, Loaded, StrategySection, Timeframe
from engine.domain.instrument import Instrument, SessionHours
from engine.domain.market import NEW_YORK, utc
from engine.market.bars import timeframe_seconds
from engine.market.calendar_source import make_calendars
from engine.runtime import catalogue
from engine.runtime.modes.code import code_id
from engine.runtime.process.errors import FailedError, UsageError
from engine.runtime.shell.backtest_setting import backtest_config, strategy_run
from engine.strategy import STRATEGIES

Say = Callable[[str], None]

SAMPLE: Final = StrategySection(
    kind="ma_crossover",
    symbols=SYMBOLS,
    timeframe=Timeframe.MINUTE_1,
    params={"fast": 10, "slow": 40, "stop_atr": 6.0},
)
"""What trades the invented bars."""

_SHOWN: Final = (
    ("cagr", "CAGR", "{:+.2%}"),
    ("max_drawdown", "max drawdown", "{:.2%}"),
    ("hit_rate", "hit rate", "{:.0%}"),
    ("sharpe", "Sharpe", "{:.2f}"),
    ("sortino", "Sortino", "{:.2f}"),
    ("calmar", "Calmar", "{:.2f}"),
)
"""Figures of the summary: metric, name for people, format."""

_MOST_TOLD: Final = 10

_AFTER: Final = timedelta(days=14)
"""Sessions are known so far beyond the last bar, so that its next one is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    strategy: str = ""
    """One configured strategy; empty for all that are enabled."""
    first: date | None = None
    """First session date; bars before it warm up."""
    last: date | None = None
    bars: str = ""
    """Length of the bars read, `1d`, `1m` or `5s`; empty: as the strategies have them."""
    sample: bool = False
    report: bool = False
    results: Path | None = None


def backtest(loaded: Loaded, asked: Asked, *, say: Say, progress: Progress | None = None) -> int:
    """Run, write the run's folder, print the summary.

    Raises:
        UsageError: what was asked for does not fit together, or its data is not here.
        FailedError: the result could not be written.
    """
    try:
        loaded, names = strategies_of(loaded, asked, say)
        series, instruments = market_of(loaded, asked, names)
        daily = _daily(loaded, names, asked, say)
        result, took_s = _run(loaded, asked, names, series, instruments, daily, progress)
    except (BacktestError, DataError) as err:
        raise UsageError(f"{err}.".replace("..", ".")) from err
    folder = _keep(loaded, asked, names, series, instruments, result, took_s)
    for line in (*summary_lines(result, names, took_s), *table_of(result)):
        say(line)
    say(honest_line(folder))
    say(f"not modelled: {', '.join(NOT_MODELLED)}")
    say(f"kept in {folder}")
    if asked.report:
        say(f"report: {write_report(folder)}")
    return _told_by_the_ledger(result, say)


def _told_by_the_ledger(result: RunResult, say: Say) -> int:
    """Whether the live ledger came to the same; 1 where it did not, which is a fault of this program."""
    if result.life is None:
        return 0
    life = result.life()
    if not life.differences:
        say(f"the ledger of live trading comes to the same: {life.orders:,} orders, {life.fills:,} fills")
        return 0
    say(f"THE LEDGER OF LIVE TRADING SEES {len(life.differences):,} THINGS OTHERWISE, do not trust this run:")
    for line in life.differences[:_MOST_TOLD]:
        say(f"  {line}")
    return 1


def strategies_of(loaded: Loaded, asked: Asked, say: Say) -> tuple[Loaded, tuple[str, ...]]:
    """The configuration of this run and its strategies by name."""
    config = loaded.config
    if asked.sample and not asked.strategy:
        config = config.model_copy(update={"strategies": {"sample": SAMPLE}})
        return changed(loaded, config=config), ("sample",)
    if asked.strategy and asked.strategy not in config.strategies:
        known = ", ".join(sorted(config.strategies))
        raise BacktestError(f"no strategy {asked.strategy!r} is configured; there are {known}")
    if asked.strategy and (why := _left_out(config.strategies[asked.strategy])):
        raise BacktestError(f"{asked.strategy} cannot be tested on bars: {why}")
    if asked.sample:
        section = config.strategies[asked.strategy].model_copy(
            update={"symbols": SYMBOLS, "timeframe": Timeframe.MINUTE_1, "from_scanner": 0}
        )
        config = config.model_copy(update={"strategies": {asked.strategy: section}})
        return changed(loaded, config=config), (asked.strategy,)
    names = (asked.strategy,) if asked.strategy else _usable(config, say)
    if not names:
        raise BacktestError("no strategy is enabled that can be tested on bars; name one with --strategy")
    return loaded, names


def _usable(config: Config, say: Say) -> tuple[str, ...]:
    """All that are enabled; traders of levels only where nobody else is, for they want 5-second bars."""
    found, of_levels = list[str](), list[str]()
    for name, section in config.strategies.items():
        why = _left_out(section) if section.enabled else ""
        if why:
            say(f"{name} is left out: {why}")
        elif section.enabled and section.symbols:
            (of_levels if _trades_levels(section) else found).append(name)
    if not found:
        return tuple(of_levels)
    for name in of_levels:
        say(f"{name} is left out: it wants 5-second bars; test it by itself with --strategy {name}")
    return tuple(found)


def _trades_levels(section: StrategySection) -> bool:
    return section.kind in STRATEGIES.names() and STRATEGIES.get(section.kind).wants_setups


def _daily(loaded: Loaded, names: Sequence[str], asked: Asked, say: Say) -> Mapping[str, BarSeries]:
    """Daily bars for those who trade levels; where there are none the run makes days of its own bars."""
    sections = [loaded.config.strategies[name] for name in names]
    symbols = dict.fromkeys(s for section in sections if _trades_levels(section) for s in section.symbols)
    if asked.sample or not symbols:
        return {}
    try:
        return {one.key: one for one in load_universe(loaded, tuple(symbols), "1d", None, asked.last)}
    except DataError as err:
        say(f"levels are found in the bars of the run itself: {err}")
        return {}


def _left_out(section: StrategySection) -> str:
    """Why bars cannot test a strategy of this kind; empty where they can."""
    kind = STRATEGIES.get(section.kind) if section.kind in STRATEGIES.names() else None
    if kind is not None and kind.learns:
        return "it learns from ticks and the depth of the book, and recorded bars have neither"
    return ""


def market_of(
    loaded: Loaded, asked: Asked, names: Sequence[str]
) -> tuple[tuple[BarSeries, ...], dict[str, Instrument]]:
    """Bars, and the instruments they are of with every session of the run."""
    if asked.sample:
        hours = sample_hours()
        after = SessionHours(hours[-1].open + _AFTER, hours[-1].close + _AFTER)
        return sample_series(), {
            key: describe(key, n, (*hours, after)) for n, key in enumerate(SYMBOLS, start=1)
        }
    sections = [loaded.config.strategies[name] for name in names]
    symbols = tuple(dict.fromkeys(symbol for section in sections for symbol in section.symbols))
    seconds = min(timeframe_seconds(section.timeframe.value) for section in sections)
    bars = asked.bars or ("1d" if seconds >= bar_seconds("1d") else "1m" if seconds >= 60 else "5s")
    # What lies before the first day warms the strategies up.
    series = load_universe(loaded, symbols, bars, None, asked.last)
    shelf = CalendarShelf(loaded.state_dir / CACHE_FOLDER / "calendars", make_calendars)
    return series, {one.key: _described(one, n, shelf) for n, one in enumerate(series, start=1)}


def _described(one: BarSeries, number: int, shelf: CalendarShelf) -> Instrument:
    ends = one.end_ns
    first, last = utc(float(ends[0]) / NANOSECONDS), utc(float(ends[-1]) / NANOSECONDS)
    table = shelf.sessions(calendar_of_symbol(one.key), (first - _AFTER).date(), (last + _AFTER).date())
    rows = zip(table.open_ns.tolist(), table.close_ns.tolist(), strict=True)
    hours = [SessionHours(utc(opens / NANOSECONDS), utc(closes / NANOSECONDS)) for opens, closes in rows]
    return describe(one.key, number, hours)


def _run(
    loaded: Loaded,
    asked: Asked,
    names: Sequence[str],
    series: Sequence[BarSeries],
    instruments: dict[str, Instrument],
    daily: Mapping[str, BarSeries],
    progress: Progress | None,
) -> tuple[RunResult, float]:
    config = loaded.config
    runs = [
        strategy_run(
            config,
            name,
            catalogue.create(loaded, name, config.strategies[name], config.strategies[name].symbols),
        )
        for name in names
    ]
    setting = backtest_config(
        config,
        runs,
        begin_ns=midnight_ns(asked.first),
        end_ns=midnight_ns(asked.last, days_later=1),
        daily=daily,
    )
    began = time.perf_counter()
    result = run_backtest(setting, series, instruments, progress=progress)
    return result, time.perf_counter() - began


def midnight_ns(day: date | None, *, days_later: int = 0) -> int | None:
    """Midnight in New York at which a date begins, epoch nanoseconds."""
    if day is None:
        return None
    begin = datetime.combine(day + timedelta(days=days_later), clock_time(0), tzinfo=NEW_YORK)
    return int(begin.timestamp()) * NANOSECONDS


def _keep(
    loaded: Loaded,
    asked: Asked,
    names: Sequence[str],
    series: Sequence[BarSeries],
    instruments: dict[str, Instrument],
    result: RunResult,
    took_s: float,
) -> Path:
    now = datetime.now(UTC)
    config_hash = loaded.config.fingerprint
    results = asked.results or results_folder(loaded.state_dir)
    inputs = RunInputs(
        config_hash=config_hash,
        code_revision=code_id(),
        strategies=tuple(names),
        series=series,
        parameters={
            "from": "" if asked.first is None else asked.first.isoformat(),
            "to": "" if asked.last is None else asked.last.isoformat(),
            "backtest": loaded.config.backtest.model_dump(mode="json"),
            **{
                f"strategies.{name}": loaded.config.strategies[name].model_dump(mode="json") for name in names
            },
        },
        multipliers={key: Decimal(repr(one.multiplier)) for key, one in instruments.items()},
    )
    try:
        run_id = free_run_id(results, now, config_hash)
        return write_run(results, result, inputs, run_id=run_id, generated_at=now, took_s=took_s)
    except OSError as err:
        raise FailedError(f"the run could not be written to {results}: {err}.") from err


def summary_lines(result: RunResult, names: Sequence[str], took_s: float) -> tuple[str, ...]:
    """What came of a run, for people."""
    equity = result.equity.equity_usd
    rate = f" ({result.bars / took_s:,.0f} a second)" if took_s > 0 else ""
    happened = f"{len(result.trades):,} trades, {len(result.fills):,} fills"
    lines = [
        f"{', '.join(names)}: {result.bars:,} bars in {took_s:.2f} s{rate}",
        f"equity {float(result.initial_cash_usd):,.2f} -> {float(equity[-1]):,.2f} USD, {happened}",
    ]
    refused = Counter(d.code for d in result.decisions if d.code not in ("passed", "exit"))
    if refused:
        reasons = ", ".join(f"{count:,} {code}" for code, count in sorted(refused.items(), key=_most_first))
        lines.append(f"entries refused: {reasons}")
    lines.append(_figures(as_json(measure(result))))
    if result.halted:
        lines.append(f"halted: {result.halted}")
    return tuple(line for line in lines if line)


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _figures(metrics: Mapping[str, object]) -> str:
    """Shares in percent, ratios plain; what the run gave no figure for is left out."""
    known = [(label, metrics.get(name), as_text) for name, label, as_text in _SHOWN]
    return ", ".join(
        f"{label} {as_text.format(value)}" for label, value, as_text in known if isinstance(value, float)
    )
