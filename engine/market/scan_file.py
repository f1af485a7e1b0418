"""Scanner files: the watch list of a day as JSON, from our own scan or from elsewhere. Read row by row.

`scanner_results_YYYYMMDD.json`, the session date in its name:

    {"date": "2026-11-20", "setups": [
        {"symbol": "SPY", "resistance": 101.5, "support": 99.2, "targets": [102.0, 103.0],
         "short_targets": [98.5, 97.0], "score": 72.5}]}

`targets`, `short_targets` and `score` may be missing. A bad row is left out and named; the others count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.domain.setup import Setup, SetupError

_NAME = re.compile(r"scanner_results_(\d{8})\.json")
LARGEST_BYTES = 10_000_000
"""A watch list is small; what is larger is something else."""


class ScanFileError(ValueError):
    """A scanner file that cannot be used at all; the text says what is wrong and what was expected."""


class BadRow(NamedTuple):
    """A row that was left out."""

    number: int
    """Counted from 1."""
    symbol: str
    text: str


class ScanFile(NamedTuple):
    """What a file held."""

    day: date
    setups: tuple[Setup, ...]
    bad: tuple[BadRow, ...]


class _Row(BaseModel):
    """One setup as the file writes it."""

    # A number that is written as text is a mistake of who wrote it; other columns are theirs to add.
    model_config = ConfigDict(strict=True, extra="ignore")

    symbol: str
    resistance: float
    support: float
    targets: list[float] = []
    short_targets: list[float] = []
    score: float = 0.0


def file_name(day: date) -> str:
    """Name of the file for the session of `day`."""
    return f"scanner_results_{day:%Y%m%d}.json"


def day_in_name(path: Path) -> date | None:
    """The session date a file names itself for; None for a file that is none of ours."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        return date.fromisoformat(match[1])
    except ValueError:
        return None


def parse_scan_file(text: str, *, name: str, day: date) -> ScanFile:
    """The setups of a file for the session of `day`. Raises ScanFileError where nothing of it can be used."""
    try:
        document = json.loads(text)
    except ValueError as err:
        raise ScanFileError(f"{name} is no JSON: {err}") from None
    if not isinstance(document, Mapping) or not isinstance(document.get("setups"), list):
        raise ScanFileError(f'{name}: expected an object with "date" and a list "setups"')
    said = document.get("date")
    if said != day.isoformat():
        raise ScanFileError(f"{name} is dated {said!r}, today's session is {day.isoformat()}")
    return _rows(document["setups"], name=name, day=day)


def _rows(rows: Sequence[object], *, name: str, day: date) -> ScanFile:
    setups: dict[str, Setup] = {}
    bad: list[BadRow] = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            bad.append(BadRow(number, "", f"expected an object, not {row!r:.40}"))
            continue
        symbol = str(row.get("symbol", ""))
        try:
            setup = _setup(row, name=name, day=day)
        except (ValidationError, SetupError) as err:
            bad.append(BadRow(number, symbol, _problem(err)))
            continue
        if setup.key in setups:
            bad.append(BadRow(number, symbol, "a second row of the same symbol"))
            continue
        setups[setup.key] = setup
    return ScanFile(day, tuple(setups.values()), tuple(bad))


def _setup(row: object, *, name: str, day: date) -> Setup:
    read = _Row.model_validate(row)
    return Setup(
        key=read.symbol.strip(),
        day=day,
        resistance=read.resistance,
        support=read.support,
        long_targets=tuple(read.targets),
        short_targets=tuple(read.short_targets),
        score=read.score,
        source=name,
    )


def _problem(err: ValidationError | SetupError) -> str:
    if isinstance(err, SetupError):
        return str(err)
    first = err.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def render_scan_file(day: date, setups: Sequence[Setup]) -> str:
    """The file's text, best score first; reading it gives the same setups."""
    ordered = sorted(setups, key=lambda s: (-s.score, s.key))
    rows = [
        {
            "symbol": setup.key,
            "resistance": setup.resistance,
            "support": setup.support,
            "targets": list(setup.long_targets),
            "short_targets": list(setup.short_targets),
            "score": setup.score,
        }
        for setup in ordered
    ]
    return json.dumps({"date": day.isoformat(), "setups": rows}, indent=1) + "\n"
