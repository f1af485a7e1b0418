"""Where simulated prices come from: seeded paths of common factors, computable for any day at once.

Each factor (the market, technology, gold, what is an instrument's own) is a value over absolute time. Its
values at the ends of day parts are one seeded chain from a fixed epoch; within a part, 5-second steps lead
from end to end. So any part of any day costs the same and needs no part before it.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections import OrderedDict
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SLOT_S = 5.0
NIGHT, PRE, REGULAR, POST = range(4)

_ZONE = ZoneInfo("US/Eastern")
_PART_STARTS = (dt.time(20), dt.time(4), dt.time(9, 30), dt.time(16))
"""Local starts of a market day's parts; the night begins on the evening before."""
_EPOCH = dt.date(2005, 1, 1).toordinal()
_LAST = dt.date(2040, 1, 1).toordinal()
_WEEKDAY_VARIANCE = (0.14, 0.12, 0.64, 0.10)
_SUNDAY_VARIANCE = (0.0, 0.08, 0.0, 0.06)
_REVERSION_DAYS = 280.0
"""Time constant of the pull towards the level; keeps prices near it over years, unseen within a week."""
_CACHED_PARTS = 96
_RANGES, _TRENDS = 0.33, 0.37
"""Shares of the regimes that are ranges and trends; the rest wanders."""
_TREND = 1.5
"""Drift over a trend, in standard deviations of its noise."""


class Part(NamedTuple):
    """One part (NIGHT, PRE, REGULAR, POST) of the market day that ends at 20:00 New York of `day`."""

    day: int
    """Proleptic ordinal of the date."""
    part: int

    def following(self) -> Part:
        """The part that begins where this one ends."""
        return Part(self.day, self.part + 1) if self.part < POST else Part(self.day + 1, NIGHT)

    def preceding(self) -> Part:
        """The part that ends where this one begins."""
        return Part(self.day, self.part - 1) if self.part > NIGHT else Part(self.day - 1, POST)


def part_at(at: float) -> Part:
    """The part of the day that contains an instant."""
    local = dt.datetime.fromtimestamp(at, _ZONE)
    day = local.date().toordinal()
    time = local.time()
    if time >= _PART_STARTS[NIGHT]:
        return Part(day + 1, NIGHT)
    return Part(day, sum(time >= start for start in _PART_STARTS[PRE:]))


@lru_cache(maxsize=8192)
def part_start(part: Part) -> float:
    """Epoch seconds at which a part begins."""
    day = dt.date.fromordinal(part.day - 1 if part.part == NIGHT else part.day)
    return dt.datetime.combine(day, _PART_STARTS[part.part], _ZONE).timestamp()


def part_slots(part: Part) -> int:
    """How many 5-second slots a part has (an hour more or less where the clocks change)."""
    return round((part_start(part.following()) - part_start(part)) / SLOT_S)


def parts_between(start: float, end: float) -> list[Part]:
    """Every part that overlaps `[start, end)`, oldest first."""
    parts = [part_at(start)]
    while part_start(parts[-1].following()) < end:
        parts.append(parts[-1].following())
    return parts


class Factors:
    """All paths of one seed. Same seed, same part: same path, whatever was asked before."""

    def __init__(self, seed: int, *, wanders: bool = False) -> None:
        """With `wanders` nothing trends and nothing ranges: what was tells nothing of what will be."""
        self._seed = seed
        self._wanders = wanders
        self._chains: dict[str, Floats] = {}
        self._paths: OrderedDict[tuple[str, Part], Floats] = OrderedDict()

    def path(self, name: str, part: Part, *, daily_vol: float) -> Floats:
        """Values at the edges of the part's slots (one more than slots), as log returns from the level."""
        key = (name, part)
        path = self._paths.get(key)
        if path is None:
            path = self._make_path(name, part, daily_vol)
            self._paths[key] = path
            if len(self._paths) > _CACHED_PARTS:
                self._paths.popitem(last=False)
        else:
            self._paths.move_to_end(key)
        return path

    def rng(self, name: str, *numbers: int) -> np.random.Generator:
        """A generator that depends on the seed, the name and the numbers alone."""
        entropy = (self._seed, zlib.crc32(name.encode()), *numbers)
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(entropy)))

    def _ends(self, name: str, part: Part, daily_vol: float) -> tuple[float, float]:
        chain = self._chains.get(name)
        if chain is None:
            chain = self._chains[name] = _chain(self.rng(name))
        index = (part.day - _EPOCH) * 4 + part.part
        if not 0 < index < len(chain):
            msg = f"the simulation covers 2005 to 2039, not {dt.date.fromordinal(part.day)}"
            raise ValueError(msg)
        return float(chain[index - 1]) * daily_vol, float(chain[index]) * daily_vol

    def _make_path(self, name: str, part: Part, daily_vol: float) -> Floats:
        start, end = self._ends(name, part, daily_vol)
        slots = part_slots(part)
        vol = daily_vol * _variance_of(part) ** 0.5
        steps = np.zeros(slots + 1)
        if vol > 0.0:
            surprise = abs(end - start) / vol
            steps[1:] = _steps(
                self.rng(name, part.day, part.part),
                part,
                slots,
                vol * (0.75 + 0.25 * surprise),
                wanders=self._wanders,
            )
            profile = _profile(part.part, slots)
            steps[1:] += (end - start - steps.sum()) * profile / profile.sum()
        steps[0] = start
        return np.cumsum(steps)


