"""The whole picture of the account: every list up to its End marker, or the name of the one that failed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

from engine.broker import ibapi
from engine.broker.convert import clean, position_of
from engine.broker.orders import COMPLETED_ORDERS, OPEN_ORDERS, Orders
from engine.broker.pacing import Priority
from engine.broker.port import (
    AccountValue,
    BrokerOrder,
    BrokerPosition,
    BrokerState,
    Execution,
    OrderClaim,
)
from engine.broker.retry import patiently
from engine.broker.wire import Wire
from engine.domain.market import utc

_POSITIONS: Final = "positions"
_VALUES: Final = "account values"
KIND_FIGURE: Final = "GatewayKind"


class Account:
    """Account questions of one connection."""

    def __init__(self, wire: Wire, orders: Orders) -> None:
        self._wire = wire
        self._orders = orders
        self._values: dict[tuple[str, str], AccountValue] = {}
        self._one_at_a_time = asyncio.Lock()
        wire.callbacks.on(
            updateAccountValue=self._on_value,
            accountDownloadEnd=lambda _account: wire.requests.end(_VALUES),
            position=self._on_position,
            positionEnd=lambda: wire.requests.end(_POSITIONS),
        )

    async def subscribe_values(self, account: str) -> None:
        """Ask for the account's figures, which go on updating; raises BrokerError where none come.

        Asked again, the broker tells all of them once more, whether they changed or not.
        """
        client = self._wire.client
        await self._wire.requests.ask(
            _VALUES,
            lambda: client.reqAccountUpdates(True, account),
            what=f"figures of account {account}",
            priority=Priority.CONTROL,
        )

    def figure(self, key: str) -> str:
        """The latest value of one figure; empty where the broker never named it."""
        return next((value.value for (name, _), value in self._values.items() if name == key), "")

    async def state(self) -> BrokerState:
        """One complete picture. Raises BrokerError naming the first part that failed."""
        async with self._one_at_a_time:
            # Asked again, it is asked again whole: the picture's parts should be of one moment.
            answers = await patiently(self._ask_all, self._wire.settings.patience)
        return self._picture(*answers)

    async def _ask_all(self) -> list[list[Any]]:
        client = self._wire.client
        number = self._wire.requests.new_id()
        everything = ibapi.ExecutionFilter()
        parts = await asyncio.gather(
            self._ask(_POSITIONS, client.reqPositions, _POSITIONS),
            self._ask(OPEN_ORDERS, client.reqAllOpenOrders, OPEN_ORDERS),
            self._ask(COMPLETED_ORDERS, lambda: client.reqCompletedOrders(False), COMPLETED_ORDERS),
            self._ask(number, lambda: client.reqExecutions(number, everything), "executions of today"),
            return_exceptions=True,
        )
        answers: list[list[Any]] = []
        for part in parts:
            if isinstance(part, BaseException):
                raise part
            answers.append(part)
        return answers

    async def _ask(self, key: int | str, write: Any, what: str) -> list[Any]:
        return await self._wire.requests.ask(key, write, what=what, priority=Priority.CONTROL)

    def _picture(
        self,
        positions: list[BrokerPosition],
        working: list[BrokerOrder | OrderClaim],
        completed: list[BrokerOrder],
        executions: list[Execution],
    ) -> BrokerState:
        account = self._wire.account
        latest = {(position.account, position.con_id): position for position in positions}
        unique = {execution.fill.exec_id: execution for execution in executions}
        heard = (self._orders.commission(exec_id) for exec_id in unique)
        return BrokerState(
            positions=tuple(p for p in latest.values() if p.account == account and p.quantity != 0),
            open_orders=merged_orders(working),
            completed_orders=tuple({order.claim.perm_id: order for order in completed}.values()),
            executions=tuple(unique.values()),
            commissions=tuple(commission for commission in heard if commission is not None),
            values=tuple(self._values.values()),
            at=utc(self._wire.exchange_now()),
        )

    def _on_value(self, key: str, value: str, currency: str, account: str) -> None:
        figure = AccountValue(clean(key), clean(value), clean(currency), clean(account))
        if figure.account in (self._wire.account, ""):
            self._values[figure.key, figure.currency] = figure
            self._wire.emit(figure)

    def _on_position(self, account: str, contract: Any, quantity: float, average_cost: float) -> None:
        position = position_of(account, contract, quantity, average_cost)
        self._wire.requests.add(_POSITIONS, position)
        if position.account == self._wire.account:
            self._wire.emit(position)


_DONE: Final = frozenset({"Filled", "Cancelled", "ApiCancelled"})


def merged_orders(answers: Iterable[BrokerOrder | OrderClaim]) -> tuple[BrokerOrder, ...]:
    """Open orders from their descriptions and the statuses between them: the latest word of each wins.

    An order that ended while the list was read is no longer open.
    """
    found: OrderedDict[tuple[int, int, int], BrokerOrder] = OrderedDict()
    for answer in answers:
        claim = answer.claim if isinstance(answer, BrokerOrder) else answer
        identity = (claim.client_id, claim.order_id, claim.perm_id)
        if isinstance(answer, BrokerOrder):
            found[identity] = answer
        elif identity in found:
            found[identity] = found[identity]._replace(claim=claim)
    return tuple(order for order in found.values() if order.claim.status not in _DONE)
