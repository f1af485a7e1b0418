"""Finds the futures that nobody named: all of the configured exchanges, the one contract of each to trade.

Questions wait behind everything else in the broker's queue. What is found goes to `Markets`, which gives data
lines as far as there are any; what has no contract to trade is told with its reason.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final, NamedTuple

from engine.api import EngineState, Level
from engine.broker.port import Broker, LinkState
from engine.domain.instrument import Instrument, SecType
from engine.domain.market import NEW_YORK
from engine.market.futures import NO_ENTRY_DAYS, by_root, candidates, known_roots, most_traded
from engine.runtime.desk import Desk
from engine.runtime.markets import Markets
from engine.runtime.selection.universe import HOUR_S, HOURS, UniverseWatch

AT_ONCE: Final = 4
"""Questions of ours that are out at the same time: others have some, too."""
RETRY_S: Final = 300.0
"""Real seconds before an exchange that did not answer is asked again."""
NAMED: Final = 10
"""Instruments that one line names."""


class Found(NamedTuple):
    """One future with a contract to trade."""

    symbol: str
    contract: Instrument
    value_usd: float
    """Traded in the last trading day; 0 where the broker did not tell."""


class FuturesDiscovery:
    """One per engine; a step of the regular round. Once after the start, and again on each new day."""

    def __init__(
        self,
        desk: Desk,
        *,
        broker: Broker,
        markets: Markets,
        universe: UniverseWatch,
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self._desk = desk
        self._broker = broker
        self._markets = markets
        self._universe = universe
        self._spawn = spawn
        self._asking = asyncio.Semaphore(AT_ONCE)
        self._day: date | None = None
        self._next_s = -math.inf
        self._is_looking = False

    async def round(self) -> None:
        """Begin to look where it is time; entries and orders do not wait for it."""
        desk = self._desk
        if not desk.config.universe.futures.discover or self._is_looking:
            return
        if desk.link is not LinkState.UP or desk.state is not EngineState.READY:
            return
        day, now_s = desk.now().astimezone(NEW_YORK).date(), desk.clock.monotonic()
        if day != self._day or now_s >= self._next_s:
            self._is_looking, self._day, self._next_s = True, day, now_s + RETRY_S
            self._spawn("discovery of futures", self._look)

    async def _look(self) -> None:
        """All exchanges, then each future's contract. What did not answer is asked again in a while."""
        try:
            exchanges = self._desk.config.universe.futures.exchanges
            answers = [await self._chains(exchange) for exchange in exchanges]
            chains = {symbol: chain for answer in answers for symbol, chain in answer.items()}
            judged = await asyncio.gather(*(self._choose(symbol, chain) for symbol, chain in chains.items()))
            found = [one for one in judged if one is not None]
            found.sort(key=lambda one: (-one.value_usd, one.symbol))
            with_none = sorted(set(chains) - {one.symbol for one in found})
            why = f"every contract that the broker lists ends within {NO_ENTRY_DAYS} days"
            self._universe.without_contract = dict.fromkeys(with_none, why)
            self._universe.told_usd = {one.contract.key: one.value_usd for one in found}
            self._tell(found, with_none)
            await self._markets.take_found({one.symbol: one.contract for one in found})
            if all(answers):
                self._next_s = math.inf
        finally:
            self._is_looking = False

    # --- asking -----------------------------------------------------------------------------------

    async def _ask(self, root: str, exchange: str) -> tuple[Instrument, ...] | None:
        """What the broker lists; None where it says nothing."""
        async with self._asking:
            answer = await self._broker.instruments(root, SecType.FUTURE.value, exchange)
        return answer.value if answer.ok else None

    async def _chains(self, exchange: str) -> Mapping[str, tuple[Instrument, ...]]:
        """Every future of an exchange; root by root where the broker does not list it whole."""
        listed = await self._ask("", exchange)
        if listed:
            return by_root(listed, exchange=exchange)
        roots = known_roots(exchange)
        answers = await asyncio.gather(*(self._ask(root, exchange) for root in roots))
        chains = by_root((one for answer in answers for one in answer or ()), exchange=exchange)
        if not chains:
            why = f"none of {len(roots)} known roots" if roots else "and no roots of it are known"
            text = (
                f"discovery: the broker lists no future of {exchange}, {why}; asked again in {RETRY_S:.0f} s"
            )
            self._desk.notices.event(Level.WARNING, "strategy", text)
        return chains

    async def _choose(self, symbol: str, chain: tuple[Instrument, ...]) -> Found | None:
        """Its most traded contract among those that do not end soon; None where all do."""
        near = candidates(chain, self._desk.now(), no_entry_days=NO_ENTRY_DAYS)
        values = await asyncio.gather(*map(self._value_usd, near))
        value_usd = {one.key: value for one, value in zip(near, values, strict=True)}
        chosen = most_traded(near, value_usd)
        return None if chosen is None else Found(symbol, chosen, value_usd[chosen.key])

    async def _value_usd(self, contract: Instrument) -> float:
        async with self._asking:
            answer = await self._broker.history(contract, count=HOURS[SecType.FUTURE], seconds=HOUR_S)
        bars = answer.value or () if answer.ok else ()
        return sum(bar.close * bar.volume for bar in bars) * contract.multiplier

    # --- telling ----------------------------------------------------------------------------------

    def _tell(self, found: list[Found], with_none: list[str]) -> None:
        named = ", ".join(one.contract.key for one in found[:NAMED]) + (" …" if len(found) > NAMED else "")
        text = f"discovery: {len(found)} futures, most traded first: {named or 'none'}"
        if with_none:
            text += f"; without a contract to trade: {', '.join(with_none)}"
        self._desk.notices.event(Level.INFO, "strategy", text)
