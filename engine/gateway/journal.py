"""The exchange's memory on disk: what was acknowledged is here, whatever kills the process.

One line per committed change: CRC-32 of the rest in hex, a space, a JSON object with its number (`n`),
exchange time (`at`) and content. Lines are appended and fsynced before the caller goes on. A snapshot takes
the place of the lines before it. A torn last line was never acknowledged and is cut off; damage
anywhere else is an error: the journal never guesses.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]

_SNAPSHOT = "snapshot.json"
_SEGMENT = "journal-{:012d}.jsonl"
_COMPACT_BYTES = 4_000_000
_CLOCK_SYNC_S = 5.0


class JournalError(Exception):
    """The journal cannot be read or written; the message names the file, the place and what to do."""


class Journal:
    """An open journal. Single writer: the gateway's lock on the state folder sees to that."""

    def __init__(
        self,
        folder: Path,
        *,
        compact_bytes: int = _COMPACT_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read what is there; cut off a torn end (`repaired` says so). JournalError where it is damaged."""
        self._folder = folder
        self._compact_bytes = compact_bytes
        self._monotonic = monotonic
        self._synced_at = monotonic()
        self._number = 0
        self._broken = ""
        self.repaired = ""
        self.clock: float | None = None
        self.records: list[Record] = []
        """Contents to apply in order; the first may be a `snapshot`. Cleared by `forget`."""
        self._load()
        self._open_segment()

    # --- writing ---

    def append(self, content: Record, *, at: float) -> None:
        """Make one change durable; returns when it is on disk. JournalError where that failed."""
        self._write({"at": at, **content}, sync=True)
        self._note(at)

    def mark_clock(self, epoch: float) -> None:
        """Remember how far the exchange's clock came; synced at least every 5 s of real time."""
        self._write({"at": epoch, "kind": "clock"}, sync=self._monotonic() - self._synced_at >= _CLOCK_SYNC_S)
        self._note(epoch)

    @property
    def wants_compaction(self) -> bool:
        """True where the lines since the last snapshot have outgrown their bound."""
        return self._size >= self._compact_bytes

    def compact(self, state: Record) -> None:
        """Replace everything so far by `state`. A crash at any moment leaves the old or the new, whole."""
        self._guard()
        line = _frame({"n": self._number, "at": self.clock, "snapshot": state})
        try:
            _replace(self._folder / _SNAPSHOT, line)
            self._file.close()
            self._open_segment()
            for path in _segments(self._folder):
                if path != self._path:
                    path.unlink()
            self._size = 0
        except OSError as err:
            self._fail(err)

    def forget(self) -> None:
        """Free the records read at start, once they were applied."""
        self.records = []

    def close(self) -> None:
        """Sync and close; the object is of no use afterwards."""
        if not self._file.closed:
            if not self._broken:
                os.fsync(self._file.fileno())
            self._file.close()

    def _write(self, record: Record, *, sync: bool) -> None:
        self._guard()
        line = _frame({"n": self._number + 1, **record})
        try:
            _write_all(self._file.fileno(), line)
            if sync:
                os.fsync(self._file.fileno())
                self._synced_at = self._monotonic()
        except OSError as err:
            self._fail(err)
        self._number += 1
        self._size += len(line)

    def _guard(self) -> None:
        if self._broken:
            raise JournalError(self._broken)

    def _fail(self, err: OSError) -> None:
        self._broken = (
            f"journal {self._path} cannot be written ({err}); the gateway takes no further orders. "
            "Free the disk or fix the folder, then start it again: everything acknowledged is kept."
        )
        raise JournalError(self._broken) from err

    def _note(self, at: float | None) -> None:
        if at is not None and (self.clock is None or at > self.clock):
            self.clock = at

    def _open_segment(self) -> None:
        self._path = self._folder / _SEGMENT.format(self._number + 1)
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            self._file = os.fdopen(handle, "ab", buffering=0)
            _sync_folder(self._folder)
        except OSError as err:
            raise JournalError(
                f"journal {self._path} cannot be opened ({err}); check the state folder"
            ) from err
        self._size = sum(path.stat().st_size for path in _segments(self._folder))

    # --- reading ---

    def _load(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._load_snapshot()
            segments = _segments(self._folder)
            for path in segments:
                self._load_segment(path, last=path == segments[-1])
        except OSError as err:
            raise JournalError(
                f"journal in {self._folder} cannot be read ({err}); check the state folder"
            ) from err

    def _load_snapshot(self) -> None:
        path = self._folder / _SNAPSHOT
        if not path.exists():
            return
        record = _parse(path.read_bytes().rstrip(b"\n"))
        if record is None:
            raise JournalError(_damaged(path, 1, "its checksum does not match"))
        self._number = record["n"]
        self._note(record["at"])
        self.records.append({"snapshot": record["snapshot"]})

    def _load_segment(self, path: Path, *, last: bool) -> None:
        data = path.read_bytes()
        for number, start, end in _lines(data):
            record = _parse(data[start:end]) if data[end : end + 1] == b"\n" else None
            if record is not None:
                self._take(record, path=path, line=number)
            elif last and end + 1 >= len(data):
                self._cut(path, keep=start, line=number)
            else:
                raise JournalError(_damaged(path, number, "its checksum does not match"))

    def _take(self, record: Record, *, path: Path, line: int) -> None:
        if record["n"] <= self._number:
            return
        if record["n"] != self._number + 1:
            raise JournalError(
                _damaged(path, line, f"record {self._number + 1} is missing before {record['n']}")
            )
        self._number = record["n"]
        self._note(record["at"])
        if record.get("kind") != "clock":
            self.records.append(record)

    def _cut(self, path: Path, *, keep: int, line: int) -> None:
        with path.open("r+b") as file:
            file.truncate(keep)
            os.fsync(file.fileno())
        self.repaired = (
            f"{path.name}: line {line} was torn by a crash before it was acknowledged; it was cut off"
        )


def _frame(record: Record) -> bytes:
    body = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _parse(line: bytes) -> Record | None:
    """The record of a line without its newline; None where the checksum does not match."""
    checksum, _, body = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    record: Record = json.loads(body)
    return record


def _lines(data: bytes) -> Iterator[tuple[int, int, int]]:
    """`(line number, start, end)` of every line; `end` is where its newline is, or the end of the data."""
    start, number = 0, 1
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        yield number, start, end
        start, number = end + 1, number + 1


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("journal-*.jsonl"))


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".tmp")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync_folder(path.parent)


def _write_all(handle: int, line: bytes) -> None:
    written = os.write(handle, line)
    if written != len(line):
        raise OSError(f"only {written} of {len(line)} bytes were written")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _damaged(path: Path, line: int, why: str) -> str:
    return (
        f"journal {path} is damaged at line {line}: {why}. Nothing was changed. "
        "Restore the state folder from a copy, or move it away to start with a fresh account."
    )
