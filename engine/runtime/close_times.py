"""When each instrument's session ends for us, worked out once per session: the gate asks at every order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from engine.config import Config
from engine.domain.instrument import Instrument
from engine.market.futures import is_ending
from engine.market.hours import close_of
from engine.market.sessions import Calendar, DayRules, entries_end
from engine.risk.quality import NONE_ANY_MORE


def day_rules(config: Config) -> DayRules:
    """How days end, as configured."""
    sessions = config.sessions
    return DayRules(
        eod_close=sessions.eod_close,
        flatten_minutes=sessions.flatten_minutes,
        flatten_lead_minutes=sessions.flatten_lead_minutes,
        no_entry_minutes=sessions.no_entry_minutes,
    )


class _Known(NamedTuple):
    instrument: Instrument
    config: Config
    calendar: Calendar | None
    close: datetime
    entries_end: datetime


@dataclass(slots=True)
class CloseTimes:
    """Ends of entries by instrument key."""

    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    """Instrument key -> the calendar that counts beside the broker's hours, where one is known."""
    _known: dict[str, _Known] = field(default_factory=dict)

    def entries_end(self, instrument: Instrument | None, now: datetime, config: Config) -> datetime | None:
        """From when on it takes no entry before the close of the session that runs now; None without one.

        NONE_ANY_MORE for a contract that ends within days.
        """
        if instrument is None:
            return None
        known, calendar = self._known.get(instrument.key), self.calendars.get(instrument.key)
        # Instruments and configurations are rebound when they change, never changed in place.
        if (
            known is not None
            and known.instrument is instrument
            and known.config is config
            and known.calendar is calendar
            and now < known.close
        ):
            return known.entries_end
        close = self.close(instrument, now)
        if close is None:
            return None
        end = entries_end(instrument.sec_type, close, day_rules(config))
        if is_ending(instrument, now):
            end = NONE_ANY_MORE
        self._known[instrument.key] = _Known(instrument, config, calendar, close, end)
        return end

    def close(self, instrument: Instrument, at: datetime) -> datetime | None:
        """When the session that runs then ends for day positions; None while none runs."""
        return close_of(instrument, at, self.calendars.get(instrument.key))
