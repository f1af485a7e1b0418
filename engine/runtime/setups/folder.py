"""Looks for the scanner file of a day: in the operator's folder first, then among our own scans."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from engine.market.scan_file import LARGEST_BYTES, day_in_name, file_name


class Found(NamedTuple):
    """A file as it was read."""

    path: Path
    stamp: tuple[str, int, int]
    """Name, time of change and size: the same stamp is the same file."""
    text: str


class Unreadable(NamedTuple):
    """A file that is there and cannot be read."""

    stamp: tuple[str, int, int]
    text: str
    """For people."""


def look(folders: Sequence[Path], day: date) -> Found | Unreadable | None:
    """The file for the session of `day` in the first folder that has one; None where none has. Blocks."""
    for folder in folders:
        path = folder / file_name(day)
        try:
            about = path.stat()
        except FileNotFoundError:
            continue
        except OSError as err:
            return Unreadable((str(path), 0, 0), f"{path.name} cannot be looked at: {err}")
        stamp = (str(path), about.st_mtime_ns, about.st_size)
        if about.st_size > LARGEST_BYTES:
            return Unreadable(stamp, f"{path.name} has {about.st_size:,} bytes; a watch list is smaller")
        try:
            return Found(path, stamp, path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as err:
            return Unreadable(stamp, f"{path.name} cannot be read: {err}")
    return None


def newest_day(folders: Sequence[Path]) -> date | None:
    """Day of the newest scanner file of any day, to say how old the last one is. Blocks."""
    days = []
    for folder in folders:
        with contextlib.suppress(OSError):
            days += [day for path in folder.iterdir() if (day := day_in_name(path)) is not None]
    return max(days, default=None)


def keep(folder: Path, day: date, text: str) -> Path:
    """Write a file of ours, whole or not at all. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / file_name(day)
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return path
