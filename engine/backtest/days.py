"""Sessions and trading days of a run: which one runs, when it must be flat, when the next day begins."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal

from engine.backtest.series import NANOSECONDS, BarSeries
from engine.backtest.setting import BacktestConfig, BacktestError
from engine.backtest.slot import NEVER_NS, Slot
from engine.domain.instrument import Instrument, SecType
from engine.domain.market import NEW_YORK, Bar
from engine.market.bars import DAY_SECONDS, BarAggregator
from engine.market.hours import told_hours
from engine.market.sessions import entries_end, flatten_from, whole_sessions

FUTURES_DAY = time(18)
"""New York time at which a future's trading day begins."""


class Days:
    """Looks up sessions by the rules of the live engine."""

    def __init__(self, config: BacktestConfig) -> None:
        self._config = config
        self._closes: dict[str, list[int]] = {}
        """Instrument key -> when its sessions end, epoch ns."""
        self._last: dict[str, int] = {}
        """Instrument key -> index of the session from which on an expiring future is closed."""

    def slot(self, index: int, series: BarSeries, instruments: Mapping[str, Instrument]) -> Slot:
        """The state an instrument begins with. Raises BacktestError for one that nobody described."""
        instrument = instruments.get(series.key)
        if instrument is None:
            raise BacktestError(f"{series.key}: nobody has said what this instrument is")
        sessions = tuple(whole_sessions(told_hours(instrument)))
        if not sessions:
            raise BacktestError(f"{series.key}: its sessions are not known")
        self._closes[series.key] = [_ns(s.close) for s in sessions]
        last_day = instrument.last_trade_date
        if last_day is not None:
            ends = [i for i, s in enumerate(sessions) if s.close.astimezone(NEW_YORK).date() <= last_day]
            self._last[series.key] = (ends[-1] if ends else -1) - self._config.roll_days
        slot = Slot(
            index=index,
            key=series.key,
            instrument=instrument,
            seconds=series.seconds,
            length=timedelta(seconds=series.seconds),
            is_future=instrument.sec_type is SecType.FUTURE,
            multiplier=instrument.multiplier,
            exact_multiplier=Decimal(repr(instrument.multiplier)),
            sessions=sessions,
        )
        first = int(series.end_ns[0]) if len(series) else 0
        self.next_session(slot, first - 1)
        return slot

    def next_session(self, slot: Slot, now_ns: int) -> None:
        """Move on to the session that runs then, or begins next."""
        index = bisect_right(self._closes[slot.key], now_ns)
        if index >= len(slot.sessions):
            # Beyond the table: unknown is not open.
            slot.session, slot.open_ns, slot.close_ns, slot.flat_ns = index, NEVER_NS, NEVER_NS, NEVER_NS
            slot.instrument = slot.instrument.during(())
            slot.day_ns = slot.alarm_ns = NEVER_NS
            slot.entries_end = None
            return
        self._begin(slot, index)

    def _begin(self, slot: Slot, index: int) -> None:
        session = slot.sessions[index]
        slot.session, slot.instrument = index, slot.instrument.during((session,))
        slot.open_ns, slot.close_ns = _ns(session.open), self._closes[slot.key][index]
        slot.expires = index >= self._last.get(slot.key, len(slot.sessions))
        if slot.seconds >= DAY_SECONDS:
            # A day's bar knows no hour: entries are judged for the whole session, and nothing is flattened.
            slot.flat_ns = slot.open_ns if slot.expires else NEVER_NS
            slot.entries_end = session.close
        else:
            rules, sec_type = self._config.day, slot.instrument.sec_type
            slot.flat_ns = _ns(flatten_from(sec_type, session.close, rules))
            slot.entries_end = entries_end(sec_type, session.close, rules)
        # The close fills at the next open: it is asked for while there is one left before that time.
        slot.day_ns = slot.alarm_ns = min(slot.close_ns, slot.flat_ns - slot.seconds * NANOSECONDS + 1)

    def trades_at(self, slot: Slot, bar: Bar) -> datetime:
        """For when a decision on this bar is judged; one on a day's bar for the next session."""
        if bar.seconds < DAY_SECONDS or slot.session >= len(slot.sessions):
            return bar.end
        limits, session = self._config.limits, slot.sessions[slot.session]
        day = session.close.astimezone(NEW_YORK).date()
        window = datetime.combine(day, limits.entry_start, tzinfo=NEW_YORK).astimezone(bar.end.tzinfo)
        opened = session.open + timedelta(seconds=limits.open_delay_s)
        return window if opened < window < session.close else opened

    def day_end_ns(self, at: datetime) -> int:
        """The end of the trading day (New York) that a bar ending then belongs to."""
        # A bar that ends at midnight belongs to the day before.
        day = (at - timedelta(microseconds=1)).astimezone(NEW_YORK).date() + timedelta(days=1)
        return _ns(datetime.combine(day, time(0), tzinfo=NEW_YORK))

    def aggregator(self, slot: Slot, seconds: int) -> BarAggregator:
        """Makes the longer bars of a strategy from those of the series."""
        is_future = slot.instrument.sec_type is SecType.FUTURE
        return BarAggregator(seconds, day_start=FUTURES_DAY if is_future else time(0))


def _ns(at: datetime) -> int:
    return int(at.timestamp()) * NANOSECONDS
