"""The simulated market: every instrument's ticks, quotes, depth and bars from one seed.

It keeps no history and knows no strategy: everything is recomputed from (seed, contract, 5-second slot), so
it continues anywhere at once and the past can be asked at any time. The average price of its bars is the
typical price of the 5-second slots, not the exact volume-weighted price of the prints.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Final

import numpy as np

from engine.gateway import history
from engine.gateway.calendar import ExchangeCalendar, session_on
from engine.gateway.history import Columns
from engine.gateway.instruments import Instruments, Listed
from engine.gateway.model import Contract, DepthTick, HistoryBar, MarketEvent, QuoteTick, TradeTick
from engine.gateway.synthetic_factors import (
    SLOT_S,
    Floats,
    Part,
    part_at,
    part_slots,
    part_start,
    parts_between,
)
from engine.gateway.synthetic_path import Paths, Slots, paths_of
from engine.gateway.synthetic_ticks import PriceLadder, slot_ticks
from engine.gateway.worlds import WORLDS, World

_HISTORY_YEARS = 3
_FUTURE_LISTED_DAYS = 460
_LOOK_BACK_PARTS = 24
"""How far a contract's latest quote and print are searched: six days, longer than any closure."""
_RECENT_S = 3 * 86_400
_TIME = itemgetter(0)
_MADE: Final = object()


