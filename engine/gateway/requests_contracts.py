"""Requests about what is listed: details, symbol search, price grids, depth exchanges, option chains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.gateway import encode_contracts
from engine.gateway.codec import FieldReader
from engine.gateway.handler import Handler
from engine.gateway.model import Contract
from engine.gateway.parse_contracts import ContractQuery, find_all, read_contract
from engine.gateway.session import Session
from engine.gateway.venue import Venue

_NO_DEFINITION: Final = 200
_UNKNOWN_RULE: Final = 321
_HOURS_DAYS: Final = 6
_MOST_SAMPLES: Final = 16


def contract_details(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqContractDetails (9): every match and an end marker, or error 200."""
    reader.integer("version")
    request_id = reader.integer("reqId")
    query = read_contract(reader)
    found = _listed(query, venue)
    if not found:
        text = "No security definition has been found for the request"
        session.error(_NO_DEFINITION, text, request_id=request_id)
        return
    for contract in found:
        hours = venue.calendar.hours_text(contract, venue.reached, _HOURS_DAYS)
        session.send(
            encode_contracts.contract_data(
                contract, request_id=request_id, hours=hours, version=session.version
            )
        )
    session.reply(52, 1, request_id)


def _listed(query: ContractQuery, venue: Venue) -> list[Contract]:
    return find_all(query, venue.contracts.values())


def matching_symbols(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqMatchingSymbols (81): symbols that begin with the pattern, then names that contain it."""
    request_id = reader.integer("reqId")
    pattern = reader.text("pattern").strip().upper()
    stocks = sorted(
        (contract for contract in venue.contracts.values() if contract.sec_type == "STK"),
        key=lambda contract: contract.symbol,
    )
    by_symbol = [contract for contract in stocks if contract.symbol.startswith(pattern)]
    by_name = [
        contract for contract in stocks if contract not in by_symbol and pattern in contract.long_name.upper()
    ]
    found = (by_symbol + by_name)[:_MOST_SAMPLES] if pattern else []
    session.send(encode_contracts.symbol_samples(found, request_id=request_id, version=session.version))


def market_rule(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqMarketRule (91)."""
    rule_id = reader.integer("marketRuleId")
    rows = venue.market_rules.get(rule_id)
    if rows is None:
        session.error(_UNKNOWN_RULE, f"Error validating request.-'marketRule' : no rule {rule_id}")
        return
    session.send(encode_contracts.market_rule(rule_id, rows))


def depth_exchanges(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqMktDepthExchanges (82)."""
    session.send(encode_contracts.depth_exchanges(list(venue.contracts.values())))


def option_chains(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqSecDefOptParams (78): no options are listed here, so only the end marker."""
    session.reply(76, reader.integer("reqId"))


HANDLERS: Final[Mapping[int, Handler]] = {
    9: contract_details,
    78: option_chains,
    81: matching_symbols,
    82: depth_exchanges,
    91: market_rule,
}
