"""When each instrument's session ends for us, worked out once per session: the gate asks at every order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from engine.config import Config
from engine.domain.instrument import Instrument, SecType
from engine.market.sessions import DayRules, entries_end, session_end


def day_rules(config: Config) -> DayRules:
    """How days end, as configured."""
    sessions = config.sessions
    return DayRules(
        eod_close=sessions.eod_close,
        flatten_minutes=sessions.flatten_minutes,
        flatten_lead_minutes=sessions.flatten_lead_minutes,
        no_entry_minutes=sessions.no_entry_minutes,
    )


def close_of(instrument: Instrument, at: datetime) -> datetime | None:
    """When the session that runs then ends for day positions; None while none runs, or hours are unknown."""
    is_future = instrument.sec_type is SecType.FUTURE
    return session_end(instrument.trading_hours if is_future else instrument.liquid_hours, at)


class _Known(NamedTuple):
    instrument: Instrument
    config: Config
    close: datetime
    entries_end: datetime


@dataclass(slots=True)
class CloseTimes:
    """Ends of entries by instrument key."""

    _known: dict[str, _Known] = field(default_factory=dict)

    def entries_end(self, instrument: Instrument | None, now: datetime, config: Config) -> datetime | None:
        """From when on it takes no entry before the close of the session that runs now; None without one."""
        if instrument is None:
            return None
        known = self._known.get(instrument.key)
        # Instruments and configurations are rebound when they change, never changed in place.
        if (
            known is not None
            and known.instrument is instrument
            and known.config is config
            and now < known.close
        ):
            return known.entries_end
        close = close_of(instrument, now)
        if close is None:
            return None
        end = entries_end(instrument.sec_type, close, day_rules(config))
        self._known[instrument.key] = _Known(instrument, config, close, end)
        return end
