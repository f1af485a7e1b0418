"""Where the backups of a database lie and what they are called: for making, listing and thinning out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = "backups"
BEFORE_MIGRATION: Final = "schema"
"""Begins the word for why a copy was made before the tables were changed; the old schema's number follows."""

_STAMP: Final = "%Y%m%dT%H%M%S%fZ"
_NAME: Final = re.compile(r"cockpit-(\d{8}T\d{12}Z)-([a-z0-9]+)\.db")


class Backup(NamedTuple):
    """One backup as its name says it."""

    path: Path
    at: datetime
    """Machine time at which it was made (aware UTC)."""
    why: str = "regular"
    """`start`, `regular`, `day`, `end`, `schema3` …"""
    size: int = 0
    """Bytes on disk."""


def folder_of(database: Path) -> Path:
    """Where the backups of a database lie."""
    return database.parent / FOLDER


def path_of(database: Path, *, at: datetime, why: str) -> Path:
    """Where a backup made at that time belongs."""
    return folder_of(database) / f"cockpit-{at.astimezone(UTC).strftime(_STAMP)}-{why}.db"


def backups_of(database: Path) -> tuple[Backup, ...]:
    """Every backup of a database, newest first."""
    return tuple(sorted(_found(database), key=lambda backup: backup.at, reverse=True))


def _found(database: Path) -> Iterator[Backup]:
    for path in folder_of(database).glob("cockpit-*.db"):
        match = _NAME.fullmatch(path.name)
        if match:
            at = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
            yield Backup(path, at, match[2], path.stat().st_size)
