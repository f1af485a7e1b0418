"""Reads CSV or Parquet into columns of numbers; what is no number or no UTC time is named, not guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from numpy.typing import NDArray

from engine.backtest.data.arrow import flags_of, floats_of, ints_of, read_parquet
from engine.backtest.data.problems import DataError, Dirt

PRICES: Final = ("open", "high", "low", "close")
NUMBERS: Final = (*PRICES, "volume")
_UTC: Final = ("UTC", "Etc/UTC", "Z", "+00:00", "GMT")
_NANOSECONDS: Final = pa.timestamp("ns")
_DATE: Final = r"^\d{4}-?\d\d-?\d\d$"
_STAMP: Final = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?"
_ZONE: Final = r"(Z|[+-]\d\d:?\d\d)$"
_IS_UTC: Final = r"(Z|[+-]00:?00)$"
_DAY_NS: Final = 86_400 * 1_000_000_000

Marks = dict[tuple[Dirt, str], NDArray[np.bool_]]
"""Which rows have which dirt in which column."""


class RawBars(NamedTuple):
    """The rows of one file as they stand there, times as nanoseconds UTC (0 where there is none)."""

    name: str
    """Name of the file, without its folder."""
    counted: str
    """How a person counts its rows: `line` (the header is line 1) or `row` (the first is row 1)."""
    first: int
    is_daily: bool
    """True where rows carry the `date` of a session instead of the start `ts` of a bar."""
    at_ns: NDArray[np.int64]
    numbers: dict[str, NDArray[np.float64]]
    marks: Marks

    def __len__(self) -> int:
        return len(self.at_ns)


def read_raw(path: Path, *, expiry: str = "") -> RawBars:
    """The rows of a file. Raises DataError for one that is no table of bars at all.

    `expiry` (YYYYMM) names the contract where a file holds several of a future.
    """
    is_text = _is_text(path)
    table = _one_expiry(_read(path), path.name, expiry)
    is_daily = "date" in table.column_names and "ts" not in table.column_names
    wanted = ("date" if is_daily else "ts", *NUMBERS)
    missing = [name for name in wanted if name not in table.column_names]
    if missing:
        has = ", ".join(table.column_names) or "none"
        raise DataError(
            f"{path.name}: column {missing[0]} is missing (row 1 names: {has}); bars have"
            " ts (start, UTC) or date (session), open, high, low, close, volume"
        )
    marks: Marks = {}
    at_ns = _times(table.column(wanted[0]), wanted[0], path.name, marks, is_text=is_text, is_daily=is_daily)
    numbers = {
        name: _numbers(table.column(name), name, path.name, marks, is_text=is_text) for name in NUMBERS
    }
    counted, first = ("line", 2) if is_text else ("row", 1)
    return RawBars(path.name, counted, first, is_daily, at_ns, numbers, marks)


def _is_text(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _read(path: Path) -> Any:
    if not _is_text(path) and path.suffix.lower() != ".parquet":
        raise DataError(f"{path.name}: {path.suffix or 'a file without an ending'} is not .csv or .parquet")
    try:
        return _read_csv(path) if _is_text(path) else read_parquet(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path.name} cannot be read: {str(error).splitlines()[0]}") from error


def _read_csv(path: Path) -> Any:
    """Every cell as text: what a cell says must be told as it stands, not as a guess of its type."""
    text = path.read_bytes().rstrip() + b"\n"
    names = text.split(b"\n", 1)[0].decode("utf-8", "replace").strip().split(",")
    return pcsv.read_csv(
        pa.BufferReader(text),
        # Rows are counted for people only where one thread reads them all and keeps the empty ones.
        read_options=pcsv.ReadOptions(use_threads=False),
        parse_options=pcsv.ParseOptions(ignore_empty_lines=False),
        convert_options=pcsv.ConvertOptions(
            column_types={name.strip('"'): pa.string() for name in names},
            strings_can_be_null=False,
        ),
    )


def expiries(path: Path) -> tuple[str, ...]:
    """The contracts a file holds, sorted; none where it has no such column. Raises DataError."""
    table = _read(path)
    return _known(table) if "expiry" in table.column_names else ()


def _known(table: Any) -> tuple[str, ...]:
    values = pc.unique(pc.cast(table.column("expiry"), pa.string())).to_pylist()
    return tuple(sorted(value for value in values if value))


def _one_expiry(table: Any, name: str, expiry: str) -> Any:
    if "expiry" not in table.column_names:
        return table
    column = pc.cast(table.column("expiry"), pa.string())
    known = _known(table)
    if expiry in known:
        return table.filter(pc.equal(column, expiry))
    if not expiry and len(known) == 1:
        return table
    asked = (
        f"has no expiry {expiry}" if expiry else f"holds {len(known)} contracts in turn: name one by expiry"
    )
    raise DataError(f"{name}: column expiry {asked}; there are {', '.join(known) or 'none'}")


# --- times ------------------------------------------------------------------------------------------


def _times(
    column: Any, label: str, name: str, marks: Marks, *, is_text: bool, is_daily: bool
) -> NDArray[np.int64]:
    if is_text:
        return _days_of_text(column, label, marks) if is_daily else _stamps_of_text(column, label, marks)
    kind = column.type
    if is_daily and pa.types.is_date(kind):
        column = pc.cast(column, _NANOSECONDS)
    elif not pa.types.is_timestamp(kind):
        wanted = "a date" if is_daily else "a timestamp in UTC"
        raise DataError(f"{name}: column {label} is {kind} (row 1: {_first(column)}), not {wanted}")
    elif is_daily and kind.tz is not None:
        raise DataError(f"{name}: column date has the zone {kind.tz}; the date of a session has none")
    elif not is_daily and kind.tz not in _UTC:
        zone = f"times of {kind.tz}" if kind.tz else "times without a zone"
        raise DataError(f"{name}: column ts has {zone} (row 1: {_first(column)}), not UTC")
    _mark(marks, Dirt.NOT_A_TIME, label, pc.is_null(column))
    at_ns = ints_of(column.cast(pa.timestamp("ns", None if is_daily else kind.tz)), missing=0)
    if is_daily:
        _mark_array(marks, Dirt.NOT_A_DAY, label, at_ns % _DAY_NS != 0)
    return at_ns


def _days_of_text(column: Any, label: str, marks: Marks) -> NDArray[np.int64]:
    whole = pc.replace_substring_regex(column, r"[T ]00:00(:00(\.0+)?)?$", "")
    timed = pc.match_substring_regex(whole, _STAMP)
    _mark(marks, Dirt.NOT_A_DAY, label, timed)
    readable = pc.match_substring_regex(whole, _DATE)
    plain = pc.replace_substring_regex(whole, r"^(\d{4})-?(\d\d)-?(\d\d)$", r"\1-\2-\3")
    return _cast_text(plain, readable, label, marks, known=timed)


def _stamps_of_text(column: Any, label: str, marks: Marks) -> NDArray[np.int64]:
    zoned = pc.match_substring_regex(column, _ZONE)
    timed = pc.match_substring_regex(column, _STAMP)
    naive = pc.and_(timed, pc.invert(zoned))
    other = pc.and_(pc.and_(timed, zoned), pc.invert(pc.match_substring_regex(column, _IS_UTC)))
    _mark(marks, Dirt.NAIVE_TIME, label, naive)
    _mark(marks, Dirt.OTHER_ZONE, label, other)
    known = pc.or_(naive, other)
    plain = pc.replace_substring_regex(column, _IS_UTC, "")
    return _cast_text(plain, pc.and_(timed, pc.invert(known)), label, marks, known=known)


def _cast_text(column: Any, readable: Any, label: str, marks: Marks, *, known: Any) -> NDArray[np.int64]:
    """Text as nanoseconds; rows that are not `readable` and not `known` to be wrong are marked."""
    candidates = pc.if_else(readable, column, pa.nulls(len(column), column.type))
    try:
        times = pc.cast(candidates, _NANOSECONDS)
    except pa.ArrowInvalid:  # a month 13 has the right form and is no time
        times = pa.chunked_array(
            [pa.array([_one_time(text) for text in candidates.to_pylist()], _NANOSECONDS)]
        )
    _mark(marks, Dirt.NOT_A_TIME, label, pc.and_(pc.is_null(times), pc.invert(known)))
    return ints_of(times, missing=0)


def _one_time(text: str | None) -> Any:
    try:
        return None if text is None else pa.scalar(text).cast(_NANOSECONDS).value
    except pa.ArrowInvalid:
        return None


# --- numbers ----------------------------------------------------------------------------------------


def _numbers(column: Any, label: str, name: str, marks: Marks, *, is_text: bool) -> NDArray[np.float64]:
    if is_text:
        column = _numbers_of_text(column, label, marks)
    elif not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise DataError(
            f"{name}: column {label} is {column.type} (row 1: {_first(column)}), not a number in every row"
        )
    return floats_of(column, missing=float("nan"))


def _numbers_of_text(column: Any, label: str, marks: Marks) -> Any:
    trimmed = pc.utf8_trim_whitespace(column)
    empty = pc.match_substring_regex(trimmed, r"^(|[nN][aA][nN]|[nN]ull|NULL|None)$")
    number = pc.match_substring_regex(trimmed, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
    _mark(marks, Dirt.NOT_A_NUMBER, label, pc.invert(pc.or_(empty, number)))
    plain = pc.replace_substring_regex(trimmed, r"^\+", "")
    return pc.if_else(number, plain, pa.nulls(len(plain), plain.type)).cast(pa.float64())


# --- small parts ------------------------------------------------------------------------------------


def _mark(marks: Marks, dirt: Dirt, label: str, rows: Any) -> None:
    _mark_array(marks, dirt, label, flags_of(rows))


def _mark_array(marks: Marks, dirt: Dirt, label: str, rows: NDArray[np.bool_]) -> None:
    if rows.any():
        marks[dirt, label] = rows


def _first(column: Any) -> str:
    """The first cell, short and printable."""
    text = str(column[0].as_py()) if len(column) else "nothing"
    return "".join(c for c in text if c.isprintable())[:40]
