"""A market of a hundred stocks as a tape, and the cockpit's configuration that trades on it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.domain.setup import Setup
from engine.market.scan_file import file_name, render_scan_file

SYMBOLS = tuple(f"B{number:02}" for number in range(100))
DAY = dt.date(2026, 11, 20)
BEGIN, MINUTES = dt.time(9, 50), 40
"""The tape's first ten minutes are the history of what begins at ten."""
CONFIG = """
[state]
dir = "{folder}/state"
[broker]
tape = "{folder}/tape"
start_at = "10:00"
data_lines = 200
[market_data]
max_lines = 200
live_bars_in_10_min = 0
resubscribe_after_s = 3600.0
max_quote_age_seconds = 120.0
max_ohlcv_age_seconds = 3600.0
outlier_sigma = 100.0
[health]
max_cpu_pct = 100.0
max_loop_lag_ms = 10000.0
[risk]
max_positions = {positions}
max_gross_exposure = 5000000.0
max_total_at_risk_pct = 500.0
per_symbol_notional_cap = 10000.0
max_order_value = 20000.0
orders_per_minute = 3000
duplicate_window_s = 0.0
cooldown_minutes = 0.0
cooldown_after_stop_minutes = 0.0
[risk.repeated_execution]
n = 1000
[universe]
min_24h_value = [0.0, 0.0, 0.0]
allocation_pct = [100.0, 100.0, 100.0]
"""
PIVOTS = """
[strategies.ps60]
kind = "pivot_break"
symbols = {symbols}
timeframe = "5s"
params = {{ min_volume_ratio = 0.0, min_thrust_ratio = 0.0 }}
"""


def base(symbol: str) -> float:
    """Where a stock trades: a few cents around it."""
    return 50.0 + SYMBOLS.index(symbol)


def resistance(symbol: str) -> float:
    """The level above it: near, and never reached by the tape itself."""
    return round(base(symbol) + 0.10, 2)


def listed(symbols: tuple[str, ...]) -> str:
    """Symbols as TOML writes them."""
    return "[" + ", ".join(f'"{symbol}"' for symbol in symbols) + "]"


def prepare(folder: Path, symbols: tuple[str, ...] = SYMBOLS) -> None:
    """Write the tape (a quote and a print a second of each stock) and the day's levels."""
    begin = dt.datetime.combine(DAY, BEGIN, ZoneInfo("America/New_York"))
    seconds = np.arange(MINUTES * 60).repeat(len(symbols))
    stocks = np.tile(np.arange(len(symbols)), MINUTES * 60)
    bids = np.round(50.0 + stocks + (seconds + stocks) % 4 / 100, 2)
    at = round(begin.timestamp()) * 10**9 + seconds * 10**9 + stocks * 10**6
    shared = {"ts": pa.array(at, pa.timestamp("ns", "UTC")), "symbol": np.array(SYMBOLS)[stocks]}
    sizes = 300 + (seconds * 7 + stocks) % 200
    quotes = {"bid": bids, "bid_size": sizes, "ask": np.round(bids + 0.01, 2), "ask_size": sizes}
    (folder / "tape").mkdir()
    pq.write_table(pa.table({**shared, **quotes}), folder / "tape" / "hundred_quote.parquet")
    prints = {"price": bids, "size": sizes}
    pq.write_table(pa.table({**shared, **prints}), folder / "tape" / "hundred_trade.parquet")
    setups = [
        Setup(key=s, day=DAY, resistance=resistance(s), support=round(base(s) - 5.0, 2)) for s in symbols
    ]
    (folder / "scanner").mkdir()
    (folder / "scanner" / file_name(DAY)).write_text(render_scan_file(DAY, setups), encoding="utf-8")
