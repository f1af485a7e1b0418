"""The files of the log: one per Eastern day, private, of bounded size, kept for as long as asked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from logging import LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from engine.domain.market import NEW_YORK
from engine.runtime.process.paths import PRIVATE_DIR, PRIVATE_FILE

FOLDER: Final = "logs"
MAX_BYTES: Final = 10 * 1024 * 1024
KEPT_PARTS: Final = 9
"""Earlier parts of one day, `.1` the youngest; a day's oldest goes where there are more."""

_NAME: Final = re.compile(r"trader_(\d{8})\.log(?:\.\d+)?")


def wall_now() -> datetime:
    """Wall time, aware UTC."""
    return datetime.now(UTC)


def eastern_day(at: datetime) -> date:
    """The day that a line of this moment belongs to."""
    return at.astimezone(NEW_YORK).date()


def file_of(folder: Path, day: date) -> Path:
    """The file of one day."""
    return folder / f"trader_{day:%Y%m%d}.log"


def dated_files(folder: Path) -> Iterator[tuple[date, Path]]:
    """Every file of the log with its day, oldest first."""
    for path in sorted(folder.glob("trader_*")):
        name = _NAME.fullmatch(path.name)
        if name is not None:
            yield datetime.strptime(name[1], "%Y%m%d").replace(tzinfo=UTC).date(), path


def delete_before(folder: Path, first_kept: date) -> tuple[Path, ...]:
    """Delete the files of all days before this one; returns those that went. Raises OSError."""
    gone = tuple(path for day, path in dated_files(folder) if day < first_kept)
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


class DailyFileHandler(RotatingFileHandler):
    """Goes on in a new file with the first line of a new Eastern day, and lets go of old ones then.

    Every file can be read by its owner only, from its first byte.
    """

    def __init__(self, folder: Path, *, retention_days: int, now: Callable[[], datetime] = wall_now) -> None:
        """`folder` is made where there is none. Raises OSError where nothing can be written there."""
        self._folder = folder
        self._retention = timedelta(days=retention_days)
        self._now = now
        self._day = eastern_day(now())
        folder.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        super().__init__(
            file_of(folder, self._day), maxBytes=MAX_BYTES, backupCount=KEPT_PARTS, encoding="utf-8"
        )
        self._let_go()

    def emit(self, record: LogRecord) -> None:
        """Write one line into the file of its day."""
        day = eastern_day(self._now())
        if day != self._day:
            self._turn_to(day)
        super().emit(record)

    def _turn_to(self, day: date) -> None:
        self._day = day
        self.close_file()
        self.baseFilename = os.fspath(file_of(self._folder, day))
        self._let_go()

    def close_file(self) -> None:
        """Close the file in use; the next line opens its own."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None

    def _let_go(self) -> None:
        try:
            delete_before(self._folder, self._day - self._retention)
        except OSError:
            return  # a folder that lets nothing go still takes lines; the next day tries again

    def _open(self) -> Any:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.baseFilename, flags, PRIVATE_FILE)
        return os.fdopen(descriptor, "a", encoding="utf-8")

    def handleError(self, record: LogRecord) -> None:  # noqa: N802 - the library's name
        """A full disk must not print tracebacks on the screen; the store raises its own alarm."""
