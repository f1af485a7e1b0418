"""Opens a tape folder's files: what `tape.toml` says of them, and rows a batch at a time.

Every error of a damaged or missing file leaves here as a `TapeError` that names it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.gateway.ports import MarketError

_BATCH_ROWS = 16_384
_KINDS = ("book", "depth", "quotes", "trades", "messages", "trade_bars", "quote_bars", "ignore")
_KEYS = ("symbol", "kind", "bar_seconds")


class TapeError(MarketError):
    """A tape that cannot be played. The text names the file, the row or column, and the reason.

    Names and values in it come from files and end on a terminal, so control characters are replaced.
    """

    def __init__(self, text: str) -> None:
        super().__init__("".join(character if character.isprintable() else "?" for character in text))


def played_files(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The folder's Parquet files in name order, each with what `tape.toml` says of it. TapeError if none."""
    if not folder.is_dir():
        raise TapeError(f"tape {folder}: no such folder")
    said = _read_settings(folder / "tape.toml")
    paths = sorted(folder.glob("*.parquet"))
    missing = sorted(set(said) - {path.name for path in paths})
    if missing:
        raise TapeError(f"tape.toml: names {missing[0]!r}, which is not in {folder}")
    played = [(path, said.get(path.name, {})) for path in paths]
    played = [(path, row) for path, row in played if row.get("kind") != "ignore"]
    if not played:
        raise TapeError(f"tape {folder}: holds no Parquet file to play")
    return played


def _read_settings(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        files = tomllib.loads(path.read_text("utf-8")).get("files", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as err:
        raise TapeError(f"{path.name}: cannot be read: {err}") from err
    if not isinstance(files, dict) or not all(isinstance(row, dict) for row in files.values()):
        raise TapeError(f'{path.name}: files must be tables such as [files."name.parquet"]')
    for name, row in files.items():
        problem = _problem(row)
        if problem:
            raise TapeError(f"{path.name}: {name!r}: {problem}")
    return files


def _problem(row: dict[str, Any]) -> str:
    """What is wrong with one file's table; empty where nothing is."""
    unknown = sorted(set(row) - set(_KEYS))
    if unknown:
        return f"unknown key {unknown[0]!r}; known: {', '.join(_KEYS)}"
    if not isinstance(row.get("symbol", ""), str):
        return "symbol must be a text"
    if row.get("kind", "trades") not in _KINDS:
        return f"kind must be one of {', '.join(_KINDS)}"
    seconds = row.get("bar_seconds", 1)
    if not isinstance(seconds, int) or seconds < 1:
        return "bar_seconds must be a whole number of at least 1"
    return ""


def open_file(path: Path) -> Any:
    """The Parquet file, to be used as a context. TapeError where it is none."""
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as err:
        raise TapeError(f"{path.name}: not a readable Parquet file: {_first_line(err)}") from err


def _first_line(err: BaseException) -> str:
    return (str(err).splitlines() or [type(err).__name__])[0]


def batches(path: Path, columns: tuple[str, ...]) -> Iterator[Any]:
    """Record batches of the columns, a bounded number of rows at a time. TapeError where data is damaged."""
    with open_file(path) as file:
        row = 0
        reader = file.iter_batches(batch_size=_BATCH_ROWS, columns=list(columns))
        while True:
            try:
                batch = next(reader)
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as err:
                raise TapeError(f"{path.name}, after row {row}: damaged: {_first_line(err)}") from err
            # The file's own column order would win otherwise.
            yield batch.select(list(columns))
            row += batch.num_rows


def nanoseconds(column: Any, path: Path) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A timestamp column as UTC nanoseconds."""
    if column.null_count:
        raise TapeError(f"{path.name}, column ts: {column.null_count} rows have no time")
    stamps: np.ndarray[Any, np.dtype[np.int64]] = (
        column.to_numpy(zero_copy_only=False).astype("datetime64[ns]").astype(np.int64)
    )
    return stamps


def first_and_last(path: Path) -> tuple[float, ...]:
    """Epoch seconds of a file's first and last rows, from its outer row groups; nothing for an empty file."""
    with open_file(path) as file:
        groups = [n for n in range(file.num_row_groups) if file.metadata.row_group(n).num_rows]
        if not groups:
            return ()
        try:
            ends = [file.read_row_group(group, columns=["ts"]).column(0) for group in (groups[0], groups[-1])]
        except (pa.ArrowException, OSError) as err:
            raise TapeError(f"{path.name}, column ts: damaged: {_first_line(err)}") from err
    return float(nanoseconds(ends[0], path)[0] / 1e9), float(nanoseconds(ends[1], path)[-1] / 1e9)
