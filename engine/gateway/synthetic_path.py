"""One instrument over one part of a day, on the 5-second grid: bars and the quotes at every edge.

What history reports and what the tick generator has to reproduce are these same arrays.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from engine.gateway.calendar import session_on
from engine.gateway.instruments import Instruments, Listed, Traits
from engine.gateway.synthetic_factors import SLOT_S, Factors, Floats, Part, part_slots, part_start
from engine.gateway.worlds import WORLDS, World, leans

Ints = npt.NDArray[np.int64]

_CACHED_PARTS = 112
_OFF_HOURS_FLOOR = 0.06
"""Activity of the quietest open hour relative to an ordinary regular one."""
_SLOTS_PER_DAY = 4680.0
_PRESSURE_SLOTS = 36
_PRESSURE = 0.6
"""Size of the transient part of a 5-second move relative to the instrument's own lasting one."""


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Prices are whole ticks. Where `count` is 0 nothing traded and open..close mean nothing."""

    start: float
    is_open: npt.NDArray[np.bool_]
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    count: Ints
    bid: Ints
    """Best bid at each edge: one more than slots. `bid[k]` stands when slot k begins."""
    ask: Ints
    share: float
    """Volume relative to the busiest expiry."""
    lean: Floats
    """Share by which the bids of a slot's books are heavier (negative: the asks)."""
    jumps: bool
    """All of a slot's move happens at one moment of it, not bit by bit."""
    is_wide: bool
    """Prints between bid and ask leave the quote where it is."""


class Paths:
    """Makes and keeps the slots of every instrument of one seed."""

    def __init__(self, factors: Factors, instruments: Instruments, *, world: World = WORLDS["edge"]) -> None:
        self.factors = factors
        self._world = world
        self._vols = {name: vol / 100.0 for name, vol in instruments.factors.items()}
        self._kept: OrderedDict[tuple[int, Part], Slots] = OrderedDict()

    def slots(self, listed: Listed, part: Part, *, keep: bool = True) -> Slots:
        """The instrument's slots over one part of a day; long looks back need not be kept."""
        key = (listed.contract.con_id, part)
        slots = self._kept.get(key)
        if slots is not None:
            self._kept.move_to_end(key)
            return slots
        slots = self._make(listed, part)
        if keep:
            self._kept[key] = slots
            if len(self._kept) > _CACHED_PARTS:
                self._kept.popitem(last=False)
        return slots

    def _make(self, listed: Listed, part: Part) -> Slots:
        contract, traits, world = listed.contract, listed.traits, self._world
        rng = self.factors.rng("slots", contract.con_id, part.day, part.part)
        mid = self._mid_ticks(rng, listed, part)
        activity = _activity(contract.calendar, part)
        share = listed.volume_share(dt.date.fromordinal(part.day))
        base = traits.spread_ticks * (1 if share > 0.5 else 3) * (world.spread if listed.root else 1)
        bid, ask = _quotes(rng, mid, base=base, activity=activity)
        moves = np.abs(np.diff(mid))
        typical = np.convolve(moves, np.full(25, 0.04), mode="same") + 0.05
        burst = np.clip(0.6 + 0.4 * moves / typical, 0.5, 2.5)
        prints = traits.prints * share**0.6
        chance = rng.random((2, len(activity)), dtype=np.float32)
        count = (prints * activity * burst * (0.4 + 1.2 * chance[0]) + chance[1]).astype(np.int64)
        count *= activity > 0.0
        size = traits.volume * share / (prints * _SLOTS_PER_DAY)
        noise = np.exp(rng.standard_normal(len(count), dtype=np.float32) * 0.5)
        volume = np.maximum(count, (count * size * noise).astype(np.int64))
        beyond = typical * 0.0 if world.wanders else 0.5 * typical + 0.2
        high, low, first, last = _prices(rng, bid, ask, beyond, count)
        return Slots(
            start=part_start(part),
            is_open=activity > 0.0,
            open=first,
            high=high,
            low=low,
            close=last,
            volume=volume,
            count=count,
            bid=bid,
            ask=ask,
            share=share,
            lean=leans(world, mid, is_future=listed.root is not None, start=part_start(part)),
            jumps=world.wanders,
            is_wide=world.spread > 1 and listed.root is not None,
        )

    def _mid_ticks(self, rng: np.random.Generator, listed: Listed, part: Part) -> Floats:
        """The unrounded mid at every edge, in ticks."""
        traits = listed.traits
        # Expiries of one root share their own noise: a calendar spread barely moves.
        own = f"own {listed.contract.symbol}"
        total = listed.carry() + self.factors.path(own, part, daily_vol=traits.own_vol_pct / 100.0)
        for name, load in traits.loads:
            path = self.factors.path(name, part, daily_vol=self._vols[name])
            late = path.copy()
            late[1:] += (0.0 if self._world.wanders else traits.lag) * (path[:-1] - path[1:])
            total = total + load * late
        if not self._world.wanders:
            total = total + _transient(
                self.factors.rng("transient", listed.contract.con_id, *part), traits, part
            )
        mid: Floats = np.exp(total) * (traits.level / listed.contract.min_tick)
        return mid


