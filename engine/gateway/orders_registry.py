"""Every order of the day and every id ever handed out: who owns which, and which are still open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.gateway.model import ExecutionFilter, ExecutionView
from engine.gateway.orders import Fill, Order, fill_from, fill_record, order_from, order_record
from engine.gateway.orders_session import trading_day

_FIRST_PERM_ID = 1_000_000_001
_LINEAGES = 1_000
_PERMS_PER_LINEAGE = 1_000_000
"""Keeps the ids of a fresh journal apart from those of one that was thrown away."""


class Registry:
    """Orders, executions and counters. Changes are remembered until `collect` hands them to the journal."""

    def __init__(self, *, lineage: int) -> None:
        self.lineage = lineage
        self.fills: list[Fill] = []
        self._orders: dict[int, Order] = {}
        self._open: dict[int, Order] = {}
        self._open_on: dict[int, dict[int, Order]] = {}
        self._children: dict[int, dict[int, Order]] = {}
        self._keys: dict[tuple[int, int], int] = {}
        first_perm = _FIRST_PERM_ID + lineage % _LINEAGES * _PERMS_PER_LINEAGE
        self._counts = {"perm": first_perm, "exec": 1, "priority": 1}
        self._highest: dict[int, int] = {}
        self._floor: dict[int, int] = {}
        self._changed: dict[int, Order] = {}
        self._new_fills: list[Fill] = []
        self._rolled = False
        self._day = ""

    # --- ids ---

    def take(self, counter: str) -> int:
        """The next number of `perm`, `exec` or `priority`; never handed out again."""
        number = self._counts[counter]
        self._counts[counter] = number + 1
        return number

    def next_exec_id(self) -> str:
        """A new execution id in IBKR's shape; the last part is the revision of the execution."""
        return f"{self.lineage:08x}.{self.take('exec'):08x}.01.01"

    def next_order_id(self, client_id: int) -> int:
        """One more than the highest id this client ever used."""
        return self._highest.get(client_id, 0) + 1

    def is_spent(self, client_id: int, order_id: int) -> bool:
        """True for ids of former days; today's are known by their orders."""
        return order_id <= self._floor.get(client_id, 0)

    # --- orders ---

    def add(self, order: Order) -> None:
        """Register a new order under its owner's id."""
        request = order.request
        self._put(order)
        self._highest[request.client_id] = max(self._highest.get(request.client_id, 0), request.order_id)
        self.touch(order)

    def touch(self, order: Order) -> None:
        """Note that the order changed; a done one leaves the open orders."""
        self._changed[order.perm_id] = order
        if not order.is_open:
            self._leave(order)

    def owned(self, client_id: int, order_id: int) -> Order | None:
        """The client's order of that id, open or done today."""
        perm_id = self._keys.get((client_id, order_id))
        return None if perm_id is None else self._orders.get(perm_id)

    def by_perm(self, perm_id: int) -> Order | None:
        """The order of that permanent id, open or done today."""
        return self._orders.get(perm_id)

    def open(self) -> list[Order]:
        """Orders not done, oldest first."""
        return list(self._open.values())

    def open_on(self, con_id: int) -> list[Order]:
        """Orders not done in one contract, oldest first."""
        return list(self._open_on.get(con_id, {}).values())

    def children(self, parent: Order) -> list[Order]:
        """Orders attached to a parent, open or done today."""
        return list(self._children.get(parent.perm_id, {}).values())

    def has_traded(self, oca_group: str) -> bool:
        """Whether any order of the one-cancels-all group has filled a share, open or done today."""
        return any(o.filled and o.request.oca_group == oca_group for o in self._orders.values())

    def done(self) -> list[Order]:
        """Orders done today, in the order in which they ended."""
        ended = [o for o in self._orders.values() if not o.is_open and _ended_since(o, self._day)]
        return sorted(ended, key=lambda order: (order.completed_at or 0.0, order.perm_id))

    def _put(self, order: Order) -> None:
        self._orders[order.perm_id] = order
        self._keys[order.request.client_id, order.request.order_id] = order.perm_id
        if order.parent_perm_id:
            self._children.setdefault(order.parent_perm_id, {})[order.perm_id] = order
        if order.is_open:
            self._open[order.perm_id] = order
            self._open_on.setdefault(order.request.con_id, {})[order.perm_id] = order
        else:
            self._leave(order)

    def _leave(self, order: Order) -> None:
        self._open.pop(order.perm_id, None)
        self._open_on.get(order.request.con_id, {}).pop(order.perm_id, None)
        # What ended on a former day was kept only because it bound the working parent's other children.
        for child in self.children(order):
            if not child.is_open and not _ended_since(child, self._day):
                self._forget(child)

    # --- executions ---

    def add_fill(self, fill: Fill) -> None:
        """Register an execution."""
        self.fills.append(fill)
        self._new_fills.append(fill)

    def executions(
        self, wanted: ExecutionFilter, *, symbols: dict[int, tuple[str, str]]
    ) -> list[ExecutionView]:
        """Executions that match; `symbols` tells `(symbol, sec_type)` by con_id."""
        found = (fill.view(self._orders[fill.perm_id]) for fill in self.fills)
        return [view for view in found if _matches(view, wanted, symbols[view.con_id])]

    # --- days and journal ---

    def roll(self, day: str) -> None:
        """Forget what was done before `day`; ids used until now are spent for good."""
        self._floor = dict(self._highest)
        self._rolled = True
        self._day = day
        self._forget_before(day)

    def _forget_before(self, day: str) -> None:
        """Drop what ended earlier, except the children of a working parent: they bound its other children."""
        ended = [o for o in self._orders.values() if not _ended_since(o, day)]
        old = [o for o in ended if not o.is_open and o.parent_perm_id not in self._open]
        for order in old:
            self._forget(order)
        self.fills = [fill for fill in self.fills if trading_day(fill.ts) >= day]

    def _forget(self, order: Order) -> None:
        self._orders.pop(order.perm_id, None)
        self._keys.pop((order.request.client_id, order.request.order_id), None)
        self._children.pop(order.perm_id, None)

    def collect(self) -> dict[str, Any]:
        """What changed since the last call, as JSON values; empty where nothing did."""
        if not self._changed and not self._rolled:
            return {}
        changes = self._record(self._changed.values(), self._new_fills)
        self._changed, self._new_fills, self._rolled = {}, [], False
        return changes

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return self._record(self._orders.values(), self.fills)

    def _record(self, orders: Iterable[Order], fills: list[Fill]) -> dict[str, Any]:
        return {
            "orders": [order_record(order) for order in orders],
            "fills": [fill_record(fill) for fill in fills],
            "ids": {
                "lineage": self.lineage,
                "counts": dict(self._counts),
                "highest": [[client, number] for client, number in self._highest.items()],
                "floor": [[client, number] for client, number in self._floor.items()],
            },
        }

    def restore(self, changes: dict[str, Any], *, day: str) -> None:
        """Apply what `collect` or `dump` gave; what ended before `day` is dropped."""
        for record in changes.get("orders", ()):
            self._put(order_from(record))
        self.fills.extend(fill_from(record) for record in changes.get("fills", ()))
        if (ids := changes.get("ids")) is not None:
            self.lineage = ids["lineage"]
            self._counts = dict(ids["counts"])
            self._highest = dict(ids["highest"])
            self._floor = dict(ids["floor"])
        if day != self._day:
            self._day = day
            self._forget_before(day)


def _ended_since(order: Order, day: str) -> bool:
    return order.completed_at is not None and trading_day(order.completed_at) >= day


def _matches(view: ExecutionView, wanted: ExecutionFilter, kind: tuple[str, str]) -> bool:
    symbol, sec_type = kind
    pairs = (
        (wanted.client_id, view.request.client_id),
        (wanted.account, view.request.account),
        (wanted.symbol, symbol),
        (wanted.sec_type, sec_type),
        (wanted.exchange, view.exchange),
        (wanted.action, view.action),
    )
    in_time = wanted.since is None or view.ts >= wanted.since
    return in_time and all(not asked or asked == found for asked, found in pairs)