def _variance_of(part: Part) -> float:
    """The part's share of an ordinary day's variance; nothing moves on Saturdays."""
    weekday = dt.date.fromordinal(part.day).weekday()
    if weekday == 5:
        return 0.0
    return (_SUNDAY_VARIANCE if weekday == 6 else _WEEKDAY_VARIANCE)[part.part]


def _chain(rng: np.random.Generator) -> Floats:
    """Values at every part's end for a daily volatility of one: a slowly mean-reverting random walk."""
    days = np.arange(_EPOCH, _LAST)
    variance = np.tile(_WEEKDAY_VARIANCE, (len(days), 1))
    weekday = (days + 6) % 7
    variance[weekday == 5] = 0.0
    variance[weekday == 6] = _SUNDAY_VARIANCE
    shocks = rng.standard_normal(variance.size) * np.sqrt(variance.ravel())
    # Time passes as the market moves, so that nothing drifts while it is closed.
    decay = np.cumsum(variance) / _REVERSION_DAYS
    walk: Floats = np.exp(-decay) * np.cumsum(shocks * np.exp(decay))
    return walk


@lru_cache(maxsize=16)
def _profile(part: int, slots: int) -> Floats:
    """Relative volatility over a part: the smile of the regular session, quieter nights."""
    minutes = np.arange(slots) * (SLOT_S / 60.0)
    left = minutes[-1] - minutes
    profile: Floats = np.full(slots, 0.6)
    if part == REGULAR:
        profile = 0.75 + 1.3 * np.exp(-minutes / 22.0) + 0.45 * np.exp(-left / 25.0)
    elif part == PRE:
        profile = 0.5 + 0.6 * minutes / minutes[-1]
    elif part == POST:
        profile = 0.5 + 1.2 * np.exp(-minutes / 12.0)
    return profile


def _steps(rng: np.random.Generator, part: Part, slots: int, vol: float, *, wanders: bool) -> Floats:
    """Steps of a part: noise under the profile, regimes of trend, range and calm, and a few jumps."""
    starts, lengths, kinds = _regimes(rng, slots)
    calm_or_wild = np.repeat(np.exp(rng.normal(0.0, 0.30, len(starts))), lengths)
    scale = _profile(part.part, slots) * calm_or_wild
    scale *= vol / np.sqrt(np.dot(scale, scale))
    steps: Floats = rng.standard_normal(slots) * scale
    moved = np.add.reduceat(steps, starts)
    spread = np.sqrt(np.add.reduceat(scale * scale, starts))
    # A range gives most of its move back along the way; a trend adds a drift of its own.
    trend = rng.choice((-_TREND, _TREND), len(starts)) * spread
    drift = np.select([kinds < _RANGES, kinds > 1.0 - _TRENDS], [-0.9 * moved, trend], 0.0)
    if not wanders:
        steps += np.repeat(drift / lengths, lengths)
    jumps = rng.poisson(1.5 if part.part == REGULAR else 0.4)
    places = rng.integers(0, slots, jumps)
    np.add.at(steps, places, scale[places] * rng.choice((-1.0, 1.0), jumps) * rng.uniform(4.0, 9.0, jumps))
    return steps


def _regimes(
    rng: np.random.Generator, slots: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """Starts, lengths (3 minutes to an hour, 15 on average) and kinds (uniform numbers) of regimes."""
    drawn = np.clip(rng.exponential(180.0, slots // 36 + 1), 36, 720).astype(np.intp)
    ends = np.minimum(np.cumsum(drawn), slots)
    count = int(np.searchsorted(ends, slots)) + 1
    ends = ends[:count]
    lengths = np.diff(ends, prepend=0)
    return ends - lengths, lengths, rng.random(count)
