"""The contract a client asks about, and which of the listed ones it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.gateway.codec import FieldReader
from engine.gateway.model import Contract


class ContractQuery(NamedTuple):
    """A client's contract columns; empty text and 0 mean "any"."""

    con_id: int
    symbol: str
    sec_type: str
    expiry: str
    multiplier: str
    exchange: str
    primary_exchange: str
    currency: str
    local_symbol: str
    trading_class: str

    @property
    def line(self) -> str:
        """Names the contract for log lines and pacing."""
        return f"{self.con_id or self.local_symbol or self.symbol} {self.sec_type} {self.exchange}".strip()


def read_contract(reader: FieldReader) -> ContractQuery:
    """The twelve contract columns of a client message."""
    con_id = reader.integer("conId")
    symbol = reader.text("symbol")
    sec_type = reader.text("secType")
    expiry = reader.text("lastTradeDateOrContractMonth")
    reader.skip(2, name="strike, right")
    return ContractQuery(
        con_id=con_id,
        symbol=symbol.upper(),
        sec_type=sec_type,
        expiry=expiry,
        multiplier=reader.text("multiplier"),
        exchange=reader.text("exchange"),
        primary_exchange=reader.text("primaryExchange"),
        currency=reader.text("currency"),
        local_symbol=reader.text("localSymbol").upper(),
        trading_class=reader.text("tradingClass"),
    )


def matches(query: ContractQuery, contract: Contract) -> bool:
    """Whether a listed contract answers the query."""
    if query.con_id:
        return query.con_id == contract.con_id
    wanted = (
        (query.symbol, contract.symbol),
        (query.local_symbol, contract.local_symbol.upper()),
        (query.sec_type, contract.sec_type),
        (query.currency, contract.currency),
        (query.trading_class, contract.trading_class),
    )
    if any(want and want != have for want, have in wanted):
        return False
    return _expiry_matches(query, contract) and _exchange_matches(query, contract)


def _expiry_matches(query: ContractQuery, contract: Contract) -> bool:
    if not query.expiry or contract.sec_type != "FUT":
        return True
    month_only = len(query.expiry) == 6
    return (contract.contract_month if month_only else contract.expiry) == query.expiry


def _exchange_matches(query: ContractQuery, contract: Contract) -> bool:
    listed = {contract.exchange, contract.primary_exchange, *contract.valid_exchanges}
    return all(not name or name in listed for name in (query.exchange, query.primary_exchange))


def find_all(query: ContractQuery, contracts: Iterable[Contract]) -> list[Contract]:
    """Every listed contract the query means, by symbol and expiry.

    Unlike TWS a symbol is not needed where security type and exchange are given: a leniency of the
    simulation that lets a newcomer discover the futures of an exchange.
    """
    if not (query.con_id or query.symbol or query.local_symbol or (query.sec_type and query.exchange)):
        return []
    found = [contract for contract in contracts if matches(query, contract)]
    return sorted(found, key=lambda contract: (contract.symbol, contract.expiry, contract.con_id))


def find_one(query: ContractQuery, contracts: Mapping[int, Contract]) -> Contract | str:
    """The one contract the query means, or the reason (error 200) why there is none."""
    if query.con_id:
        known = contracts.get(query.con_id)
        return known if known is not None else "No security definition has been found for the request"
    if not query.symbol and not query.local_symbol:
        return "No security definition has been found for the request"
    found = find_all(query, contracts.values())
    if not found:
        return "No security definition has been found for the request"
    if len(found) > 1:
        return "The contract description specified for the request is ambiguous"
    return found[0]
