"""Past bars: asked within the broker's pacing rules, checked at the border, only complete ones kept."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from engine.broker import codes
from engine.broker.convert import clean, contract_of, expiry_of
from engine.broker.pacing import HistoryPacing, Priority
from engine.broker.port import BrokerError, Fetched, PacedError
from engine.broker.retry import patiently
from engine.broker.wire import Wire
from engine.domain.instrument import Instrument, SecType
from engine.domain.market import Bar, checked_bar, utc

BAR_SIZES: Final = {
    1: "1 secs",
    5: "5 secs",
    10: "10 secs",
    15: "15 secs",
    30: "30 secs",
    60: "1 min",
    120: "2 mins",
    180: "3 mins",
    300: "5 mins",
    600: "10 mins",
    900: "15 mins",
    1200: "20 mins",
    1800: "30 mins",
    3600: "1 hour",
    7200: "2 hours",
    10800: "3 hours",
    14400: "4 hours",
    28800: "8 hours",
    86400: "1 day",
}
"""Bar lengths the broker knows, in seconds."""

_PACED_UP_TO_S: Final = 30
_MINUTE_S: Final = 60
_DAY_S: Final = 86_400
_MOST_IN_SECONDS_S: Final = 28_800
_SLACK: Final = 10
"""Rows looked at beyond those wanted: one may be unfinished, a few may come twice."""
_SESSION_S: Final = {SecType.STOCK: 23_400, SecType.FUTURE: 82_800}
_MOST_OPEN: Final = 40
"""Questions on their way at once; the broker takes 50 of one client, others of ours among them."""
_MOST_WAIT_S: Final = 16.0
"""A turn that comes later than this is left to the asker, who knows what is needed most by then."""


def durations(count: int, *, seconds: int, sec_type: SecType) -> tuple[str, ...]:
    """Durations to ask for `count` bars with, in the broker's units; the last one surely covers them.

    Seconds may count back through closed hours, days count sessions only: so the sure answer is asked in
    days, with one day more than needed. For short bars that is thousands too many, so seconds come first.
    """
    sessions = math.ceil(count * seconds / _SESSION_S[sec_type])
    if seconds >= _DAY_S:
        sessions = count
    days = sessions + 1
    sure = f"{days} D" if days <= 365 else f"{math.ceil(days / 250)} Y"
    near_s = (count + 1) * seconds
    return (f"{near_s} S", sure) if seconds < _MINUTE_S and near_s <= _MOST_IN_SECONDS_S else (sure,)


class History:
    """Historical bars of one connection."""

    def __init__(self, wire: Wire, pacing: HistoryPacing) -> None:
        self._wire = wire
        self._pacing = pacing
        self._room = asyncio.Semaphore(_MOST_OPEN)
        wire.callbacks.on(
            historicalData=wire.requests.add,
            historicalDataEnd=lambda number, _start, _end: wire.requests.end(number),
        )

    async def bars(
        self,
        instrument: Instrument,
        *,
        count: int,
        seconds: int,
        end: datetime | None,
        extended: bool = False,
    ) -> Fetched[tuple[Bar, ...]]:
        """The last `count` complete bars before `end` (now, where None), oldest first."""
        if seconds not in BAR_SIZES or count <= 0:
            sizes = ", ".join(str(size) for size in BAR_SIZES)
            return Fetched(
                None, f"history of {instrument.key}: {count} bars of {seconds} s; lengths are {sizes} s"
            )
        bars: tuple[Bar, ...] = ()
        try:
            for span in durations(count, seconds=seconds, sec_type=instrument.sec_type):
                found = await self._ask(instrument, span=span, seconds=seconds, end=end, extended=extended)
                until = utc(self._wire.exchange_now()) if end is None else end
                read = [bar_of(raw, key=instrument.key, seconds=seconds) for raw in found[-count - _SLACK :]]
                by_end = {bar.end: bar for bar in read if bar.end <= until}
                bars = tuple(by_end[at] for at in sorted(by_end))[-count:]
                if len(bars) == count:
                    break
        except PacedError as error:
            return Fetched(None, clean(error), error.wait_s)
        except (BrokerError, ValueError) as error:
            return Fetched(None, clean(error))
        return Fetched(bars)

    async def between(
        self, instrument: Instrument, *, start: datetime, end: datetime, seconds: int, span: str
    ) -> Fetched[tuple[Bar, ...]]:
        """The complete bars that begin at `start` or later and end by `end`, oldest first, by one request.

        `span` is the duration to ask for, in the broker's units. A broker that says it has none gives none.
        """
        try:
            found = await self._ask(instrument, span=span, seconds=seconds, end=end, extended=False)
            read = [bar_of(raw, key=instrument.key, seconds=seconds) for raw in found]
        except (BrokerError, ValueError) as error:
            return Fetched(()) if codes.is_no_data(str(error)) else Fetched(None, clean(error))
        length = timedelta(seconds=seconds)
        by_end = {bar.end: bar for bar in read if start + length <= bar.end <= end}
        return Fetched(tuple(by_end[at] for at in sorted(by_end)))

    async def _ask(
        self, instrument: Instrument, *, span: str, seconds: int, end: datetime | None, extended: bool
    ) -> list[Any]:
        until = f"{end.astimezone(UTC):%Y%m%d-%H:%M:%S}" if end else ""
        contract, client = contract_of(instrument), self._wire.client
        regular_only = instrument.sec_type is SecType.STOCK and not extended
        what = f"history of {instrument.key}"
        if seconds <= _PACED_UP_TO_S:
            request = f"{instrument.con_id} {seconds} {span} {until}"
            await self._wait_for_turn(instrument, request=request, what=what)

        async def ask() -> list[Any]:
            number = self._wire.requests.new_id()

            def write() -> None:
                size = BAR_SIZES[seconds]
                client.reqHistoricalData(
                    number, contract, until, span, size, "TRADES", regular_only, 2, False, []
                )

            async with self._room:
                return await self._wire.requests.ask(
                    number,
                    write,
                    what=what,
                    priority=Priority.HISTORY,
                    timeout_s=self._wire.settings.history_timeout_s,
                )

        if seconds <= _PACED_UP_TO_S:
            return await ask()  # the same question again within seconds is what the pacing rule forbids
        return await patiently(ask, self._wire.settings.patience)

    async def _wait_for_turn(self, instrument: Instrument, *, request: str, what: str) -> None:
        now_s, line = self._wire.clock(), str(instrument.con_id)
        wait_s = self._pacing.wait_s(now_s, line=line, request=request)
        if wait_s > _MOST_WAIT_S:
            text = f"{what}: the broker's pacing of small bars allows it in {wait_s:.0f} s"
            raise PacedError(text, wait_s=wait_s)
        self._pacing.asked(now_s + wait_s, line=line, request=request)
        if wait_s > 0:
            await asyncio.sleep(wait_s)


def bar_of(raw: Any, *, key: str, seconds: int) -> Bar:
    """One historical bar as ours. Raises ValueError where it is none."""
    text = str(raw.date)
    day = expiry_of(text) if len(text) == len("YYYYMMDD") else None
    if day is not None:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    elif text.isdigit():
        start = utc(int(text))
    else:
        raise ValueError(f"{key}: bar date {clean(text)} is neither a day nor epoch seconds")
    return checked_bar(
        Bar(
            key,
            start + timedelta(seconds=seconds),
            raw.open,
            raw.high,
            raw.low,
            raw.close,
            max(0, int(raw.volume)),
            seconds,
            raw.average,
            max(0, int(raw.barCount)),
        )
    )
