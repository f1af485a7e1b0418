"""What a day came to, told and kept when the engine ends: lines for people, summary and trades as files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from engine.api import UptimeView
from engine.config.atomic import write_atomically
from engine.ledger.summary import DailySummary, TradeDict, trades_json
from engine.runtime.daypnl import trading_day
from engine.runtime.desk import Desk

TRADES_SHOWN: Final = 20
"""Trades listed for people; the file has all of them."""

_log = structlog.get_logger("engine")


class DayReport:
    """Made once, after everything was closed that is closed at the end."""

    def __init__(self, desk: Desk, *, folder: Path, uptime: Callable[[], UptimeView] = UptimeView) -> None:
        """Files go to `folder`, one pair per trading day; a later end of the same day replaces them."""
        self._desk = desk
        self._folder = folder
        self._uptime = uptime

    async def make(self, left: Sequence[str]) -> tuple[str, ...]:
        """Write the files and show the lines; returns what could not be written. Never raises OSError.

        Args:
            left: what stays open, as named to the operator.
        """
        positions = self._desk.books.ledger.positions
        day, summary = trading_day(self._desk.now()), positions.get_daily_summary()
        files = {
            self._folder / f"{day}.summary.json": _summary_json(str(day), summary, left),
            self._folder / f"{day}.trades.json": trades_json(positions.trades()),
        }
        problems = []
        try:
            for path, text in files.items():
                await asyncio.to_thread(_write, path, text)
        except OSError as err:
            problems.append(f"the day's summary and trades could not be saved: {err}")
        lines = (self._desk.telemetry.summary(), uptime_line(self._uptime()))
        self._desk.summary = (*summary_lines(str(day), summary), *(line for line in lines if line))
        for line in self._desk.summary:
            _log.info(line, kind="summary")
        return tuple(problems)


def summary_lines(day: str, summary: DailySummary) -> tuple[str, ...]:
    """The summary for people: every figure of it, then its newest trades."""
    count = summary["total_trades"]
    trades = f"{count} trade{'' if count == 1 else 's'}"
    won = f"winners {summary['winners']} (average {summary['avg_winner']:+,.2f})"
    lost = f"losers {summary['losers']} (average {summary['avg_loser']:+,.2f})"
    lines = [
        f"summary of {day}: {trades}, P&L {summary['daily_pnl']:+,.2f} USD net",
        f"{won}, {lost}, win rate {summary['win_rate']:.0%}",
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


def _summary_json(day: str, summary: DailySummary, left: Sequence[str]) -> str:
    return json.dumps({"day": day, "left_open": list(left), **summary}, indent=2, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    """Whole or not at all, private: a file that is read later must never be cut short."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, text)
