"""What a day came to, told and kept: trades as they close, summary and page when day or engine ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from engine.api import Level, UptimeView
from engine.config.atomic import write_atomically
from engine.domain.position import Trade
from engine.ledger.changes import Changes
from engine.ledger.summary import DailySummary, TradeDict, trades_json
from engine.ledger.trade_figures import TradeFigures, trade_figures
from engine.runtime.daypnl import trading_day
from engine.runtime.desk import Desk

TRADES_SHOWN: Final = 20
"""Trades listed for people; the file has all of them."""

Spawn = Callable[[str, Callable[[], object]], None]
Text = Callable[[], str]
"""Makes the text of a file, in the thread that writes it: a long day is a lot of JSON. Empty: no file."""

_log = structlog.get_logger("engine")


class DayReport:
    """Keeps the files of each trading day beside the store.

    `days/trades_YYYYMMDD.json` after every close, `days/daily_summary_YYYYMMDD.json` and the page
    `runs/<run id>/report_YYYYMMDD.html` when the day or the engine ends. What a crash left out is written
    anew by the next start: all of it stands in the store.
    """

    def __init__(self, desk: Desk, *, database: Path, run_id: str = "", spawn: Spawn) -> None:
        self._desk = desk
        self._database = database
        self._run_id = run_id
        self._spawn = spawn
        self._due: dict[Path, Text] = {}
        self._pages: list[date] = []
        self._writing = False
        self._lock = asyncio.Lock()
        self._closed = True
        """A trade closed since the file was last taken down; a crash may have left it without one, too."""
        self._withdrawn = False

    def on_changes(self, changes: Changes) -> None:
        """Durable changes of the books: a trade that closed, or one that was taken back."""
        if changes.trades or changes.withdrawn_trades:  # no more than noted: orders may be on their way
            self._closed = True
            self._withdrawn = self._withdrawn or bool(changes.withdrawn_trades)

    def day_ended(self, day: date) -> None:
        """Take down the day before the books forget it; the page is made from the store afterwards."""
        self._take(day, left=())
        self._pages.append(day)

    async def round(self) -> None:
        """Called every second or so: write what is due, without holding up the round."""
        if self._closed:
            self._take_trades()
        if (self._due or self._pages) and not self._writing:
            self._writing = True
            self._spawn("the day's files", self._write_and_tell)

    async def make(
        self, left: Sequence[str], *, uptime: Callable[[], UptimeView] = UptimeView
    ) -> tuple[str, ...]:
        """Write the files and show the lines at the end; returns what could not be written.

        Args:
            left: what stays open, as named to the operator.
        """
        day = trading_day(self._desk.now())
        figures = self._take(day, left=left)
        self._pages.append(day)
        problems = await self._write()
        summary = self._desk.books.ledger.positions.get_daily_summary()
        lines = (self._desk.telemetry.summary(), uptime_line(uptime()))
        told = summary_lines(str(day), summary, figures)
        self._desk.summary = (*told, *(line for line in lines if line))
        for line in self._desk.summary:
            _log.info(line, kind="summary")
        return problems

    def _take_trades(self) -> None:
        """Today's: right after a start, or after midnight, the books may still hold the day before."""
        even_none, self._closed, self._withdrawn = self._withdrawn, False, False
        day = trading_day(self._desk.now())
        trades = self._desk.books.ledger.positions.trades()
        if trades or even_none:
            self._due[self._file("trades", day)] = partial(_todays_json, trades, day, even_none=even_none)

    def _take(self, day: date, *, left: Sequence[str]) -> TradeFigures:
        positions = self._desk.books.ledger.positions
        trades = positions.trades()
        figures = trade_figures(trades)
        self._due[self._file("daily_summary", day)] = partial(
            _summary_json, str(day), positions.get_daily_summary(), figures, tuple(left)
        )
        self._due[self._file("trades", day)] = partial(trades_json, trades)
        return figures

    def _file(self, kind: str, day: date) -> Path:
        return self._database.parent / "days" / f"{kind}_{day:%Y%m%d}.json"

    async def _write_and_tell(self) -> None:
        try:
            for problem in await self._write():
                self._desk.notices.event(Level.WARNING, "engine", problem)
        finally:
            self._writing = False

    async def _write(self) -> tuple[str, ...]:
        """Everything that is due; what fails is told once and not tried again."""
        async with self._lock:  # an older text must not land on a newer one
            return await self._write_due()

    async def _write_due(self) -> tuple[str, ...]:
        problems = []
        while self._due:
            path = next(iter(self._due))
            text = self._due.pop(path)
            try:
                await asyncio.to_thread(_make, path, text)
            except OSError as err:
                problems.append(f"{path.name} could not be saved: {err}; its rows are in the store")
        while self._pages:
            day = self._pages.pop(0)
            try:
                await asyncio.to_thread(_write_page, self._database, day, self._run_id)
            except Exception as err:  # noqa: BLE001 - told, but no page may keep an engine from its end
                problems.append(f"the report of {day} could not be made: {err} (cockpit report --day {day})")
        return tuple(problems)


