"""What a tape folder holds: which Parquet file carries what, for which contracts.

A file's kind follows from its columns, its instruments from a `symbol` or `expiry` column or from its name
(`SPY_20131007_trade.parquet`, `lobster_GOOG_...`, `cme_esu4_...`: the first word that is not a vendor's).
`tape.toml` in the folder may say it instead:

    [files."monday.parquet"]
    symbol = "SPY"
    kind = "trade_bars"     # book, depth, quotes, trades, messages, trade_bars, quote_bars; "ignore" skips it
    bar_seconds = 60
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.gateway.instruments import MONTH_CODES, Instruments, Root, stock_contract
from engine.gateway.model import Contract
from engine.gateway.tape_files import (
    TapeError,
    batches,
    first_and_last,
    nanoseconds,
    open_file,
    played_files,
)

__all__ = ["LEVELS", "Kind", "TapeError", "TapeFile", "read_folder", "span"]

LEVELS = 10

_VENDORS = frozenset({"lobster", "xnas", "cme", "firstrate", "yahoo", "binance"})
_UNKNOWN_BASE, _UNKNOWN_SPAN = 900_000, 99_000
_FUTURE = re.compile(rf"([A-Z0-9]{{1,4}}?)([{MONTH_CODES}])(\d{{1,2}})")


class Kind(IntEnum):
    """What a file's rows are, the finest source of prints or quotes first."""

    BOOK = 0
    DEPTH = 1
    """Changes of a book, from a snapshot on."""
    QUOTES = 2
    TRADES = 3
    MESSAGES = 4
    TRADE_BARS = 5
    QUOTE_BARS = 6


_OHLC = ("open", "high", "low", "close")
_COLUMNS: dict[Kind, tuple[str, ...]] = {
    Kind.BOOK: ("ts", "bid_px_0", "bid_sz_0", "ask_px_0", "ask_sz_0"),
    Kind.DEPTH: ("ts", "side", "price", "size", "is_snapshot"),
    Kind.QUOTES: ("ts", "bid", "bid_size", "ask", "ask_size"),
    Kind.MESSAGES: ("ts", "type", "order_id", "size", "price", "direction"),
    Kind.TRADE_BARS: ("ts", *_OHLC, "volume"),
    Kind.QUOTE_BARS: (
        "ts",
        *(f"{side}_{name}" for side in ("bid", "ask") for name in (*_OHLC, "size")),
    ),
    Kind.TRADES: ("ts", "price", "size"),
}
_REFUSED = {
    "date": "daily bars cannot be played; use minutes or ticks",
    "order_id": "order-by-order (MBO) data cannot be played; use the mbp10 file made from it",
    "tickType": "API ticks without an instrument cannot be played",
}
_TEXT = frozenset({"aggressor", "action", "side", "symbol", "expiry"})
_FLAGS = frozenset({"suspicious", "is_snapshot"})
_TIMES = frozenset({"ts", "ts_local"})
_OPTIONAL = ("aggressor", "action", "side", "price", "size", "suspicious", "symbol", "expiry")
_OF_DEPTH = ("ts_local", "final_update_id", "prev_final_update_id")
"""When a change was recorded (its order), and what tells whether one is missing."""


@dataclass(frozen=True, slots=True)
class TapeFile:
    """One file of the tape, understood but not read."""

    path: Path
    kind: Kind
    columns: tuple[str, ...]
    contracts: dict[str, Contract]
    """By the key its rows carry: symbol or expiry as written, or empty where the whole file is one."""
    key: str = ""
    """Name of the column that tells the rows' contracts apart; empty for one contract."""
    bar_s: float = 0.0

    @property
    def has_prints(self) -> bool:
        """True where rows are, or contain, prints."""
        if self.kind in (Kind.BOOK, Kind.QUOTES):
            return {"action", "price", "size"} <= set(self.columns)
        return self.kind not in (Kind.QUOTE_BARS, Kind.DEPTH)

    @property
    def has_quotes(self) -> bool:
        """True where rows carry a bid and an ask."""
        return self.kind in (Kind.BOOK, Kind.DEPTH, Kind.QUOTES, Kind.QUOTE_BARS)


def read_folder(folder: Path, instruments: Instruments) -> list[TapeFile]:
    """Understand every Parquet file of the folder. TapeError where one is not understood."""
    files = [_understand(path, said, instruments) for path, said in played_files(folder)]
    owners: dict[int, Contract] = {}
    for file in files:
        for contract in file.contracts.values():
            owner = owners.setdefault(contract.con_id, contract)
            if owner.symbol != contract.symbol:
                raise TapeError(f"{file.path.name}: {contract.symbol} cannot be listed beside {owner.symbol}")
    return files


def span(folder: Path) -> tuple[float, float]:
    """Epoch seconds of the tape's first and last rows. TapeError where there is none."""
    ends: list[float] = []
    for path, said in played_files(folder):
        with open_file(path) as file:
            _kind_of(path, file.schema_arrow, said)
        ends.extend(first_and_last(path))
    if not ends:
        raise TapeError(f"tape {folder}: no Parquet file with a row")
    return min(ends), max(ends)


def _understand(path: Path, said: dict[str, Any], instruments: Instruments) -> TapeFile:
    with open_file(path) as file:
        schema = file.schema_arrow
    kind = _kind_of(path, schema, said)
    columns = _columns_of(path, schema, kind)
    key = next((name for name in ("symbol", "expiry") if name in columns), "")
    symbol = str(said.get("symbol") or _symbol_in_name(path)).upper()
    keys = _distinct(path, key) if key and not (said.get("symbol") and key == "symbol") else [""]
    year = _first_year(path)
    contracts = {}
    for value in keys:
        if key == "expiry" and value:
            contracts[value] = _expiry_contract(path, symbol, value, instruments)
        else:
            contracts[value] = _contract(path, value or symbol, year, instruments)
    bar_s = 0.0
    if kind in (Kind.TRADE_BARS, Kind.QUOTE_BARS):
        bar_s = float(said.get("bar_seconds") or _bar_seconds(path))
    return TapeFile(path, kind, columns, contracts, key if keys != [""] else "", bar_s)


