"""Keeps session calendars in a folder: making one loads a slow library, once is enough."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from engine.backtest.data.sessions import SessionTable
from engine.config.atomic import write_atomically
from engine.market.sessions import Calendar

_VERSION: Final = 1
Make = Callable[..., dict[str, Calendar]]
"""`make_calendars(names, first=, last=)` of engine.market.calendar_source."""


class CalendarShelf:
    """Calendars by name; made where the folder does not know the asked dates yet."""

    def __init__(self, folder: Path, make: Make) -> None:
        self._folder = folder
        self._make = make
        self._open: dict[str, tuple[date, date, SessionTable]] = {}

    def sessions(self, name: str, first: date, last: date) -> SessionTable:
        """The sessions of a calendar, both dates included. Raises RuntimeError for a name that is none."""
        held = self._open.get(name) or self._read(name)
        if held is None or first < held[0] or last > held[1]:
            held = self._made(name, first, last, held)
        self._open[name] = held
        return held[2].between(first, last)

    def _made(
        self, name: str, first: date, last: date, held: tuple[date, date, SessionTable] | None
    ) -> tuple[date, date, SessionTable]:
        """Whole years, so that the next question is answered, too."""
        years = [first.year, last.year, *((held[0].year, held[1].year) if held else ())]
        begin, end = date(min(years), 1, 1), date(max(years), 12, 31)
        table = SessionTable.of(self._make((name,), first=begin, last=end)[name])
        self._folder.mkdir(parents=True, exist_ok=True)
        columns = [table.day.tolist(), table.open_ns.tolist(), table.close_ns.tolist()]
        text = json.dumps([_VERSION, name, begin.isoformat(), end.isoformat(), *columns])
        write_atomically(self._path(name), text)
        return begin, end, table

    def _read(self, name: str) -> tuple[date, date, SessionTable] | None:
        """What the folder knows; None where it knows nothing, or it cannot be read: it is made again."""
        try:
            version, kept, begin, end, *columns = json.loads(self._path(name).read_text(encoding="utf-8"))
            table = SessionTable(name, *(np.array(column, dtype=np.int64) for column in columns))
            known = date.fromisoformat(begin), date.fromisoformat(end), table
        except (OSError, ValueError, TypeError):
            return None
        return known if (version, kept) == (_VERSION, name) else None

    def _path(self, name: str) -> Path:
        return self._folder / f"{name.replace(' ', '_').replace('/', '_')}.json"