def page_of(database: Path, day: date) -> str:
    """The page of a trading day, from the store. Raises StoreError."""
    return _page(database, day, "")


def _page(database: Path, day: date, run_id: str) -> str:
    # Templates are loaded by those who make a page, not at the start.
    from engine.report.day_page import day_page
    from engine.store.day_record import load_day

    return day_page(load_day(database, day), run_id=run_id)


def _write_page(database: Path, day: date, run_id: str) -> None:
    folder = database.parent / "runs" / (run_id or "unnamed")
    _write(folder / f"report_{day:%Y%m%d}.html", _page(database, day, run_id))


def summary_lines(day: str, summary: DailySummary, figures: TradeFigures) -> tuple[str, ...]:
    """The summary for people: every figure of it, then its newest trades."""
    count = summary["total_trades"]
    trades = f"{count} trade{'' if count == 1 else 's'}"
    won = f"winners {summary['winners']} (average {summary['avg_winner']:+,.2f})"
    lost = f"losers {summary['losers']} (average {summary['avg_loser']:+,.2f})"
    largest = f"largest {figures['largest_winner']:+,.2f} and {figures['largest_loser']:+,.2f}"
    lines = [
        f"summary of {day}: {trades}, P&L {summary['daily_pnl']:+,.2f} USD net",
        f"{won}, {lost}, win rate {summary['win_rate']:.0%}",
        f"{largest}, average {figures['avg_duration_min']:.1f} min held",
        f"left by: {_exits(figures['exit_reasons'])}",
    ]
    shown = summary["trades"][-TRADES_SHOWN:]
    if len(shown) < count:
        lines.append(f"the last {len(shown)}:")
    return (*lines, *(_trade_line(trade) for trade in shown))


def uptime_line(uptime: UptimeView) -> str:
    """How long the engine was up while its market was open; empty before anything is known."""
    if uptime.pct is None:
        return ""
    between = "no failure" if uptime.mtbf_h is None else f"{uptime.mtbf_h:.1f} h between failures"
    return f"up {uptime.pct:.2f} % of {uptime.sessions} sessions ({uptime.up_h:.1f} h), {between}"


def _trade_line(trade: TradeDict) -> str:
    return (
        f"{trade['symbol']:8} {trade['side']:5} {trade['shares']:>6}  {trade['entry_price']:g} → "
        f"{trade['exit_price']:g}  {trade['pnl']:+,.2f} USD net ({trade['exit_reason']})"
    )


def _exits(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{code} {count}" for code, count in counts.items() if count) or "nothing"


def _summary_json(day: str, summary: DailySummary, figures: TradeFigures, left: Sequence[str]) -> str:
    document = {"day": day, "left_open": list(left), **figures, **summary}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _todays_json(trades: Sequence[Trade], day: date, *, even_none: bool) -> str:
    todays = [trade for trade in trades if trading_day(trade.closed_at) == day]
    return trades_json(todays) if todays or even_none else ""


def _make(path: Path, text: Text) -> None:
    made = text()
    if made:
        _write(path, made)


def _write(path: Path, text: str) -> None:
    """Whole or not at all, private: a file that is read later must never be cut short."""
    for folder in (path.parent.parent, path.parent):  # `parents=True` would leave those open to others
        folder.mkdir(mode=0o700, exist_ok=True)
    write_atomically(path, text)
