"""contractData and its neighbours: what a contract is, where and when it trades, on which price grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.gateway.codec import Field, message
from engine.gateway.model import Contract

_ORDER_TYPES: Final = "ACTIVETIM,DAY,GTC,GTD,IOC,LMT,MKT,OCA,STP,STPLMT,TRAIL,WHATIF"


def contract_data(contract: Contract, *, request_id: int, hours: tuple[str, str], version: int) -> bytes:
    """contractData (10); `hours` are tradingHours and liquidHours."""
    old = version < 164
    fields: list[Field] = [
        10,
        *((8,) if old else ()),
        request_id,
        contract.symbol,
        contract.sec_type,
        _last_trade(contract),
        0,
        "",
        contract.exchange,
        contract.currency,
        contract.local_symbol,
        contract.trading_class,  # marketName
        contract.trading_class,
        contract.con_id,
        contract.min_tick,
        *((1,) if old else ()),  # mdSizeMultiplier
        contract.multiplier if contract.sec_type == "FUT" else "",
        _ORDER_TYPES,
        ",".join(_exchanges(contract)),
        1,  # priceMagnifier
        contract.under_con_id,
        contract.long_name,
        contract.primary_exchange,
        contract.contract_month,
        contract.industry,
        contract.category,
        contract.subcategory,
        contract.time_zone,
        *hours,
        "",  # evRule
        0,  # evMultiplier
        0,  # secIds
        1 if contract.sec_type == "STK" else 2_147_483_647,  # aggGroup
        contract.symbol if contract.sec_type == "FUT" else "",
        "IND" if contract.sec_type == "FUT" else "",
        ",".join(str(contract.market_rule_id) for _ in _exchanges(contract)),
        contract.expiry,
        contract.stock_type,
        *_sizes(version),
    ]
    return message(*fields)


def _exchanges(contract: Contract) -> tuple[str, ...]:
    return contract.valid_exchanges or (contract.exchange,)


def _last_trade(contract: Contract) -> str:
    return f"{contract.expiry} 08:30 {contract.time_zone}" if contract.expiry else ""


def _sizes(version: int) -> tuple[Field, ...]:
    if version >= 164:
        return (1, 1, 100)  # minSize, sizeIncrement, suggestedSizeIncrement
    return (100,) if version == 163 else ()


def symbol_samples(contracts: Sequence[Contract], *, request_id: int, version: int) -> bytes:
    """symbolSamples (79)."""
    fields: list[Field] = [79, request_id, len(contracts)]
    for contract in contracts:
        fields += [
            contract.con_id,
            contract.symbol,
            contract.sec_type,
            contract.primary_exchange or contract.exchange,
            contract.currency,
            0,  # derivative security types
        ]
        if version >= 176:
            fields += [contract.long_name, ""]
    return message(*fields)


def market_rule(rule_id: int, rows: Sequence[tuple[float, float]]) -> bytes:
    """marketRule (93): price increments from each low edge upwards."""
    return message(93, rule_id, len(rows), *(value for row in rows for value in row))


def depth_exchanges(contracts: Sequence[Contract]) -> bytes:
    """mktDepthExchanges (80): where depth is offered."""
    venues = sorted({(name, contract.sec_type) for contract in contracts for name in _exchanges(contract)})
    fields: list[Field] = [80, len(venues)]
    for name, sec_type in venues:
        fields += [name, sec_type, "", "Deep2" if sec_type == "STK" else "Deep", 2_147_483_647]
    return message(*fields)
