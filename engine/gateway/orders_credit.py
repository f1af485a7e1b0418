"""Whether the account can carry an order: margin with every working order at its worst."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from engine.gateway.account import Account, Marks
from engine.gateway.commission import order_commission
from engine.gateway.margin import NOTHING, Requirement, requirement
from engine.gateway.model import Contract, OrderRequest, WhatIf
from engine.gateway.orders import BUY, Order
from engine.gateway.orders_rules import REJECTED, Refusal

MAX_WORKING = 20
"""Working orders per contract, side and account, as at IBKR."""


class Intent(NamedTuple):
    """What an order could still do to the position. Orders of one `group` are alternatives."""

    con_id: int
    action: str
    quantity: int
    group: str


class Credit:
    """Margin questions about orders; reads the account, changes nothing."""

    def __init__(self, *, contracts: Mapping[int, Contract], account: Account, marks: Marks) -> None:
        self._contracts = contracts
        self._account = account
        self._marks = marks

    def refuse(
        self, request: OrderRequest, *, working: list[Order], replaces: Order | None
    ) -> Refusal | None:
        """Why the account cannot carry the order beside those `working` (without the one it replaces)."""
        others = [order for order in working if order is not replaces]
        same = [o for o in others if (o.request.con_id, o.request.action) == (request.con_id, request.action)]
        if len(same) >= MAX_WORKING:
            return Refusal(
                REJECTED,
                f"Order rejected - reason: {MAX_WORKING} working {request.action} orders in this contract "
                "already; cancel one first.",
            )
        filled = replaces.filled if replaces is not None else 0
        held = request.parent_id != 0 and (replaces is None or not replaces.released)
        if held:
            return None
        before = self._worst(_intents(others))
        wanted = Intent(request.con_id, request.action, request.quantity - filled, request.oca_group)
        after = self._worst([*_intents(others), wanted])
        equity = self._account.equity(self._marks) - float(self._commission(request))
        if after.initial <= before.initial or after.initial <= equity:
            return None
        return Refusal(
            REJECTED,
            f"Order rejected - reason: insufficient margin. Needed {after.initial:.2f} USD with all working "
            f"orders, equity with loan value {equity:.2f} USD.",
        )

    def what_if(self, request: OrderRequest) -> WhatIf:
        """Margin and commission before and after the order alone filled at the mark."""
        before = self._account.margin(self._marks)
        after = self._holdings_with(request)
        commission = float(self._commission(request))
        return WhatIf(
            initial_before=before.initial,
            maintenance_before=before.maintenance,
            equity_before=self._account.equity(self._marks),
            initial_change=after.initial - before.initial,
            maintenance_change=after.maintenance - before.maintenance,
            equity_change=-commission,
            commission=commission,
        )

    def _holdings_with(self, request: OrderRequest) -> Requirement:
        signed = request.quantity if request.action == BUY else -request.quantity
        quantities = {con_id: self._account.quantity(con_id) for con_id in self._account.held()}
        quantities[request.con_id] = quantities.get(request.con_id, 0) + signed
        return self._total(quantities)

    def _worst(self, intents: Iterable[Intent]) -> Requirement:
        """Margin if, per contract, the worse side filled; of a group only its largest counts."""
        largest: dict[tuple[int, str, str], int] = {}
        for number, intent in enumerate(intents):
            key = (intent.con_id, intent.action, intent.group or f"#{number}")
            largest[key] = max(largest.get(key, 0), intent.quantity)
        reach = {con_id: [0, 0] for con_id in self._account.held()}
        for (con_id, action, _), quantity in largest.items():
            reach.setdefault(con_id, [0, 0])[0 if action == BUY else 1] += quantity
        worst = {}
        for con_id, (buys, sells) in reach.items():
            now = self._account.quantity(con_id)
            worst[con_id] = max(now + buys, now - sells, key=abs)
        return self._total(worst)

    def _total(self, quantities: Mapping[int, int]) -> Requirement:
        total = NOTHING
        for con_id, quantity in quantities.items():
            contract = self._contracts[con_id]
            total = total.plus(requirement(contract, quantity=quantity, price=self._marks(con_id)))
        return total

    def _commission(self, request: OrderRequest) -> Decimal:
        price = Decimal(repr(self._marks(request.con_id)))
        contract = self._contracts[request.con_id]
        return order_commission(contract, quantity=request.quantity, value=price * request.quantity)


def _intents(orders: Iterable[Order]) -> list[Intent]:
    """What open orders could still do; children that wait for their parent only ever close what it opens."""
    return [
        Intent(o.request.con_id, o.request.action, o.remaining, o.request.oca_group)
        for o in orders
        if o.released
    ]
