"""Which contracts exist, on which price grid and in which sessions: the broker's words as Instruments."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from engine.broker import ibapi
from engine.broker.convert import clean, expiry_of, key_of, number_or_none
from engine.broker.hours import parse_hours
from engine.broker.pacing import Priority
from engine.broker.port import BrokerError, Fetched
from engine.broker.retry import patiently
from engine.broker.wire import Wire
from engine.domain.instrument import Instrument, PriceStep, SecType, SessionHours

_CURRENCY: Final = "USD"


class Contracts:
    """Contract and market-rule questions of one connection; grids are asked once each."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._rules: dict[int, tuple[PriceStep, ...]] = {}
        self._one_rule_at_a_time = asyncio.Lock()
        wire.callbacks.on(
            contractDetails=wire.requests.add,
            contractDetailsEnd=wire.requests.end,
            marketRule=self._on_rule,
        )

    async def instruments(self, symbol: str, sec_type: str, exchange: str) -> Fetched[tuple[Instrument, ...]]:
        """All contracts that match; futures by expiry."""
        what = f"contract details of {symbol or 'all'} {sec_type} at {exchange or 'any exchange'}"
        asked = ibapi.Contract(symbol=symbol, secType=sec_type, exchange=exchange, currency=_CURRENCY)

        async def ask() -> list[Any]:
            number = self._wire.requests.new_id()
            return await self._wire.requests.ask(
                number, lambda: self._wire.client.reqContractDetails(number, asked), what=what
            )

        try:
            found = await patiently(ask, self._wire.settings.patience)
            instruments = [await self._instrument(details, exchange) for details in found]
        except (BrokerError, ValueError) as error:
            return Fetched(None, clean(error))
        return Fetched(tuple(sorted(instruments, key=_by_expiry)))

    async def _instrument(self, details: Any, exchange: str) -> Instrument:
        contract = details.contract
        traded_at = contract.exchange or exchange
        steps = await self._price_steps(details, traded_at)
        min_tick = number_or_none(details.minTick)
        if min_tick is None or min_tick <= 0:
            raise ValueError(f"{key_of(contract)}: minimum tick {details.minTick} is no price step")
        return Instrument(
            key=key_of(contract),
            con_id=int(contract.conId),
            symbol=clean(contract.symbol),
            sec_type=SecType(contract.secType),
            exchange=clean(traded_at),
            currency=clean(contract.currency),
            local_symbol=clean(contract.localSymbol),
            multiplier=number_or_none(contract.multiplier) or 1.0,
            min_tick=min_tick,
            price_steps=steps,
            time_zone=clean(details.timeZoneId),
            trading_hours=_hours(details.tradingHours, details.timeZoneId),
            liquid_hours=_hours(details.liquidHours, details.timeZoneId),
            last_trade_date=expiry_of(details.realExpirationDate)
            or expiry_of(contract.lastTradeDateOrContractMonth),
            primary_exchange=clean(contract.primaryExchange),
            trading_class=clean(contract.tradingClass),
            long_name=clean(details.longName),
        )

    async def _price_steps(self, details: Any, exchange: str) -> tuple[PriceStep, ...]:
        """The grid in force at this exchange: minTick alone is only the finest of all exchanges."""
        rule = rule_at(details.validExchanges, details.marketRuleIds, exchange)
        if rule is None:
            return ()
        async with self._one_rule_at_a_time:
            if rule not in self._rules:
                name = f"price grid {rule}"
                found = await self._wire.requests.ask(
                    name, lambda: self._wire.client.reqMarketRule(rule), what=name, priority=Priority.OTHER
                )
                self._rules[rule] = tuple(PriceStep(step.lowEdge, step.increment) for step in found)
        return self._rules[rule]

    def _on_rule(self, rule: int, increments: list[Any]) -> None:
        name = f"price grid {rule}"
        for increment in increments:
            self._wire.requests.add(name, increment)
        self._wire.requests.end(name)


def rule_at(valid_exchanges: str, rule_ids: str, exchange: str) -> int | None:
    """The market rule of an exchange: the two comma lists run in parallel. None where there is none."""
    for name, rule in zip(valid_exchanges.split(","), rule_ids.split(","), strict=False):
        if name.strip() == exchange and rule.strip().isdigit():
            return int(rule)
    return None


def _hours(text: str, time_zone: str) -> tuple[SessionHours, ...]:
    """Sessions, or none where the text cannot be read: unknown hours trade nothing."""
    try:
        return parse_hours(text, time_zone)
    except ValueError:
        return ()


def _by_expiry(instrument: Instrument) -> tuple[str, str]:
    expiry = instrument.last_trade_date
    return (expiry.isoformat() if expiry else "", instrument.key)