class SyntheticMarket:
    """A `Market` that starts at an instant and goes on for ever. Same seed and instant, same events."""

    def __init__(
        self,
        instruments: Instruments,
        *,
        seed: int,
        start: float,
        world: World = WORLDS["edge"],
        paths: Paths | None = None,
    ) -> None:
        """Continue the market of `seed` at `start` (epoch seconds); nothing before is replayed.

        Markets of the same instruments, seed and world may share their `paths`.
        """
        self._instruments = instruments
        self._paths = paths or paths_of(instruments, seed, world)
        self._factors = self._paths.factors
        self._calendar = ExchangeCalendar()
        self._listed: dict[int, Listed] = {}
        self._contracts: dict[int, Contract] = {}
        self._ladders: dict[int, PriceLadder] = {}
        self._closes: dict[tuple[int, dt.date], float] = {}
        self.seek(start)

    # --- the clock --------------------------------------------------------------------------------

    def seek(self, at: float) -> None:
        """Jump to an instant: events up to it are not returned, the state is the one they leave."""
        self._now = at
        self._quotes: dict[int, QuoteTick] = {}
        self._depths: dict[int, DepthTick] = {}
        self._trades: dict[int, TradeTick] = {}
        self._looked: set[int] = set()
        self._pending: list[MarketEvent] = []
        self._taken = 0
        self._ahead: list[MarketEvent] = []
        self._making: Iterator[None] | None = None
        self._part = part_at(at)
        self._index = int((at - part_start(self._part)) // SLOT_S)
        self._list_contracts()
        self._generate()
        self._take(at)

    def advance(self, until: float) -> list[MarketEvent]:
        """All events with `ts <= until` not yet returned, in time order."""
        if until <= self._now:
            return []
        events = self._take(until)
        while not self._pending and self._slot_start() <= until:
            self._generate()
            events += self._take(until)
        self._now = until
        return events

    def next_time(self) -> float:
        """When the next event is due."""
        while not self._pending:
            self._generate()
        return self._pending[self._taken].ts

    def _slot_start(self) -> float:
        return part_start(self._part) + self._index * SLOT_S

    def _take(self, until: float) -> list[MarketEvent]:
        """Release pending events up to an instant and remember what they leave behind."""
        end = bisect_right(self._pending, until, lo=self._taken, key=_TIME)
        events = self._pending[self._taken : end]
        self._taken = end
        if end >= len(self._pending):
            self._pending, self._taken = [], 0
        self._remember(events)
        return events

    def _remember(self, events: Iterable[MarketEvent]) -> None:
        for event in events:
            if isinstance(event, QuoteTick):
                self._quotes[event.con_id] = event
            elif isinstance(event, DepthTick):
                self._depths[event.con_id] = event
            else:
                self._trades[event.con_id] = event

    def prepare(self) -> bool:
        """Make one contract's ticks of the slot after the pending one; False where all of them are made."""
        if self._making is None:
            self._making = self._make_ahead()
        return next(self._making, _MADE) is not _MADE

    def _make_ahead(self) -> Iterator[None]:
        """Make the ticks of the next slot in which anything is open, a contract at a time."""
        self._skip_closed()
        for listed in list(self._listed.values()):
            if self._is_tradeable(listed, self._part):
                slots = self._paths.slots(listed, self._part)
                if slots.is_open[self._index]:
                    self._ahead += self._ticks(listed, slots, self._index)
                yield
        # Here, so that the turn in which they become due only takes them.
        self._ahead.sort(key=_TIME)

    def _generate(self) -> None:
        """Let what was made ahead become pending, after making what is still missing of it."""
        while self.prepare():
            continue
        self._pending, self._taken = self._ahead, 0
        self._ahead, self._making = [], None
        self._index += 1
        if self._index >= part_slots(self._part):
            self._enter(self._part.following())

    def _enter(self, part: Part) -> None:
        self._part, self._index = part, 0
        self._list_contracts()

    def _skip_closed(self) -> None:
        """Move to the next slot in which at least one calendar is open."""
        at = self._slot_start()
        by_calendar = {contract.calendar: contract for contract in self._contracts.values()}.values()
        if any(self._calendar.session(contract, at) for contract in by_calendar):
            return
        opens = min(self._calendar.next_session(contract, at).open for contract in by_calendar)
        self._enter(part_at(opens))
        self._index = int((opens - part_start(self._part)) // SLOT_S)

    def _list_contracts(self) -> None:
        """List what the day trades; what was listed before stays known (a position may be in it)."""
        for con_id, listed in self._instruments.listing(dt.date.fromordinal(self._part.day)).items():
            if con_id not in self._listed:
                self._listed[con_id] = listed
                self._contracts[con_id] = listed.contract
                self._ladders[con_id] = PriceLadder(listed.contract)

    @staticmethod
    def _is_tradeable(listed: Listed, part: Part) -> bool:
        """False after a future's last trading day."""
        expiry = listed.contract.expiry
        return not expiry or f"{dt.date.fromordinal(part.day):%Y%m%d}" <= expiry

    def _ticks(self, listed: Listed, slots: Slots, index: int) -> list[MarketEvent]:
        con_id = listed.contract.con_id
        rng = self._factors.rng("ticks", con_id, round(slots.start / SLOT_S) + index)
        touch = listed.traits.touch_size * max(0.15, slots.share**0.5)
        return slot_ticks(
            rng, slots, index, contract=listed.contract, ladder=self._ladders[con_id], touch=touch
        )

    # --- the state --------------------------------------------------------------------------------

    @property
    def contracts(self) -> Mapping[int, Contract]:
        """Every listed contract by con_id."""
        return self._contracts

    def quote(self, con_id: int) -> QuoteTick | None:
        """The current best bid and ask; after the close the last one of the session."""
        if con_id not in self._quotes:
            self._look_back(con_id)
        return self._quotes.get(con_id)

    def depth(self, con_id: int) -> DepthTick | None:
        """The current book of ten levels."""
        if con_id not in self._depths:
            self._look_back(con_id)
        return self._depths.get(con_id)

    def last_trade(self, con_id: int) -> TradeTick | None:
        """The latest print."""
        if con_id not in self._trades:
            self._look_back(con_id)
        return self._trades.get(con_id)

    def _look_back(self, con_id: int) -> None:
        """Find what the contract's slots before the present one left: after a jump nothing was heard yet."""
        listed = self._listed.get(con_id)
        if listed is None or con_id in self._looked:
            return
        self._looked.add(con_id)
        part = part_at(self._now)
        end = int((self._now - part_start(part)) // SLOT_S)
        for _ in range(_LOOK_BACK_PARTS):
            if self._look_into(listed, part, end):
                return
            part = part.preceding()
            end = part_slots(part)

    def _look_into(self, listed: Listed, part: Part, end: int) -> bool:
        """Take quote and print from the part's last slots before `end`; True when both are known."""
        con_id = listed.contract.con_id
        slots = self._paths.slots(listed, part)
        is_open = np.flatnonzero(slots.is_open[:end])
        if len(is_open) and con_id not in self._quotes:
            for event in self._ticks(listed, slots, int(is_open[-1])):
                if isinstance(event, QuoteTick):
                    self._quotes[con_id] = event
                elif isinstance(event, DepthTick):
                    self._depths[con_id] = event
        traded = np.flatnonzero(slots.count[:end])
        if len(traded) and con_id not in self._trades:
            ticks = self._ticks(listed, slots, int(traded[-1]))
            self._trades[con_id] = [event for event in ticks if isinstance(event, TradeTick)][-1]
        return con_id in self._quotes and con_id in self._trades

    # --- the past ---------------------------------------------------------------------------------

    def previous_close(self, con_id: int) -> float:
        """Last regular price of the session before the current one. KeyError for an unlisted con_id."""
        contract = self._contracts[con_id]
        day = dt.datetime.fromtimestamp(self._now, dt.UTC).date() + dt.timedelta(days=1)
        session = None
        while session is None or session.open > self._now:
            session = session_on(contract.calendar, day)
            day -= dt.timedelta(days=1)
        key = (con_id, session.date)
        if key not in self._closes:
            before = self.bars(
                con_id, end=session.open, count=1, seconds=history.DAY_S, what="TRADES", rth=True
            )
            self._closes[key] = before[-1].close if before else 0.0
        return self._closes[key]

    def bars(
        self, con_id: int, *, end: float, count: int, seconds: int, what: str, rth: bool
    ) -> list[HistoryBar]:
        """The last `count` complete bars that end at or before `end`. KeyError for an unlisted con_id.

        What has not happened yet is never told, whatever `end` asks for.
        """
        return history.at_once(
            self.bars_gradually(con_id, end=end, count=count, seconds=seconds, what=what, rth=rth)
        )

    def bars_gradually(
        self, con_id: int, *, end: float, count: int, seconds: int, what: str, rth: bool
    ) -> history.Gradually[list[HistoryBar]]:
        """The same bars, made in portions."""
        contract = self._contracts[con_id]
        return history.bars(
            self,
            contract,
            oldest=self.head_time(con_id),
            end=min(end, self._now),
            count=count,
            seconds=seconds,
            what=what,
            rth=rth,
        )

    def head_time(self, con_id: int) -> float:
        """Start of the oldest bar: three years back for stocks, a future's listing otherwise."""
        contract = self._contracts[con_id]
        if contract.expiry:
            first = dt.date.fromisoformat(contract.expiry) - dt.timedelta(days=_FUTURE_LISTED_DAYS)
        else:
            year = dt.datetime.fromtimestamp(self._now, dt.UTC).year
            first = dt.date(year - _HISTORY_YEARS, 1, 2)
        session = None
        while session is None:
            session = session_on(contract.calendar, first)
            first += dt.timedelta(days=1)
        return session.open

    def columns(self, contract: Contract, *, start: float, end: float, what: str) -> Columns:
        """Five-second bars that begin in `[start, end)` (see `history.BarSource`)."""
        listed = self._listed[contract.con_id]
        keep = end > self._now - _RECENT_S
        pieces = []
        for part in parts_between(start, end):
            if self._is_tradeable(listed, part):
                slots = self._paths.slots(listed, part, keep=keep)
                first = max(0, round((start - slots.start) / SLOT_S))
                last = min(len(slots.count), int((end - slots.start) // SLOT_S))
                pieces.append(_columns(slots, first, last, np.float64(contract.min_tick), what))
        if not pieces:
            return history.NO_COLUMNS
        return (
            pieces[0]
            if len(pieces) == 1
            else Columns(*(np.concatenate(rows) for rows in zip(*pieces, strict=True)))
        )


def _columns(slots: Slots, first: int, last: int, tick: np.float64, what: str) -> Columns:
    """The slots `[first, last)` as prices: of prints, or of the quotes at their edges."""
    part = slice(first, last)
    if what == "TRADES":
        kept = np.flatnonzero(slots.count[part]) + first
        opened: Floats = slots.open[kept] * tick
        closed: Floats = slots.close[kept] * tick
        high: Floats = slots.high[kept] * tick
        low: Floats = slots.low[kept] * tick
    else:
        kept = np.flatnonzero(slots.is_open[part]) + first
        edges: Floats = {"BID": slots.bid, "ASK": slots.ask}.get(what, 0.5 * (slots.bid + slots.ask)) * tick
        opened, closed = edges[kept], edges[kept + 1]
        high, low = np.maximum(opened, closed), np.minimum(opened, closed)
    typical = (high + low + 2.0 * closed) / 4.0
    start = slots.start + kept * np.float64(SLOT_S)
    return Columns(start, opened, high, low, closed, slots.volume[kept], typical, slots.count[kept])
