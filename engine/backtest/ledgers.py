"""The tables of a run as Parquet: typed columns, and the same bytes for the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

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
        "at": pa.array(curve.at_ns, _TIME),
        "equity_usd": pa.array(curve.equity_usd, _REAL),
        "cash_usd": pa.array(curve.cash_usd, _REAL),
        "gross_usd": pa.array(curve.gross_usd, _REAL),
    }
    for theme, values in sorted(curve.by_theme_usd.items()):
        columns[f"{THEME_PREFIX}{theme}"] = pa.array(values, _REAL)
    return pa.table(columns)


def bars_table(series: Sequence[BarSeries]) -> pa.Table:
    """Every bar that was fed, instrument by instrument."""
    ordered = sorted(series, key=lambda one: (one.key, one.seconds))
    keys = [np.full(len(one), place, dtype=np.int32) for place, one in enumerate(ordered)]
    names = pa.array([one.key for one in ordered], _TEXT)

    def joined(column: str, kind: Any) -> Any:
        parts = [getattr(one, column) for one in ordered]
        return pa.array(np.concatenate(parts) if parts else [], kind)

    places = pa.array(np.concatenate(keys) if keys else [], pa.int32())
    seconds = [np.full(len(one), one.seconds, dtype=np.int64) for one in ordered]
    return pa.table(
        {
            "key": pa.DictionaryArray.from_arrays(places, names),
            "seconds": pa.array(np.concatenate(seconds) if seconds else [], _WHOLE),
            "end": joined("end_ns", _TIME),
            **{name: joined(name, _REAL) for name in ("open", "high", "low", "close")},
            "volume": joined("volume", _WHOLE),
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
    return pq.read_table(path)


def _table(schema: pa.Schema, rows: Iterable[Sequence[object]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [
        pa.array(_fit(column, field.type), field.type) for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _fit(column: Sequence[object], kind: pa.DataType) -> Sequence[object]:
    """Money rounded to what its column holds: an average may have more places than any price."""
    if kind != _MONEY:
        return column
    return [value.quantize(_MONEY_STEP) if isinstance(value, Decimal) else value for value in column]
