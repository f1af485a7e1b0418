"""Reads one tape file batch by batch and drops, counted by reason, what no market would show.

Everything stays columns here; a damaged or disordered file is refused with its name, row and column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.gateway.tape_files import TapeError, batches, nanoseconds
from engine.gateway.tape_layout import Kind, TapeFile

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """A cleaned batch: epoch seconds, a key per row, and the kind's own columns as floats or texts."""

    ts: list[float]
    keys: list[str]
    numbers: dict[str, Floats]
    texts: dict[str, list[str]]


def read_rows(file: TapeFile, dropped: Counter[str]) -> Iterator[Rows]:
    """The file's rows in order; what is dropped is counted by reason in `dropped`. TapeError on bad data."""
    done, latest, heard_until = 0, -1, -1
    for batch in batches(file.path, file.columns):
        if not batch.num_rows:
            continue
        columns = dict(zip(file.columns, batch.columns, strict=True))
        stamps = nanoseconds(columns.pop("ts"), file.path)
        heard = columns.pop("ts_local", None)
        if heard is None:
            _check_order(file, stamps, latest, done)
        else:
            # What was told late has happened, for who listened, when it was told.
            _check_order(file, nanoseconds(heard, file.path), heard_until, done, column="ts_local")
            heard_until = int(nanoseconds(heard, file.path)[-1])
            stamps = np.maximum.accumulate(np.maximum(stamps, latest))
        texts = {name: _texts(columns.pop(name)) for name in tuple(columns) if name in _TEXTS}
        suspicious = columns.pop("suspicious", None)
        numbers = {name: _floats(column) for name, column in columns.items()}
        kept = np.ones(len(stamps), dtype=bool)
        if suspicious is not None:
            _drop(
                kept,
                np.asarray(suspicious.fill_null(False).to_numpy(zero_copy_only=False)),
                "suspicious",
                dropped,
            )
        _clean(file.kind, numbers, kept, dropped)
        index = np.flatnonzero(kept)
        keys = texts.pop(file.key) if file.key else [""] * len(stamps)
        yield Rows(
            ts=(stamps[index] / 1e9).tolist(),
            keys=[keys[row] for row in index.tolist()],
            numbers={name: values[index] for name, values in numbers.items()},
            texts={name: [values[row] for row in index.tolist()] for name, values in texts.items()},
        )
        done, latest = done + len(stamps), int(stamps[-1])


_TEXTS = frozenset({"aggressor", "action", "side", "symbol", "expiry"})


def _texts(column: Any) -> list[str]:
    values: list[str] = column.fill_null("").to_pylist()
    return values


def _floats(column: Any) -> Floats:
    if pa.types.is_boolean(column.type):
        column = column.fill_null(False)
    values: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _check_order(
    file: TapeFile, stamps: npt.NDArray[np.int64], latest: int, done: int, *, column: str = "ts"
) -> None:
    before = stamps[0] if latest < 0 else latest
    back = np.flatnonzero(np.diff(stamps, prepend=before) < 0)
    if len(back):
        row = done + int(back[0]) + 1
        raise TapeError(
            f"{file.path.name}, row {row}, column {column}: time goes backwards; sort the file by {column}"
        )


def _drop(kept: Mask, bad: npt.ArrayLike, reason: str, dropped: Counter[str]) -> None:
    count = int(np.count_nonzero(kept & np.asarray(bad)))
    if count:
        dropped[reason] += count
        kept &= ~np.asarray(bad)


def _clean(kind: Kind, numbers: dict[str, Floats], kept: Mask, dropped: Counter[str]) -> None:
    """Mark rows that cannot be used. One-sided quotes stay: the side that is missing is NaN.

    Books and messages stay whole, because row i of one belongs to row i of the other.
    """
    if kind is Kind.TRADES:
        _drop(kept, ~(numbers["price"] > 0), "price missing or not positive", dropped)
        _drop(kept, ~(numbers["size"] >= 1), "size zero or missing", dropped)
    elif kind is Kind.TRADE_BARS:
        prices = np.stack([numbers[name] for name in ("open", "high", "low", "close")])
        _drop(kept, ~(prices > 0).all(axis=0), "price missing or not positive", dropped)
        outside: Mask = (numbers["high"] < prices.max(axis=0)) | (numbers["low"] > prices.min(axis=0))
        _drop(kept, outside, "open or close outside high and low", dropped)
        _drop(kept, ~(numbers["volume"] >= 1), "volume zero or missing", dropped)
    elif kind is Kind.QUOTES:
        neither = ~(numbers["bid"] > 0) & ~(numbers["ask"] > 0)
        _drop(kept, neither, "neither bid nor ask", dropped)
    elif kind is Kind.QUOTE_BARS:
        neither = ~(numbers["bid_close"] > 0) & ~(numbers["ask_close"] > 0)
        _drop(kept, neither, "neither bid nor ask", dropped)
        _drop(kept, numbers["bid_close"] > numbers["ask_close"], "crossed", dropped)
