"""Brings the traded instruments to the desk: described, subscribed, margined, warmed up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from decimal import Decimal

from engine.api import Level
from engine.api_selection import LinesRow
from engine.broker.port import Broker, Fetched, LinkState, Margin
from engine.domain.instrument import Instrument, SecType
from engine.domain.order import OrderIntent, OrderType, Role, Side, Tif
from engine.ledger.events import Described
from engine.market.catalog import Wanted, front_month, parse_symbol
from engine.market.futures import NO_ENTRY_DAYS
from engine.market.lines import LINES_EACH, LinePlan, Need, Wish, plan_lines, room_of
from engine.risk.preview import UnitCost
from engine.runtime.desk import Desk
from engine.runtime.keeping.checkpoint import Checkpoints
from engine.runtime.looking.lookout import Lookout
from engine.runtime.running import Running
from engine.runtime.selection.holes import Holes
from engine.runtime.selection.warming import Warming
from engine.runtime.trading import Trading

DESCRIBE_RETRY_S = 10.0
"""Real seconds before a contract that the broker did not describe is asked for again."""

DEPTH_ROWS = 5
"""Levels of a side that are asked for of a book."""


async def nothing_more() -> None:
    """Nothing else has to be known."""


class Markets:
    """What is traded in this session. Each step tells what it could not do and goes on with the rest."""

    def __init__(
        self,
        desk: Desk,
        broker: Broker,
        trading: Trading,
        checkpoints: Checkpoints,
        *,
        spawn: Callable[[str, Callable[[], object]], None],
        lookout: Lookout | None = None,
    ) -> None:
        """`lookout` is who looks at markets by lines that nobody trades with."""
        self._desk = desk
        self._spawn = spawn
        self._broker = broker
        self._lookout = lookout or Lookout(desk, broker=broker)
        self._trading = trading
        self._subscribed: set[str] = set()
        self._holes = Holes(desk, trading)
        self._warming = Warming(
            desk,
            broker=broker,
            trading=trading,
            checkpoints=checkpoints,
            holes=self._holes,
            wanted=self._watched,
            spawn=spawn,
        )
        self._chosen: dict[str, str] = {}
        """Configured symbol -> instrument key."""
        self._fronts: dict[str, Instrument] = {}
        """Symbol -> the contract of a future that was discovered to be the one to trade."""
        self._deep: set[str] = set()
        """Instruments whose book is subscribed."""
        self._retrying = False
        self._granted: int | None = None
        """How many instruments this connection has lines for, where they are fewer than configured."""
        self.before_ready: Callable[[], Awaitable[None]] = nothing_more
        """Finds out what else must be known before entries are possible."""

    async def prepare(self, *, data_lost: bool) -> None:
        """Describe and subscribe everything; history only for what is not warm yet."""
        if data_lost:
            self._holes.look(self._subscribed)
            self._subscribed.clear()
            self._deep.clear()
            self._lookout.lost()
            self._granted = None
            self._desk.quotes.out_of_lines.clear()
        symbols = sorted({s for r in self._trading.running for s in (*r.symbols, *r.picked, *r.discovered)})
        await asyncio.gather(*(self._describe(symbol) for symbol in symbols))
        await self.describe_held()
        for running in self._trading.running:
            self._assign(running)
        self._subscribe(first=self._held())  # the others have time until it is known who gets a line
        margins = (self.margin(i) for i in self._desk.instruments.values())
        # Bars and history last: a strategy must not spend its signal while READY waits for the rest.
        await asyncio.gather(*margins, self.before_ready())
        await self.move_lines()

    # --- describing -----------------------------------------------------------------------------

    async def _describe(self, symbol: str) -> None:
        wanted = parse_symbol(symbol)
        chain = await self._ask(wanted)
        if chain is None:
            self._ask_later(symbol)
            return
        if wanted.sec_type is SecType.FUTURE:
            front = front_month(chain, self._desk.now(), no_entry_days=NO_ENTRY_DAYS)
            instrument = self._fronts.get(symbol, front)
        else:
            instrument = chain[0] if chain else None
        if instrument is None:
            text = f"{symbol}: the broker lists no such contract; it is not traded"
            self._desk.notices.raise_alert(Level.WARNING, "unknown_instrument", text, symbol=symbol)
            return
        self._chosen[symbol] = instrument.key
        self._desk.notices.clear_alert("unknown_instrument", symbol=symbol)
        await self._keep(instrument)

    def _ask_later(self, symbol: str) -> None:
        """No answer is not "no such contract": the whole preparation is repeated for what is missing."""
        if self._retrying or symbol in self._chosen:
            return
        self._retrying = True
        self._spawn("describe again", self._prepare_again)

    async def _prepare_again(self) -> None:
        await asyncio.sleep(DESCRIBE_RETRY_S)
        self._retrying = False
        if self._desk.link is LinkState.UP:
            await self.prepare(data_lost=False)

    async def _ask(self, wanted: Wanted) -> tuple[Instrument, ...] | None:
        """What the broker lists; None where it did not answer."""
        answer = await self._broker.instruments(wanted.symbol, wanted.sec_type.value, wanted.exchange)
        if not answer.ok or answer.value is None:
            text = f"{wanted.symbol}: the broker did not describe it: {answer.error}"
            self._desk.notices.event(Level.WARNING, "link", text, symbol=wanted.symbol)
            return None
        return answer.value

    async def describe_held(self) -> None:
        """Also what is held or worked but not traded any more: it must be marked and closable."""
        held = {p.key: (p.con_id, "") for p in self._desk.books.positions()}
        held |= {o.intent.key: (o.intent.con_id, "") for o in self._desk.books.open_orders()}
        held |= {d.key: (d.con_id, d.sec_type) for d in self._desk.differences}
        for key, (con_id, sec_type) in held.items():
            await self.describe(key, con_id, sec_type)

    @property
    def watches_held(self) -> bool:
        """False where something that is held, ours or not yet explained, has no market data."""
        return self._held() <= self._subscribed

    async def watch_held(self) -> None:
        """Describe and subscribe what is held: without a price nobody can decide about it, or guard it."""
        await self.describe_held()
        self._subscribe()

    async def describe(self, key: str, con_id: int, sec_type: str = "") -> Instrument | None:
        """One contract by its key and id; None where the broker does not describe it."""
        if key not in self._desk.instruments:
            terms = self._desk.books.ledger.positions.terms(key)
            kind = sec_type or (SecType.STOCK.value if terms is None else terms.sec_type)
            is_future = kind == SecType.FUTURE.value
            # A local symbol is root, month letter and year digit: ESZ6 belongs to ES.
            wanted = (
                Wanted(key[:-2], SecType.FUTURE, "") if is_future else Wanted(key, SecType.STOCK, "SMART")
            )
            for instrument in await self._ask(wanted) or ():
                if instrument.con_id == con_id:
                    await self._keep(instrument)
        return self._desk.instruments.get(key)

    async def _keep(self, instrument: Instrument) -> None:
        self._desk.instruments[instrument.key] = instrument
        expiry = instrument.last_trade_date
        terms = Described(
            key=instrument.key,
            con_id=instrument.con_id,
            multiplier=Decimal(str(instrument.multiplier)),
            sec_type=instrument.sec_type.value,
            symbol=instrument.symbol,
            exchange=instrument.exchange,
            currency=instrument.currency,
            expiry="" if expiry is None else expiry.isoformat(),
        )
        await self._desk.books.post(terms)

    def _assign(self, running: Running) -> None:
        wanted = dict.fromkeys((*running.symbols, *running.picked, *running.discovered))
        keys = [self._chosen[s] for s in wanted if s in self._chosen]
        if set(keys) != running.keys:
            self._trading.assign(running, keys)

    async def take_found(self, found: Mapping[str, Instrument]) -> None:
        """Futures that were discovered, the most traded first: symbol -> the contract to trade.

        What is held or worked does not roll: its strategy stays with it until it is out.
        """
        busy = self._held() | {o.intent.key for o in self._desk.books.open_orders()}
        stay = {s: self._desk.instruments[key] for s, key in self._chosen.items() if key in busy}
        fronts = {symbol: stay.get(symbol, contract) for symbol, contract in found.items()}
        for symbol, instrument in fronts.items():
            self._chosen[symbol] = instrument.key
            await self._keep(instrument)
        self._fronts = fronts
        for running in self._trading.running:
            barred = {*running.symbols, *self._desk.config.risk.restricted}
            free = [s for s, i in fronts.items() if not barred & {s, i.symbol, i.key}]
            best = free[: running.from_futures]
            running.discovered = (*best, *(s for s in running.discovered if s in stay and s not in best))
            self._assign(running)
        await asyncio.gather(*map(self.margin, fronts.values()))
        await self.move_lines()

    # --- data -----------------------------------------------------------------------------------

    @property
    def subscribed(self) -> frozenset[str]:
        """Instruments that have a data line."""
        return frozenset(self._subscribed)

    @property
    def deep(self) -> frozenset[str]:
        """Instruments whose book is asked for."""
        return frozenset(self._deep)

    def _held(self) -> set[str]:
        books = self._desk.books
        return {p.key for p in books.positions()} | {d.key for d in self._desk.differences}

    def _plan(self) -> LinePlan:
        """Who gets a line: what is held, what is worked, the watch list by score, the rest by its value.

        What nobody trades any more (a scanner's pick of before) asks for none: its line is given up.
        """
        desk = self._desk
        held = self._held()
        working = {o.intent.key for o in desk.books.open_orders()}
        traded = set().union(*(running.keys for running in self._trading.running))
        values = {row.symbol: row.value_usd or 0.0 for row in desk.selection.universe}

        found = {front.key for front in self._fronts.values()}
        foreign = {finding.key for finding in desk.foreign}

        def wish(key: str) -> Wish | None:
            if key in held or key in working:
                return Wish(key, Need.HELD if key in held else Need.WORKING)
            value_usd = values.get(key, 0.0)
            setup = desk.setups.get(key)
            if setup is not None and key in traded:
                return Wish(key, Need.WATCHED, setup.score, value_usd)
            if key in traded:
                return Wish(key, Need.OTHER, value_usd=value_usd)
            if key in foreign:
                return Wish(key, Need.LEFT_ALONE)
            return Wish(key, Need.FOUND, value_usd=value_usd) if key in found else None

        return plan_lines(filter(None, map(wish, desk.instruments)), room=self._room())

    def _room(self) -> int:
        """Instruments that may have lines: by configuration, and by what the broker refused."""
        room = room_of(self._desk.config.market_data.max_lines)
        return room if self._granted is None else min(room, self._granted)

    def _refused(self) -> set[str]:
        return self._desk.quotes.out_of_lines & self._subscribed

    def _learn_room(self) -> None:
        """The broker has fewer lines than the configuration says: the least needed go without."""
        refused = self._refused()
        if refused:
            self._granted = max(1, len(self._subscribed) - len(refused))
            for key in sorted(refused):
                self._give_up(key)

    def _give_up(self, key: str) -> None:
        self._broker.unsubscribe(self._desk.instruments[key])
        self._subscribed.discard(key)
        self._deep.discard(key)
        self._desk.quotes.forget(key)
        self._trading.cool(key)
        self._lookout.given_up(key)

    def _watched(self) -> tuple[str, ...]:
        """Instruments that have a data line, the most important first."""
        return tuple(key for key in self._plan().kept if key in self._subscribed)

    async def mend(self, key: str) -> None:
        """Live bars of one instrument may have been missed: fill them in from history, or say so."""
        self._holes.look((key,))
        await self._warming.warm_all()

    def lines_moved(self) -> bool:
        """True where somebody else should have a line than those who have one."""
        return bool(self._refused()) or self._subscribed != set(self._plan().kept)

    async def move_lines(self) -> None:
        """Give up lines first, then ask for others; who gets one anew is warmed up again."""
        self._subscribe()
        await self._warming.warm_all()

    def _subscribe(self, *, first: AbstractSet[str] | None = None) -> None:
        """Make the lines those of the plan; `first` where only these may get one yet."""
        self._learn_room()
        desk, plan = self._desk, self._plan()
        for key in sorted(self._subscribed - set(plan.kept)):
            self._give_up(key)
        for key in plan.kept:
            if key not in self._subscribed and (first is None or key in first):
                self._broker.subscribe(desk.instruments[key])
                self._subscribed.add(key)
                self._trading.begin_bars(key)
        if first is None:
            self._subscribe_depth(plan.kept)
            self._tell_lines(plan)

    def _subscribe_depth(self, kept: Sequence[str]) -> None:
        """Books of the most needed futures, before them of those that somebody learns from.

        Who has one keeps it for as long as it keeps its line.
        """
        section = self._desk.config.universe.futures
        read = set().union(*(r.keys for r in self._trading.running if r.strategy.learns))
        futures = (self._desk.instruments[key] for key in kept if section.discover or key in read)
        wanted = [i for i in futures if i.sec_type is SecType.FUTURE and i.key not in self._deep]
        wanted.sort(key=lambda i: i.key not in read)
        wanted = wanted[: max(0, section.depth_lines - len(self._deep))]
        if wanted:
            self._lookout.give_way([instrument.key for instrument in wanted])
        for instrument in wanted:
            self._broker.subscribe_depth(instrument, DEPTH_ROWS)
            self._deep.add(instrument.key)

    def _tell_lines(self, plan: LinePlan) -> None:
        desk, limit = self._desk, self._desk.config.market_data.max_lines
        if self._granted is not None:
            limit = min(limit, LINES_EACH * self._granted)
        before = desk.selection.lines.left_out
        lines = LinesRow(limit, LINES_EACH * len(plan.kept), plan.left_out)
        desk.selection = replace(desk.selection, lines=lines)
        if not plan.left_out:
            desk.notices.clear_alert("data_lines")
        elif plan.left_out != before:
            named = ", ".join(plan.left_out[:10]) + (" …" if len(plan.left_out) > 10 else "")
            text = (
                f"no data line left for {len(plan.left_out)} of {len(desk.instruments)} instruments: {named}"
            )
            desk.notices.raise_alert(Level.WARNING, "data_lines", f"{text}; they are not entered")

    async def margin(self, instrument: Instrument) -> None:
        """Initial margin of one contract, asked ahead of time so that the gate never waits."""
        if instrument.sec_type is not SecType.FUTURE or self._is_only_watched(instrument.key):
            return
        answer = await self._what_if(instrument)
        if answer.ok and answer.value is not None:
            initial_usd = abs(answer.value.initial_change_usd)
            self._desk.margins[instrument.key] = initial_usd
            self._desk.heard.margin(instrument.key)
            self._desk.unit_costs[instrument.key] = UnitCost(initial_usd, answer.value.commission_usd)
            return
        if instrument.key in self._desk.margins:
            return  # it is asked for again; once it is too old the gate says so
        text = f"{instrument.key}: its margin is not known ({answer.error}); entries in it are refused"
        self._desk.notices.event(Level.WARNING, "link", text, symbol=instrument.key)

    def _is_only_watched(self, key: str) -> bool:
        """Discovered, and neither traded by a strategy nor held by anybody: nobody will need its margin."""
        if all(key != front.key for front in self._fronts.values()) or key in self._held():
            return False
        out = {o.intent.key for o in self._desk.books.open_orders()} | {f.key for f in self._desk.foreign}
        return key not in out.union(*(running.keys for running in self._trading.running))

    async def _what_if(self, instrument: Instrument) -> Fetched[Margin]:
        probe = OrderIntent(
            ref="",
            strategy="",
            key=instrument.key,
            con_id=instrument.con_id,
            role=Role.ENTRY,
            side=Side.BUY,
            quantity=1,
            order_type=OrderType.MARKET,
            tif=Tif.DAY,
            created_at=self._desk.now(),
        )
        return await self._broker.what_if(probe, instrument)
