"""`cockpit data fetch`: the broker's bars into the cache, beside a running engine or without one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.backtest.data.fetch import Fetcher, Progress, Tell, Wanted
from engine.backtest.data.problems import DataError
from engine.backtest.data.sessions import SessionTable
from engine.backtest.data.spans import requests
from engine.backtest.data.universe import bar_seconds, cache_of, calendar_of_symbol, calendar_shelf
from engine.backtest.series import NANOSECONDS
from engine.config import Loaded
from engine.config.sections import SYMBOL
from engine.domain.instrument import Instrument, SecType
from engine.domain.market import NEW_YORK
from engine.market.calendars import UnknownCalendarError
from engine.market.catalog import parse_symbol
from engine.runtime.planning.offline import ask_beside
from engine.runtime.process.errors import FailedError, UsageError
from engine.runtime.process.remote import Say
from engine.runtime.setups.history import find_instrument

if TYPE_CHECKING:
    from engine.broker.ibkr import IbkrBroker

_DEFAULT_DAYS: Final = {86_400: 3_650, 60: 60, 5: 7}
"""Calendar days fetched where no first date is given."""


_NOTHING: Final = Progress("", 0, 0, 0, 0.0)


class Wish(NamedTuple):
    """What was asked for on the command line."""

    symbols: tuple[str, ...]
    bars: str
    first: date | None
    last: date | None


def fetch(loaded: Loaded, wish: Wish, *, environ: Mapping[str, str], say: Say, tell: Tell) -> int:
    """Complete the cache for these symbols. Raises StartError; what was fetched until then is kept."""
    try:
        job = _Job(loaded, wish)
        with cache_of(loaded).lock():
            fetched = _NOTHING
            if job.may_lack(datetime.now(UTC)):
                fetched = ask_beside(loaded, lambda broker, now: job.run(broker, now, tell), environ=environ)
    except DataError as err:
        raise FailedError(str(err)) from err
    asked = f"{fetched.total:,} requests" if fetched.total else "nothing to ask for, all of it is here"
    say(f"{', '.join(wish.symbols)}: {asked}; {fetched.bars:,} new bars of {wish.bars}")
    return 0


class _Job:
    """One fetch: what is wanted of which calendar, then asked with a connected broker."""

    def __init__(self, loaded: Loaded, wish: Wish) -> None:
        """Raises UsageError for symbols, bars or dates that mean nothing."""
        self._loaded = loaded
        self._wish = wish
        try:
            self._seconds = bar_seconds(wish.bars)
            self._calendars = {SYMBOL(symbol): calendar_of_symbol(symbol) for symbol in wish.symbols}
        except (DataError, UnknownCalendarError, ValueError) as err:
            raise UsageError(str(err)) from err
        if wish.first is not None and wish.last is not None and wish.last < wish.first:
            raise UsageError(f"--to {wish.last} is before --from {wish.first}")
        self._shelf = calendar_shelf(loaded)
        today = datetime.now(UTC).date()
        for name in set(self._calendars.values()):
            # Before there is a line that would wait for it: the library takes seconds to load.
            self._shelf.sessions(name, self._first(today), today)

    def may_lack(self, now: datetime) -> bool:
        """False where every session that has ended by `now` is kept already, so that nobody need be asked.

        Which contract a future's symbol means now, only the broker knows.
        """
        cache, seconds = cache_of(self._loaded), self._seconds
        for symbol in self._wish.symbols:
            if parse_symbol(symbol).sec_type is SecType.FUTURE:
                return True
            spans = self._sessions(symbol, now).spans()
            if requests(spans, cache.held(symbol, symbol, seconds), seconds=seconds):
                return True
        return False

    async def run(self, broker: IbkrBroker, now: datetime, tell: Tell) -> Progress:
        """Ask for everything that lacks. Raises DataError."""
        found = await asyncio.gather(*(find_instrument(broker, one, now=now) for one in self._wish.symbols))
        nameless = [
            f"{s} ({one})" for s, one in zip(self._wish.symbols, found, strict=True) if isinstance(one, str)
        ]
        if nameless:
            raise DataError(f"nothing was fetched: {', '.join(nameless)}")
        pairs = zip(self._wish.symbols, found, strict=True)
        wanted = [
            Wanted(symbol, one, await asyncio.to_thread(self._sessions, symbol, now))
            for symbol, one in pairs
            if isinstance(one, Instrument)
        ]
        fetcher = Fetcher(broker, cache_of(self._loaded), clock=time.monotonic, tell=tell)
        return await fetcher.fetch(wanted, self._seconds)

    def _sessions(self, symbol: str, now: datetime) -> SessionTable:
        """Sessions that have ended: of the one that runs nothing is complete yet."""
        today = now.astimezone(NEW_YORK).date() + timedelta(days=1)
        last = today if self._wish.last is None else min(self._wish.last, today)
        table = self._shelf.sessions(self._calendars[symbol], self._first(today), last)
        return table.ended_by(int(now.timestamp()) * NANOSECONDS)

    def _first(self, today: date) -> date:
        return self._wish.first or today - timedelta(days=_DEFAULT_DAYS[self._seconds])
