"""`cockpit scan`: the levels of the day found in history, shown or written as a scanner file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final, NamedTuple

from engine.api import CommandKind, OutcomeStatus
from engine.broker.port import Broker
from engine.config import Loaded
from engine.domain.setup import Setup
from engine.market.scan_file import (
    LARGEST_BYTES,
    ScanFileError,
    day_in_name,
    file_name,
    parse_scan_file,
    render_scan_file,
)
from engine.runtime.planning.offline import ask_broker
from engine.runtime.process import remote
from engine.runtime.process.errors import FailedError, NotRunningError, RefusedError, UsageError
from engine.runtime.process.registry import Running
from engine.runtime.process.remote import Say, printable
from engine.runtime.setups.folder import keep
from engine.runtime.setups.history import scan_symbols, traded_symbols

OWN_NAME: Final = "scan"


class Found(NamedTuple):
    """What a scan came to."""

    day: date
    setups: tuple[Setup, ...]
    without: tuple[str, ...]


class Wish(NamedTuple):
    """What was asked for on the command line."""

    symbols: tuple[str, ...]
    as_json: bool = False
    write: bool = False
    replace: bool = False


def show_scan(loaded: Loaded, wish: Wish, *, is_named: bool, environ: Mapping[str, str], say: Say) -> int:
    """Scan through the running engine, or with a connection of our own; 1 where nothing was found."""
    symbols = wish.symbols or traded_symbols(loaded.config)
    path = None
    try:
        engine = remote.find(loaded, is_named=is_named, environ=environ)
    except NotRunningError:
        found = _by_ourselves(loaded, symbols, environ)
    else:
        found = _by_the_engine(engine, wish.symbols)
    if wish.write and found.setups:
        path = _write(loaded.scanner_dir, found, replace=wish.replace)
    if wish.as_json:
        say(render_scan_file(found.day, found.setups).rstrip("\n"))
    else:
        for line in lines_of(found, path):
            say(line)
    return 0 if found.setups else 1


def _by_the_engine(engine: Running, symbols: Sequence[str]) -> Found:
    handle = remote.connect(engine)
    try:
        command = remote.new_command(CommandKind.SCAN, target=" ".join(symbols), reason="shell")
        outcome = remote.answer_to(handle, command, engine=engine, within_s=remote.WORK_S)
    finally:
        handle.close()
    if outcome.status is not OutcomeStatus.DONE:
        raise FailedError(f"{printable(outcome.text)} [{outcome.code}].")
    text, *without = outcome.details
    day = date.fromisoformat(json.loads(text)["date"])
    return Found(day, parse_scan_file(text, name=OWN_NAME, day=day).setups, tuple(without))


def _by_ourselves(loaded: Loaded, symbols: Sequence[str], environ: Mapping[str, str]) -> Found:
    async def question(broker: Broker, now: datetime) -> Found:
        day, scanned = await scan_symbols(broker, symbols, now=now)
        return Found(day, scanned.setups, scanned.without)

    return ask_broker(loaded, question, environ=environ)


def _write(folder: Path, found: Found, *, replace: bool) -> Path:
    """As the scanner file of its day; one that is there already stays, unless it is to be replaced."""
    path = folder / file_name(found.day)
    if path.exists() and not replace:
        raise RefusedError(f"{path} is there already and was left alone; --replace writes over it.")
    try:
        return keep(folder, found.day, render_scan_file(found.day, found.setups))
    except OSError as err:
        raise FailedError(f"{path} cannot be written: {err.strerror}.") from err


def lines_of(found: Found, path: Path | None = None) -> list[str]:
    """For people: the best first."""
    lines = [f"{len(found.setups)} setups for {found.day}"]
    for setup in sorted(found.setups, key=lambda s: (-s.score, s.key)):
        up = ", ".join(f"{target:.10g}" for target in setup.long_targets)
        down = ", ".join(f"{target:.10g}" for target in setup.short_targets)
        lines.append(
            f"  {setup.key:8} score {setup.score:5.1f}  above {setup.resistance:.10g} → {up or 'no target'}"
            f"  below {setup.support:.10g} → {down or 'no target'}"
        )
    lines += [f"  no levels: {one}" for one in found.without]
    lines += [] if path is None else [f"written to {path}"]
    return [printable(line) for line in lines]


def check_file(path: Path, *, say: Say, day_of: Callable[[Path], date | None] = day_in_name) -> int:
    """Read a scanner file as the engine would and name what it would leave out; 1 where there is anything."""
    day = day_of(path)
    if day is None:
        raise UsageError(f"{path.name}: a scanner file is named scanner_results_YYYYMMDD.json.")
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise FailedError(f"{path} is larger than {LARGEST_BYTES:,} bytes: no watch list.")
        read = parse_scan_file(path.read_text(encoding="utf-8"), name=path.name, day=day)
    except (OSError, UnicodeDecodeError) as err:
        raise FailedError(f"{path} cannot be read: {err}.") from err
    except ScanFileError as err:
        raise FailedError(f"{err}.") from err
    for bad in read.bad:
        say(printable(f"row {bad.number} {bad.symbol}: {bad.text}"))
    say(f"{len(read.setups)} setups for {read.day}, {len(read.bad)} rows left out")
    return 1 if read.bad else 0
