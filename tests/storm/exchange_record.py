"""What the exchange itself wrote down, read from the gateway's journal by code that shares nothing with it.

The judge of every test that kills a process: neither the engine's books nor what clients were told count
here, only what was durable at the exchange. Readable while the gateway runs.
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

OURS = "ck-"
_DONE = frozenset({"Filled", "Cancelled", "Inactive"})


class Executed(NamedTuple):
    """One execution."""

    exec_id: str
    at: float
    """Exchange time, epoch seconds."""
    ref: str
    symbol: str
    signed: int
    price: float
    commission_usd: Decimal


class Span(NamedTuple):
    """A stretch of exchange time in which the stops of a symbol did not match its position."""

    symbol: str
    began: float
    ended: float | None
    """None where it still lasts."""
    units: int
    """Most units that were without a stop, or had one too many."""


@dataclass
class _Stretch:
    """A span that is still being looked at."""

    began: float
    units: int


@dataclass
class ExchangeRecord:
    """Orders, executions and holdings as the journal has them, and how well stops covered positions."""

    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    executions: list[Executed] = field(default_factory=list)
    holdings: dict[str, int] = field(default_factory=dict)
    naked: list[Span] = field(default_factory=list)
    over_covered: list[Span] = field(default_factory=list)
    number: int = 0
    """Of the last record: equal numbers mean that nothing changed at the exchange."""
    clock: float = 0.0
    _names: dict[int, str] = field(default_factory=dict)
    _bare: dict[str, _Stretch] = field(default_factory=dict)
    _over: dict[str, _Stretch] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> ExchangeRecord:
        """The record as it is on disk now; a line that is not whole yet is left out."""
        while True:
            try:
                return cls._read(folder)
            except FileNotFoundError:
                continue  # the gateway compacted its journal between the listing and the reading

    @classmethod
    def _read(cls, folder: Path) -> ExchangeRecord:
        record = cls()
        for line in _lines(folder):
            if line["n"] <= record.number and "snapshot" not in line:
                continue
            record.number = line["n"]
            record.clock = line["at"]
            if line.get("kind") != "clock":
                record._apply(line.get("snapshot", line))
        record._close_spans()
        return record

    @property
    def working(self) -> list[dict[str, Any]]:
        """Orders that are not done, oldest first."""
        return [order for order in self.orders.values() if order["status"] not in _DONE]

    def name_of(self, order: dict[str, Any]) -> str:
        """The symbol of an order."""
        return self._names[order["request"]["con_id"]]

    # --- reading --------------------------------------------------------------------------------

    def _apply(self, content: dict[str, Any]) -> None:
        for contract in content.get("contracts", ()):
            self._names[contract["con_id"]] = contract["symbol"]
        changed = content.get("orders", {})
        for order in changed.get("orders", ()):
            self.orders[order["perm_id"]] = order
        known = {execution.exec_id for execution in self.executions}
        for fill in changed.get("fills", ()):
            if fill[0] not in known:
                self.executions.append(self._executed(fill))
        account = content.get("account")
        if account is not None:
            if account["replaced"]:
                self.holdings.clear()
            self.holdings.update({self._names[row[0]]: row[1] for row in account["holdings"]})
        self._look_at_cover()

    def _executed(self, fill: list[Any]) -> Executed:
        exec_id, at, perm_id, quantity, price = fill[:5]
        request = self.orders[perm_id]["request"]
        sign = 1 if request["action"] == "BUY" else -1
        ref, symbol = request.get("order_ref", ""), self._names[request["con_id"]]
        return Executed(exec_id, at, ref, symbol, sign * quantity, price, Decimal(fill[9]))

    # --- cover ----------------------------------------------------------------------------------

    def _look_at_cover(self) -> None:
        covering: dict[str, int] = defaultdict(int)
        coming: dict[str, int] = defaultdict(int)
        for order in self.working:
            request = order["request"]
            rest = (1 if request["action"] == "BUY" else -1) * (request["quantity"] - order["filled"])
            if request["order_type"] == "STP":
                covering[self.name_of(order)] -= rest
            elif request.get("order_ref", "").endswith("-entry"):
                coming[self.name_of(order)] += rest
        for symbol in {*self.holdings, *covering, *self._bare, *self._over}:
            held, covered = self.holdings.get(symbol, 0), covering[symbol]
            sign = 1 if held > 0 or (held == 0 and covered > 0) else -1
            bare = max(0, abs(held) - max(0, covered * sign))
            over = max(0, covered * sign - abs(held) - max(0, coming[symbol] * sign))
            self._note(self._bare, self.naked, symbol, bare)
            self._note(self._over, self.over_covered, symbol, over)

    def _note(self, live: dict[str, _Stretch], ended: list[Span], symbol: str, units: int) -> None:
        stretch = live.get(symbol)
        if units and stretch is None:
            live[symbol] = _Stretch(self.clock, units)
        elif units and stretch is not None:
            stretch.units = max(stretch.units, units)
        elif stretch is not None:
            ended.append(Span(symbol, stretch.began, self.clock, stretch.units))
            del live[symbol]

    def _close_spans(self) -> None:
        for live, ended in ((self._bare, self.naked), (self._over, self.over_covered)):
            ended += [Span(symbol, s.began, None, s.units) for symbol, s in live.items()]


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    snapshot = folder / "snapshot.json"
    files = [snapshot] if snapshot.exists() else []
    for path in [*files, *sorted(folder.glob("journal-*.jsonl"))]:
        for line in path.read_bytes().split(b"\n"):
            checksum, _, body = line.partition(b" ")
            if body and checksum == b"%08x" % zlib.crc32(body):
                yield json.loads(body)
