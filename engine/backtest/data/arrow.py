"""Between Arrow and numpy by their buffers: pyarrow's own way imports pandas, half a second for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def read_parquet(path: Path) -> Any:
    """A Parquet file as a table. Raises OSError or pyarrow's ArrowException."""
    with pq.ParquetFile(path) as file:
        return file.read()


def floats_of(column: Any, *, missing: float | None = None) -> NDArray[np.float64]:
    """A column of numbers, `missing` in place of nulls. Raises ValueError for nulls without it."""
    floats = _filled(column.cast(pa.float64(), safe=False), missing)
    return np.frombuffer(*_buffer(floats, np.dtype(np.float64)))


def ints_of(column: Any, *, missing: int | None = None) -> NDArray[np.int64]:
    """A column of whole numbers or times, `missing` in place of nulls. Raises ValueError like `floats_of`."""
    return np.frombuffer(*_buffer(_filled(column.cast(pa.int64()), missing), np.dtype(np.int64)))


def flags_of(column: Any) -> NDArray[np.bool_]:
    """A column of truth values without nulls."""
    bytes_ = np.frombuffer(*_buffer(column.cast(pa.uint8()), np.dtype(np.uint8)))
    return bytes_.astype(np.bool_)


def times_of(at_ns: NDArray[np.int64]) -> Any:
    """Nanoseconds UTC as a column of times."""
    whole = np.ascontiguousarray(at_ns, dtype=np.int64)
    return pa.Array.from_buffers(pa.timestamp("ns", "UTC"), len(whole), [None, pa.py_buffer(whole)])


def reals_of(values: Sequence[float | None] | NDArray[np.float64]) -> Any:
    """Numbers as a column; None is a null, NaN stays what it is."""
    valid = _validity(values)
    filled = values if valid is None else [0.0 if value is None else value for value in values]
    whole = np.ascontiguousarray(filled, dtype=np.float64)
    return pa.Array.from_buffers(pa.float64(), len(whole), [valid, pa.py_buffer(whole)])


def wholes_of(values: Sequence[int | None] | NDArray[np.int64], kind: Any = None) -> Any:
    """Whole numbers as a column of that type (64 bits; else int64); None is a null."""
    valid = _validity(values)
    filled = values if valid is None else [0 if value is None else value for value in values]
    whole = np.ascontiguousarray(filled, dtype=np.int64)
    return pa.Array.from_buffers(kind or pa.int64(), len(whole), [valid, pa.py_buffer(whole)])


def texts_of(values: Sequence[str | None]) -> Any:
    """Texts as a column; None is a null."""
    parts = [b"" if value is None else value.encode() for value in values]
    ends = np.zeros(len(parts) + 1, dtype=np.int32)
    np.cumsum([len(part) for part in parts], out=ends[1:])
    buffers = [_validity(values), pa.py_buffer(ends), pa.py_buffer(b"".join(parts))]
    return pa.Array.from_buffers(pa.string(), len(parts), buffers)


def moments_of(values: Sequence[datetime]) -> Any:
    """Aware moments as a column of times, nanoseconds UTC."""
    return times_of(np.array([(at - _EPOCH) // _MICROSECOND * 1000 for at in values], dtype=np.int64))


def _validity(values: Sequence[object] | NDArray[Any]) -> Any:
    """The bits of what is there; None where all is."""
    if isinstance(values, np.ndarray) or None not in values:
        return None
    return pa.py_buffer(np.packbits([value is not None for value in values], bitorder="little"))


def _filled(column: Any, missing: float | None) -> Any:
    return column if missing is None or not column.null_count else pc.fill_null(column, missing)


def _buffer(column: Any, kind: np.dtype[Any]) -> tuple[Any, np.dtype[Any], int, int]:
    """What `np.frombuffer` takes: memory, type, count, offset in bytes."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if array.null_count:
        raise ValueError(f"{array.null_count} values are missing")
    if not len(array):
        return b"\0" * kind.itemsize, kind, 0, 0
    return array.buffers()[1], kind, len(array), array.offset * kind.itemsize
