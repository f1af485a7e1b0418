"""The money: cash, holdings, realised and daily P&L of the one account, booked in Decimal.

A holding's cost carries its commissions (as TWS reports average cost). Stocks pay cash; futures move cash
only by what they realise and by commission, their open profit stands beside it in net liquidation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.gateway.margin import BUYING_POWER_FACTOR, NOTHING, Requirement, requirement
from engine.gateway.model import AccountView, Contract, PositionView

ZERO = Decimal(0)
_SHARE_STEP = Decimal("0.0000000001")
Marks = Callable[[int], float]
"""Price by con_id at which holdings are valued."""


@dataclass(slots=True)
class Holding:
    """One position. `basis` is signed: what was paid for a long, minus what a short brought in."""

    con_id: int
    quantity: int = 0
    basis: Decimal = ZERO
    """Price times quantity times multiplier of what is still held, without commission."""
    fees: Decimal = ZERO
    """Commissions inside the cost of what is still held."""
    realized: Decimal = ZERO
    """Realised today, net of commission."""
    day_value: Decimal = ZERO
    """Market value when the day began."""
    day_flow: Decimal = ZERO
    """Spent on the position today (negative = received), commission included."""

    @property
    def cost(self) -> Decimal:
        """Signed cost including commission."""
        return self.basis + self.fees

    def take_out(self, quantity: int) -> tuple[Decimal, Decimal]:
        """Remove `quantity` (unsigned) units; the basis and the fees that leave with them."""
        if quantity == abs(self.quantity):
            basis, fees = self.basis, self.fees
        else:
            share = Decimal(quantity) / abs(self.quantity)
            basis = (self.basis * share).quantize(_SHARE_STEP)
            fees = (self.fees * share).quantize(_SHARE_STEP)
        self.quantity -= quantity if self.quantity > 0 else -quantity
        self.basis -= basis
        self.fees -= fees
        return basis, fees


class Account:
    """Cash and holdings; `book` is the only way a fill reaches them."""

    def __init__(self, *, name: str, cash: Decimal, contracts: Mapping[int, Contract]) -> None:
        self.name = name
        self.cash = cash
        self.day = ""
        self.previous_equity = cash
        self._contracts = contracts
        self._holdings: dict[int, Holding] = {}
        self._changed: set[int] = set()
        self._dirty = True
        self._replaced = False

    # --- booking ---

    def book(self, con_id: int, *, signed: int, price: float, commission: Decimal) -> Decimal | None:
        """Book a fill (`signed` > 0 bought); what it realised net of commission, None where it only opened.

        A fill through zero is split: its commission goes to the closing and the opening part by size.
        """
        contract = self._contracts[con_id]
        held = self._holdings.setdefault(con_id, Holding(con_id))
        unit = Decimal(str(price)) * contract.multiplier
        closing = min(abs(held.quantity), abs(signed)) if held.quantity * signed < 0 else 0
        closing_fee = (commission * closing / abs(signed)).quantize(_SHARE_STEP)
        side = 1 if signed > 0 else -1
        gross, realized = ZERO, None
        if closing:
            basis, fees = held.take_out(closing)
            gross = -(unit * closing * side) - basis
            realized = gross - fees - closing_fee
            held.realized += realized
        opening = abs(signed) - closing
        held.quantity += opening * side
        held.basis += unit * opening * side
        held.fees += commission - closing_fee
        held.day_flow += unit * signed + commission
        self.cash += (gross if contract.sec_type == "FUT" else -unit * signed) - commission
        self._changed.add(con_id)
        self._dirty = True
        return realized

    def start(self, day: str) -> None:
        """Name the first day; nothing rolls."""
        self.day = day
        self._dirty = True

    def settle_expired(self, day: str, marks: Marks) -> None:
        """Close futures that expired before `day` in cash at their last mark, free of commission."""
        for held in list(self._holdings.values()):
            expiry = self._contracts[held.con_id].expiry
            if held.quantity and expiry and expiry < day.replace("-", ""):
                price = marks(held.con_id)
                self.book(held.con_id, signed=-held.quantity, price=price, commission=ZERO)

    def roll(self, day: str, marks: Marks) -> None:
        """Begin a new day: today's P&L is measured from the equity and values at `marks`."""
        self._holdings = {key: held for key, held in self._holdings.items() if held.quantity}
        for held in self._holdings.values():
            held.realized = held.day_flow = ZERO
            held.day_value = self._value(held, marks(held.con_id))
        self.previous_equity = self._equity(marks)
        self.day = day
        self._dirty = self._replaced = True

    # --- asking ---

    def quantity(self, con_id: int) -> int:
        """Units held, negative = short, 0 where none."""
        held = self._holdings.get(con_id)
        return held.quantity if held is not None else 0

    def held(self) -> list[int]:
        """Contracts with a position now."""
        return [held.con_id for held in self._holdings.values() if held.quantity]

    def day_mark(self, con_id: int) -> float:
        """The price the day began with for a holding; its cost where it was opened today; 0.0 without one."""
        held = self._holdings.get(con_id)
        if held is None or not held.quantity:
            return 0.0
        units = held.quantity * self._contracts[con_id].multiplier
        return float((held.day_value or held.basis) / units)

    def equity(self, marks: Marks) -> float:
        """Net liquidation value at `marks`."""
        return float(self._equity(marks))

    def margin(self, marks: Marks) -> Requirement:
        """Margin of what is held."""
        total = NOTHING
        for held in self._holdings.values():
            contract = self._contracts[held.con_id]
            total = total.plus(requirement(contract, quantity=held.quantity, price=marks(held.con_id)))
        return total

    def view(self, marks: Marks) -> AccountView:
        """The account as sessions report it; positions closed today stay with quantity 0 until midnight."""
        positions = tuple(self._position(held, marks(held.con_id)) for held in self._holdings.values())
        margin, equity = self.margin(marks), self.equity(marks)
        stocks = [p for p in positions if self._contracts[p.con_id].sec_type != "FUT"]
        return AccountView(
            account=self.name,
            cash=float(self.cash),
            net_liquidation=equity,
            gross_position_value=sum(abs(p.market_value) for p in stocks),
            initial_margin=margin.initial,
            maintenance_margin=margin.maintenance,
            available_funds=equity - margin.initial,
            excess_liquidity=equity - margin.maintenance,
            buying_power=max(0.0, equity - margin.initial) * BUYING_POWER_FACTOR,
            realized_pnl=float(sum((held.realized for held in self._holdings.values()), ZERO)),
            unrealized_pnl=sum(p.unrealized_pnl for p in positions),
            daily_pnl=float(self._equity(marks) - self.previous_equity),
            positions=positions,
            previous_equity=float(self.previous_equity),
        )

    def _position(self, held: Holding, mark: float) -> PositionView:
        value = self._value(held, mark)
        return PositionView(
            con_id=held.con_id,
            quantity=held.quantity,
            average_cost=float(held.cost / held.quantity) if held.quantity else 0.0,
            market_price=mark,
            market_value=float(value),
            unrealized_pnl=float(value - held.cost),
            realized_pnl=float(held.realized),
            daily_pnl=float(value - held.day_value - held.day_flow),
        )

    def _value(self, held: Holding, mark: float) -> Decimal:
        return Decimal(str(mark)) * held.quantity * self._contracts[held.con_id].multiplier

    def _equity(self, marks: Marks) -> Decimal:
        total = self.cash
        for held in self._holdings.values():
            value = self._value(held, marks(held.con_id))
            total += value - held.basis if self._contracts[held.con_id].sec_type == "FUT" else value
        return total

    # --- journal ---

    def collect(self) -> dict[str, Any]:
        """What changed since the last call, as JSON values; empty where nothing did."""
        if not self._dirty:
            return {}
        holdings = [h for key, h in self._holdings.items() if self._replaced or key in self._changed]
        record = self._record(holdings) | {"replaced": self._replaced}
        self._changed, self._dirty, self._replaced = set(), False, False
        return record

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return self._record(list(self._holdings.values())) | {"replaced": True}

    def _record(self, holdings: list[Holding]) -> dict[str, Any]:
        return {
            "name": self.name,
            "cash": str(self.cash),
            "day": self.day,
            "previous_equity": str(self.previous_equity),
            "holdings": [
                [held.con_id, held.quantity]
                + [str(v) for v in (held.basis, held.fees, held.realized, held.day_value, held.day_flow)]
                for held in holdings
            ],
        }

    def restore(self, record: dict[str, Any]) -> None:
        """Apply what `collect` or `dump` gave."""
        self.name = record["name"]
        self.cash = Decimal(record["cash"])
        self.day = record["day"]
        self.previous_equity = Decimal(record["previous_equity"])
        if record["replaced"]:
            self._holdings = {}
        for con_id, quantity, *money in record["holdings"]:
            self._holdings[con_id] = Holding(con_id, quantity, *(Decimal(text) for text in money))
        self._dirty = False
