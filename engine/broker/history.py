"""Past bars: asked within the broker's pacing rules, checked at the border, only complete ones kept."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from engine.broker.convert import clean, contract_of, expiry_of
from engine.broker.pacing import HistoryPacing, Priority
from engine.broker.port import BrokerError, Fetched
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
_DAY_S: Final = 86_400
_SESSION_S: Final = {SecType.STOCK: 23_400, SecType.FUTURE: 82_800}
_MOST_WAIT_S: Final = 120.0


def duration(count: int, *, seconds: int, sec_type: SecType) -> str:
    """A duration that surely covers `count` bars, in the broker's units.

    Seconds count back through closed hours, days only sessions: so everything that may reach back before
    the open is asked in days, with one day more than needed.
    """
    sessions = math.ceil(count * seconds / _SESSION_S[sec_type])
    if seconds >= _DAY_S:
        sessions = count
    days = sessions + 1
    return f"{days} D" if days <= 365 else f"{math.ceil(days / 250)} Y"


class History:
    """Historical bars of one connection."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._pacing = HistoryPacing()
        wire.callbacks.on(
            historicalData=wire.requests.add,
            historicalDataEnd=lambda number, _start, _end: wire.requests.end(number),
        )

    async def bars(
        self, instrument: Instrument, *, count: int, seconds: int, end: datetime | None
    ) -> Fetched[tuple[Bar, ...]]:
        """The last `count` complete bars before `end` (now, where None), oldest first."""
        if seconds not in BAR_SIZES or count <= 0:
            sizes = ", ".join(str(size) for size in BAR_SIZES)
            return Fetched(
                None, f"history of {instrument.key}: {count} bars of {seconds} s; lengths are {sizes} s"
            )
        try:
            found = await self._ask(instrument, count=count, seconds=seconds, end=end)
            until = utc(self._wire.exchange_now()) if end is None else end
            bars = [bar_of(raw, key=instrument.key, seconds=seconds) for raw in found]
        except (BrokerError, ValueError) as error:
            return Fetched(None, clean(error))
        complete = sorted(
            {bar.end: bar for bar in bars if bar.end <= until}.values(), key=lambda bar: bar.end
        )
        return Fetched(tuple(complete[-count:]))

    async def _ask(
        self, instrument: Instrument, *, count: int, seconds: int, end: datetime | None
    ) -> list[Any]:
        span = duration(count, seconds=seconds, sec_type=instrument.sec_type)
        until = f"{end.astimezone(UTC):%Y%m%d-%H:%M:%S}" if end else ""
        contract, client = contract_of(instrument), self._wire.client
        regular_only = instrument.sec_type is SecType.STOCK
        what = f"history of {instrument.key}"
        if seconds <= _PACED_UP_TO_S:
            await self._wait_for_turn(
                instrument, request=f"{instrument.con_id} {seconds} {span} {until}", what=what
            )
        number = self._wire.requests.new_id()
        return await self._wire.requests.ask(
            number,
            lambda: client.reqHistoricalData(
                number, contract, until, span, BAR_SIZES[seconds], "TRADES", regular_only, 2, False, []
            ),
            what=what,
            priority=Priority.HISTORY,
            timeout_s=self._wire.settings.history_timeout_s,
        )

    async def _wait_for_turn(self, instrument: Instrument, *, request: str, what: str) -> None:
        now_s, line = self._wire.clock(), str(instrument.con_id)
        wait_s = self._pacing.wait_s(now_s, line=line, request=request)
        if wait_s > _MOST_WAIT_S:
            raise BrokerError(f"{what}: the broker's pacing allows it only in {wait_s:.0f} s; ask again then")
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
