"""The tables of a run as Parquet: typed columns, and the same bytes for the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.backtest.data.arrow import moments_of, read_parquet, reals_of, texts_of, times_of, wholes_of
from engine.backtest.result import DecisionRow, EquityCurve, FillRow, OrderRow, RunResult
from engine.backtest.series import BarSeries
from engine.domain.position import Trade

_TIME: Final = pa.timestamp("ns", tz="UTC")
_TEXT: Final = pa.string()
_WHOLE: Final = pa.int64()
_REAL: Final = pa.float64()
_MONEY: Final = pa.decimal128(28, 10)
_MONEY_STEP: Final = Decimal("1e-10")

ORDERS: Final = pa.schema(
    [
        ("order_ref", _TEXT),
        ("at", _TIME),
        ("key", _TEXT),
        ("strategy", _TEXT),
        ("role", _TEXT),
        ("side", _TEXT),
        ("order_type", _TEXT),
        ("quantity", _WHOLE),
        ("limit_price", _REAL),
        ("stop_price", _REAL),
        ("status", _TEXT),
        ("filled", _WHOLE),
        ("ended", _TIME),
        ("reason", _TEXT),
    ]
)
FILLS: Final = pa.schema(
    [
        ("exec_id", _TEXT),
        ("order_ref", _TEXT),
        ("at", _TIME),
        ("key", _TEXT),
        ("strategy", _TEXT),
        ("side", _TEXT),
        ("quantity", _WHOLE),
        ("price", _MONEY),
        ("commission_usd", _MONEY),
        ("slippage_usd", _MONEY),
    ]
)
DECISIONS: Final = pa.schema(
    [
        ("at", _TIME),
        ("strategy", _TEXT),
        ("key", _TEXT),
        ("intention", _TEXT),
        ("side", _TEXT),
        ("signal_id", _TEXT),
        ("code", _TEXT),
        ("quantity", _WHOLE),
        ("limit", _REAL),
        ("value", _REAL),
        ("text", _TEXT),
    ]
)
TRADES: Final = pa.schema(
    [
        ("key", _TEXT),
        ("strategy", _TEXT),
        ("quantity", _WHOLE),
        ("entry_price", _MONEY),
        ("exit_price", _MONEY),
        ("opened", _TIME),
        ("closed", _TIME),
        ("gross_usd", _MONEY),
        ("fees_usd", _MONEY),
        ("net_usd", _MONEY),
        ("reason", _TEXT),
        ("partials", _WHOLE),
    ]
)
THEME_PREFIX: Final = "theme_"
"""Columns of the equity table that hold the gross value of one theme begin so."""


def orders_table(rows: Sequence[OrderRow]) -> pa.Table:
    """Every order, in the order of its sending."""
    return _table(ORDERS, rows)


def fills_table(rows: Sequence[FillRow]) -> pa.Table:
    """Every execution, oldest first."""
    return _table(FILLS, rows)


def decisions_table(rows: Sequence[DecisionRow]) -> pa.Table:
    """Every verdict of the gate, oldest first."""
    return _table(DECISIONS, rows)


def trades_table(trades: Sequence[Trade]) -> pa.Table:
    """Every closed round trip, in the order of its close."""
    rows = [
        (
            trade.key,
            trade.owner,
            trade.quantity,
            trade.entry_price,
            trade.exit_price,
            trade.opened_at,
            trade.closed_at,
            trade.gross_usd,
            trade.fees_usd,
            trade.net_usd,
            trade.reason,
            len(trade.partials),
        )
        for trade in trades
    ]
    return _table(TRADES, rows)


def equity_table(curve: EquityCurve) -> pa.Table:
    """Equity, cash and gross value at every moment, and a column per theme."""
    columns: dict[str, Any] = {
        "at": times_of(curve.at_ns),
        "equity_usd": reals_of(curve.equity_usd),
        "cash_usd": reals_of(curve.cash_usd),
        "gross_usd": reals_of(curve.gross_usd),
    }
    for theme, values in sorted(curve.by_theme_usd.items()):
        columns[f"{THEME_PREFIX}{theme}"] = reals_of(values)
    return pa.table(columns)


def bars_table(series: Sequence[BarSeries]) -> pa.Table:
    """Every bar that was fed, instrument by instrument."""
    ordered = sorted(series, key=lambda one: (one.key, one.seconds))
    keys = [np.full(len(one), place, dtype=np.int64) for place, one in enumerate(ordered)]
    seconds = [np.full(len(one), one.seconds, dtype=np.int64) for one in ordered]
    names = texts_of([one.key for one in ordered])

    def joined(parts: Sequence[NDArray[Any]], make: Callable[[NDArray[Any]], Any]) -> Any:
        return make(np.concatenate(parts) if parts else np.empty(0))

    places = joined(keys, wholes_of).cast(pa.int32())
    return pa.table(
        {
            "key": pa.DictionaryArray.from_arrays(places, names),
            "seconds": joined(seconds, wholes_of),
            "end": joined([one.end_ns for one in ordered], times_of),
            **{
                name: joined([getattr(one, name) for one in ordered], reals_of)
                for name in ("open", "high", "low", "close")
            },
            "volume": joined([one.volume for one in ordered], wholes_of),
        }
    )


def tables_of(result: RunResult, series: Sequence[BarSeries]) -> dict[str, pa.Table]:
    """Name of the file, without its ending, to its table."""
    return {
        "bars": bars_table(series),
        "orders": orders_table(result.orders),
        "fills": fills_table(result.fills),
        "trades": trades_table(result.trades),
        "decisions": decisions_table(result.decisions),
        "equity": equity_table(result.equity),
    }


def write_table(path: Path, table: pa.Table) -> None:
    """One Parquet file. Layout is fixed and no time is written, so equal rows are equal bytes."""
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=3,
        version="2.6",
        data_page_version="1.0",
        row_group_size=1 << 20,
        write_statistics=True,
    )


def read_table(path: Path) -> pa.Table:
    """A table as it was written."""
    return read_parquet(path)


def _table(schema: pa.Schema, rows: Iterable[Sequence[Any]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [_column(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _column(values: Sequence[Any], kind: pa.DataType) -> Any:
    if kind == _MONEY:
        # Rounded to what its column holds: an average may have more places than any price.
        return texts_of([f"{value.quantize(_MONEY_STEP):f}" for value in values]).cast(_MONEY)
    if kind == _TEXT:
        return texts_of(values)
    if kind == _REAL:
        return reals_of(values)
    if kind == _TIME and values and isinstance(values[0], datetime):
        return moments_of(values)
    return wholes_of(values, kind)
