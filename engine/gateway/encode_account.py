"""Account, portfolio, position and P&L messages, and the account's values by TWS's names."""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.gateway.codec import message
from engine.gateway.model import AccountView, Contract, PositionView
from engine.gateway.wire_text import contract_columns

GATEWAY_KIND_KEY: Final = "GatewayKind"
GATEWAY_KIND: Final = "cockpit-embedded"
"""How the gateway names itself on the wire: a client that reads it never takes it for a real TWS."""
_BASE: Final = "USD"


class AccountValue(NamedTuple):
    """One account value: TWS's key, the text and its currency (empty where it has none)."""

    key: str
    value: str
    currency: str


def account_values(view: AccountView) -> list[AccountValue]:
    """Every value reqAccountUpdates and accountUpdateMulti report."""
    return [*_identity(view), *(AccountValue(key, f"{value:.2f}", _BASE) for key, value in _money(view))]


def _identity(view: AccountView) -> list[AccountValue]:
    equity = view.net_liquidation
    cushion = view.excess_liquidity / equity if equity > 0 else 0.0
    leverage = view.gross_position_value / equity if equity > 0 else 0.0
    plain = (
        ("AccountCode", view.account),
        ("AccountReady", "true"),
        ("AccountType", "INDIVIDUAL"),
        (GATEWAY_KIND_KEY, GATEWAY_KIND),
        ("Cushion", f"{cushion:.6f}"),
        ("DayTradesRemaining", "-1"),
        ("Leverage-S", f"{leverage:.2f}"),
    )
    values = [AccountValue(key, text, "") for key, text in plain]
    return [*values, AccountValue("Currency", _BASE, _BASE)]


def _money(view: AccountView) -> list[tuple[str, float]]:
    return [
        ("AvailableFunds", view.available_funds),
        ("BuyingPower", view.buying_power),
        ("CashBalance", view.cash),
        ("EquityWithLoanValue", view.net_liquidation),
        ("ExcessLiquidity", view.excess_liquidity),
        ("FullAvailableFunds", view.available_funds),
        ("FullExcessLiquidity", view.excess_liquidity),
        ("FullInitMarginReq", view.initial_margin),
        ("FullMaintMarginReq", view.maintenance_margin),
        ("GrossPositionValue", view.gross_position_value),
        ("InitMarginReq", view.initial_margin),
        ("MaintMarginReq", view.maintenance_margin),
        ("NetLiquidation", view.net_liquidation),
        ("NetLiquidationByCurrency", view.net_liquidation),
        ("PreviousDayEquityWithLoanValue", view.previous_equity),
        ("RealizedPnL", view.realized_pnl),
        ("SettledCash", view.cash),
        ("TotalCashBalance", view.cash),
        ("TotalCashValue", view.cash),
        ("UnrealizedPnL", view.unrealized_pnl),
    ]


def account_value(value: AccountValue, *, account: str) -> bytes:
    """accountValue (6)."""
    return message(6, 2, value.key, value.value, value.currency, account)


def account_update_multi(value: AccountValue, *, request_id: int, account: str, model_code: str) -> bytes:
    """accountUpdateMulti (73)."""
    return message(73, 1, request_id, account, model_code, value.key, value.value, value.currency)


def account_summary(value: AccountValue, *, request_id: int, account: str) -> bytes:
    """accountSummary (63)."""
    return message(63, 1, request_id, account, value.key, value.value, value.currency)


def portfolio(view: PositionView, contract: Contract, *, account: str) -> bytes:
    """updatePortfolio (7); its exchange column is the primary exchange."""
    return message(
        7,
        8,
        *contract_columns(contract, exchange=contract.primary_exchange or contract.exchange),
        view.quantity,
        view.market_price,
        view.market_value,
        view.average_cost,
        view.unrealized_pnl,
        view.realized_pnl,
        account,
    )


def position(contract: Contract, *, quantity: int, average_cost: float, account: str) -> bytes:
    """position (61). TWS names the listing exchange of a stock and none for a future."""
    exchange = contract.primary_exchange if contract.sec_type == "STK" else ""
    return message(61, 3, account, *contract_columns(contract, exchange=exchange), quantity, average_cost)


def pnl(view: AccountView, *, request_id: int) -> bytes:
    """pnl (94) of the whole account."""
    return message(94, request_id, view.daily_pnl, view.unrealized_pnl, view.realized_pnl)


def pnl_single(view: PositionView | None, *, request_id: int) -> bytes:
    """pnlSingle (95); zeros where nothing is held."""
    if view is None:
        return message(95, request_id, 0, 0, 0, 0, 0)
    return message(
        95,
        request_id,
        view.quantity,
        view.daily_pnl,
        view.unrealized_pnl,
        view.realized_pnl,
        view.market_value,
    )
