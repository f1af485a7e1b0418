"""Counts every configuration ever tried on the same data: luck grows with tries, and belief must shrink."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from engine.backtest.sharpe import Sharpe, deflated

FILE: Final = "trials.jsonl"
"""In the results folder: one line per trial."""


class Trial(NamedTuple):
    """One configuration on one set of bars."""

    data: str
    """Hash of the bars."""
    config: str
    """Hash of the configuration, parameters included."""
    sharpe: float
    """Per day."""
    days: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What was ever tried on the same data."""

    sharpes: tuple[float, ...]
    unreadable: int
    """Lines cut short by a crash: somebody tried something, nobody knows what."""

    @property
    def count(self) -> int:
        """Trials, those of unknown outcome included."""
        return len(self.sharpes) + self.unreadable


class TrialRegistry:
    """The file of a results folder. Any number of processes may count in it at once."""

    def __init__(self, results: Path) -> None:
        """The folder is made with the first trial."""
        self._path = results / FILE

    def record(self, trial: Trial) -> Tried:
        """Count a trial, unless the same configuration was counted on the same data; returns all on its data.

        Raises:
            OSError: the file cannot be written.
        """
        return self.record_all([trial], on=trial.data)

    def record_all(self, trials: Iterable[Trial], *, on: str) -> Tried:
        """Count those of these trials that were not counted before; returns all on the bars `on`."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self._path) as descriptor:
            text = _read(descriptor)
            known, unreadable = _parse(text)
            counted = {(one.data, one.config) for one in known}
            new = [trial for trial in trials if (trial.data, trial.config) not in counted]
            if new:
                cut = "" if not text or text.endswith("\n") else "\n"
                _write(descriptor, cut + "".join(json.dumps(trial._asdict()) + "\n" for trial in new))
        return _on(on, [*known, *new], unreadable)

    def on(self, data: str) -> Tried:
        """Every trial on these bars so far."""
        if not self._path.exists():
            return Tried((), 0)
        with _locked(self._path) as descriptor:
            return _on(data, *_parse(_read(descriptor)))


def honest(sharpe: Sharpe, tried: Tried) -> dict[str, object]:
    """How many were tried and what is left of the Sharpe ratio for it, as plain values."""
    left = deflated(sharpe, tried=tried.sharpes or (sharpe.ratio,), unknown=tried.unreadable)
    return {"trials": max(tried.count, 1), "deflated_sharpe": left}


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0).decode(errors="replace")


def _write(descriptor: int, lines: str) -> None:
    rest = lines.encode()
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)


def _parse(text: str) -> tuple[list[Trial], int]:
    known: list[Trial] = []
    unreadable = 0
    for line in text.splitlines():
        try:
            row = json.loads(line)
            known.append(Trial(str(row["data"]), str(row["config"]), float(row["sharpe"]), int(row["days"])))
        except (ValueError, KeyError, TypeError):
            unreadable += 1
    return known, unreadable


def _on(data: str, known: list[Trial], unreadable: int) -> Tried:
    return Tried(tuple(one.sharpe for one in known if one.data == data), unreadable)
