"""Tiers and the market's weather in a run: by the live rules, from the days before.

Both are found once a day, when the gate is first asked, and from bars before that day alone. Bars know no
spread, so a tier is told by value; before the first whole day nothing is told and nothing kept out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.backtest.series import NANOSECONDS, BarSeries
from engine.backtest.setting import BacktestConfig, Weather
from engine.backtest.slot import Slot
from engine.domain.market import NEW_YORK, utc
from engine.domain.reasons import Reason
from engine.market.universe import Liquidity, Member, judge
from engine.risk.refusal import Refusal
from engine.risk.regime import Regime, regime_of
from engine.risk.selection import Selection

_NO_SPREAD: Final = 0.0


class Selections:
    """What the gate is told about each instrument beside its price."""

    def __init__(
        self, config: BacktestConfig, slots: Mapping[str, Slot], series: Sequence[BarSeries]
    ) -> None:
        self._rules, self._weather = config.tiers, config.weather
        self._slots, self._series = slots, series
        self._plain = Selection(themes=config.themes)
        self._is_plain = not config.tiers and config.weather is None
        self._day_ns = -1
        self._members: dict[str, Member | None] = {}
        self._tiers: dict[str, int] = {}
        self._factor = 1.0
        self._closes: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None

    def of(self, slot: Slot, now: datetime, others: Iterable[str]) -> Selection:
        """For one instrument; `others` are those that something is out in, whose tiers count together."""
        if self._is_plain:
            return self._plain
        begin_ns = _midnight_ns(now)
        if begin_ns != self._day_ns:
            self._begin(begin_ns)
        for key in (slot.key, *others):
            if key not in self._members:
                self._judge(key)
        return self._plain._replace(
            regime_multiplier=self._factor, tiers=self._tiers, excluded=_refusal(self._members[slot.key])
        )

    def _begin(self, begin_ns: int) -> None:
        """A day begins: nothing of the day before is known any more."""
        self._day_ns = begin_ns
        self._members.clear()
        self._tiers = {}
        weather = self._weather
        if weather is not None:
            found = weather.said or self._detected(weather)
            self._factor = weather.multipliers.factor(found)

    # --- tiers ----------------------------------------------------------------------------------

    def _judge(self, key: str) -> None:
        member = self._member(key)
        self._members[key] = member
        if member is not None and member.tier:
            self._tiers[key] = member.tier

    def _member(self, key: str) -> Member | None:
        """By the value of the last day before this one; None where there is no such day, or no tiers."""
        if not self._rules:
            return None
        slot = self._slots[key]
        one = self._series[slot.index]
        last = int(np.searchsorted(one.end_ns, self._day_ns, "right"))
        if not last:
            return None
        began_ns = _midnight_ns(utc((int(one.end_ns[last - 1]) - 1) / NANOSECONDS))
        first = int(np.searchsorted(one.end_ns, began_ns, "right"))
        value_usd = float((one.close[first:last] * one.volume[first:last]).sum()) * slot.multiplier
        return judge(key, Liquidity(value_usd, _NO_SPREAD), self._rules)

    # --- weather --------------------------------------------------------------------------------

    def _detected(self, weather: Weather) -> Regime | None:
        """What the closes before this day say; None where they are too few."""
        if self._closes is None:
            self._closes = self._hours(weather)
        ends, closes = self._closes
        last = int(np.searchsorted(ends, self._day_ns, "right"))
        view = regime_of(closes[max(0, last - weather.bars) : last].tolist(), weather.rules)
        return view.regime if view.is_known else None

    def _hours(self, weather: Weather) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Ends and closes of the reference's longer bars, as far as each is complete."""
        slot = self._slots.get(weather.reference)
        if slot is None or slot.seconds > weather.seconds:
            return np.array([], dtype=np.int64), np.array([], dtype=np.float64)
        one, length = self._series[slot.index], weather.seconds * NANOSECONDS
        bars = (one.end_ns - 1) // length
        lasts = np.flatnonzero(np.append(np.diff(bars) > 0, True))
        return (bars[lasts] + 1) * length, one.close[lasts]


def _midnight_ns(at: datetime) -> int:
    """The beginning of a moment's date in New York."""
    day = at.astimezone(NEW_YORK).date()
    return int(datetime.combine(day, time(0), tzinfo=NEW_YORK).timestamp()) * NANOSECONDS


def _refusal(member: Member | None) -> Refusal | None:
    """Why the universe leaves it out."""
    if member is None or member.exclusion is None:
        return None
    text = f"{member.key}: not in the universe, {member.text}"
    return Refusal(Reason.MIN_VOLUME, text, member.limit, member.value)