def _kind_of(path: Path, schema: Any, said: dict[str, Any]) -> Kind:
    names = set(schema.names)
    if "kind" in said:
        kind = Kind[said["kind"].upper()]
        missing = [name for name in _COLUMNS[kind] if name not in names]
        if missing:
            raise TapeError(f"{path.name}, column {missing[0]}: missing, and {said['kind']} need it")
        return kind
    # A book file may carry its feed's other columns too, so it is looked for before anything is refused.
    if not set(_COLUMNS[Kind.BOOK]) <= names:
        for column, reason in _REFUSED.items():
            if column in names and "direction" not in names:
                raise TapeError(f"{path.name}, column {column}: {reason}")
    for kind, wanted in _COLUMNS.items():
        if set(wanted) <= names:
            return kind
    known = "; ".join(", ".join(wanted[:4]) + ", ..." for wanted in _COLUMNS.values())
    raise TapeError(
        f"{path.name}: columns {', '.join(schema.names[:8])} are no known layout (known: {known})"
    )


def _columns_of(path: Path, schema: Any, kind: Kind) -> tuple[str, ...]:
    """The columns worth reading; TapeError where one has the wrong type."""
    wanted = list(_COLUMNS[kind])
    if kind is Kind.BOOK:
        stems = ("bid_px", "bid_sz", "ask_px", "ask_sz")
        levels = [f"{stem}_{level}" for level in range(LEVELS) for stem in stems]
        wanted = ["ts", *(name for name in levels if name in schema.names)]
    optional = (*_OPTIONAL, *_OF_DEPTH) if kind is Kind.DEPTH else _OPTIONAL
    wanted += [name for name in optional if name in schema.names and name not in wanted]
    for name in wanted:
        kind_of_column = schema.field(name).type
        if name in _TIMES:
            right = pa.types.is_timestamp(kind_of_column)
        elif name in _TEXT:
            right = pa.types.is_string(kind_of_column) or pa.types.is_large_string(kind_of_column)
        elif name in _FLAGS:
            right = pa.types.is_boolean(kind_of_column)
        else:
            right = pa.types.is_floating(kind_of_column) or pa.types.is_integer(kind_of_column)
        if not right:
            raise TapeError(f"{path.name}, column {name}: has type {kind_of_column}, which it cannot have")
    return tuple(wanted)


def _symbol_in_name(path: Path) -> str:
    words = [word for word in re.split(r"[_\-. ]", path.stem) if word.lower() not in _VENDORS]
    return words[0] if words else path.stem


def _distinct(path: Path, column: str) -> list[str]:
    found: set[str] = set()
    for batch in batches(path, (column,)):
        found.update(str(value) for value in pc.unique(batch.column(0)).to_pylist())
    return sorted(found)


def _first_year(path: Path) -> int:
    for batch in batches(path, ("ts",)):
        if batch.num_rows:
            return 1970 + int(nanoseconds(batch.column(0), path)[0] / 1e9 / 31_556_952)
    raise TapeError(f"{path.name}: holds no row")


def _bar_seconds(path: Path) -> float:
    """The bars' length: the smallest step between the file's first rows."""
    for batch in batches(path, ("ts",)):
        steps = np.diff(np.unique(nanoseconds(batch.column(0), path)))
        if len(steps):
            return float(steps.min() / 1e9)
    raise TapeError(f"{path.name}: one bar alone does not tell its length; say bar_seconds in tape.toml")


def _expiry_contract(path: Path, symbol: str, value: str, instruments: Instruments) -> Contract:
    root = _root(symbol, instruments)
    if root is None:
        raise TapeError(f"{path.name}, column expiry: {symbol} is no future this gateway lists")
    if not re.fullmatch(r"\d{4}(0[1-9]|1[0-2])\d{0,2}", value):
        raise TapeError(f"{path.name}, column expiry: {value!r} is not YYYYMM")
    return root.contract(int(value[:4]), int(value[4:6]))


def _root(symbol: str, instruments: Instruments) -> Root | None:
    by_class = {root.trading_class: root for root in instruments.roots.values()}
    return instruments.roots.get(symbol) or by_class.get(symbol)


def _contract(path: Path, symbol: str, year: int, instruments: Instruments) -> Contract:
    """A stock or a future by its local symbol. An unknown symbol becomes a stock with a one-cent grid."""
    if symbol in instruments.stocks:
        return instruments.stocks[symbol].contract
    future = _FUTURE.fullmatch(symbol)
    root = _root(future[1], instruments) if future else None
    if future and root is not None:
        digits = future[3]
        modulus = 10 ** len(digits)
        return root.contract(year + (int(digits) - year) % modulus, MONTH_CODES.index(future[2]) + 1)
    if _root(symbol, instruments) is not None:
        raise TapeError(
            f"{path.name}: futures of {symbol} need an expiry column or a symbol such as {symbol}Z6"
        )
    if not re.fullmatch(r"[A-Z][A-Z0-9. ]{0,15}", symbol):
        raise TapeError(f"{path.name}: {symbol[:20]!r} is no symbol; say the symbol in tape.toml")
    return stock_contract(symbol, _UNKNOWN_BASE + zlib.crc32(symbol.encode()) % _UNKNOWN_SPAN)