def _transient(rng: np.random.Generator, traits: Traits, part: Part) -> Floats:
    """Pressure of orders, gone within minutes: over seconds names follow each other less than over days."""
    count = part_slots(part) + 1 + _PRESSURE_SLOTS
    shocks = np.cumsum(rng.standard_normal(count, dtype=np.float32), dtype=np.float64)
    per_slot = (traits.own_vol_pct / 100.0) * (0.64 / _SLOTS_PER_DAY) ** 0.5
    pressure: Floats = (shocks[_PRESSURE_SLOTS:] - shocks[:-_PRESSURE_SLOTS]) * (_PRESSURE * per_slot)
    return pressure


def _quotes(rng: np.random.Generator, mid: Floats, *, base: int, activity: Floats) -> tuple[Ints, Ints]:
    """Best bid and ask around the mid: wider off hours, at random moments and after a jump."""
    edges = len(mid)
    chance = rng.random(edges, dtype=np.float32)
    spread = np.full(edges, base, dtype=np.int64)
    spread += (chance < 0.12).astype(np.int64) * max(1, base // 2)
    moves = np.abs(np.diff(mid, prepend=mid[:1]))
    spread += np.clip(0.25 * (moves - 4.0 * moves.mean()), 0.0, 4.0 * base).astype(np.int64)
    spread[1:] += (activity < 0.3) * base
    bid = np.floor(mid - 0.5 * spread + 0.5).astype(np.int64)
    bid = np.maximum(bid, 1)
    return bid, bid + spread


def _prices(
    rng: np.random.Generator, bid: Ints, ask: Ints, beyond: Floats, count: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """High, low, first and last print of every slot; reachable with the slot's number of prints.

    `beyond` is how far, in ticks, highs and lows ordinarily lie outside of first and last.
    """
    chance = rng.random((4, len(count)), dtype=np.float32)
    first = np.where(chance[0] < 0.5, ask[:-1], bid[:-1])
    last = np.where(chance[1] < 0.5, ask[1:], bid[1:])
    first = np.where(count == 1, last, first)
    reach = -np.log(1.0 - chance[2:]) * beyond
    reach = np.where(count >= 4, reach, 0.0).astype(np.int64)
    return np.maximum(first, last) + reach[0], np.maximum(np.minimum(first, last) - reach[1], 1), first, last


def _activity(calendar: str, part: Part) -> Floats:
    """Trading intensity per slot: 0 while closed, about 1 in regular hours, a U over the regular session."""
    start, slots = part_start(part), part_slots(part)
    activity = np.zeros(slots)
    end = start + slots * SLOT_S
    day = dt.date.fromordinal(part.day)
    for date in (day, day + dt.timedelta(days=1)):
        session = session_on(calendar, date)
        if session is not None and session.open < end and start < session.close:
            activity += _session_activity(slots, *(int(at - start) for at in session[:4]))
    return activity


@lru_cache(maxsize=128)
def _session_activity(slots: int, opens: int, closes: int, regular_open: int, regular_close: int) -> Floats:
    """One session's intensity over a part of `slots`; its times are seconds from the part's start."""
    at = np.arange(slots) * SLOT_S
    hours_off = np.maximum(regular_open - at, at - regular_close) / 3600.0
    quiet = _OFF_HOURS_FLOOR + 0.3 * np.exp(-np.maximum(hours_off, 0.0) / 1.5)
    where = (at - regular_open) / max(regular_close - regular_open, 1)
    busy = 0.75 + 0.9 * np.abs(2.0 * where - 1.0) ** 3
    is_regular = (at >= regular_open) & (at < regular_close)
    activity: Floats = np.where((at >= opens) & (at < closes), np.where(is_regular, busy, quiet), 0.0)
    return activity


def paths_of(instruments: Instruments, seed: int, world: World) -> Paths:
    """The paths of a market from its seed."""
    return Paths(Factors(seed, wanders=world.wanders), instruments, world=world)
