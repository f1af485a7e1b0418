"""The exchange of a run with brackets: of stop and target inside one bar it is the stop, never both."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest.account import Account
from engine.backtest.book import Book
from engine.backtest.days import Days
from engine.backtest.matching import Terms
from engine.backtest.slot import Resting, Slot
from engine.backtest.venue import Venue
from engine.domain.market import Bar, utc
from engine.domain.order import OrderType, Role, Side
from engine.risk.exposure import Holding, commitments
from tests.backtest.running import OPEN, instrument, series, setting
from tests.builders import intent
from tests.examples import examples

FIRST_S = int(OPEN.timestamp())


class Pit:
    """A bracket around an entry at market: a stop at 95, a target at 105."""

    def __init__(self) -> None:
        config = setting()
        self.slot: Slot = Days(config).slot(0, series([(100.0, 100.0, 100.0, 100.0)]), {"SPY": instrument()})
        self.account = Account(config)
        self.book = Book(config, self.account, [self.slot])
        self.venue = Venue(config, self.book)
        self.entry = self._order(1, Role.ENTRY, Side.BUY, OrderType.MARKET)
        self.stop = self._order(2, Role.STOP, Side.SELL, OrderType.STOP, stop=95.0)
        self.target = self._order(3, Role.TARGET, Side.SELL, OrderType.LIMIT, limit=105.0)
        self.stop.parent = self.target.parent = self.entry
        self.book.register(self.slot, self.entry, self.stop, self.target)
        self.venue.place(self.slot, self.entry, self.stop, self.target)
        self.number = 0

    def _order(
        self,
        seq: int,
        role: Role,
        side: Side,
        kind: OrderType,
        limit: float | None = None,
        stop: float | None = None,
    ) -> Resting:
        made = replace(
            intent("SPY", role, side), order_type=kind, limit_price=limit, stop_price=stop, ref=f"bt-{seq}"
        )
        terms = Terms(kind, side.sign, limit, stop)
        return Resting(made, terms, made.quantity, role.adds_risk, seq, made, 0)

    def play(self, first: float, high: float, low: float, last: float) -> None:
        """One bar."""
        self.number += 1
        end_s = FIRST_S + 60 * self.number
        bar = Bar("SPY", utc(end_s), first, high, low, last, 10_000, 60)
        self.venue.play(self.slot, bar, end_s * 10**9)

    def filled(self) -> list[tuple[str, Decimal]]:
        return [(f.order_ref, f.price) for f in self.book.fills]


@pytest.mark.req("PLAN-M2-EXECSIM")
def test_of_a_stop_and_a_target_inside_one_bar_the_stop_fills() -> None:
    pit = Pit()
    pit.play(100.0, 100.0, 100.0, 100.0)
    pit.play(100.0, 106.0, 94.0, 100.0)
    assert pit.filled()[1:] == [("bt-2", Decimal("95.0"))]
    assert pit.target.status == "cancelled"
    assert not pit.slot.orders


def test_a_target_that_price_goes_through_fills_and_takes_its_stop_with_it() -> None:
    pit = Pit()
    pit.play(100.0, 100.0, 100.0, 100.0)
    pit.play(100.0, 106.0, 96.0, 100.0)
    assert pit.filled()[1:] == [("bt-3", Decimal("105.0"))]
    assert pit.stop.status == "cancelled"


def test_nothing_attached_fills_before_its_entry() -> None:
    pit = Pit()
    pit.venue.cancel(pit.slot, [pit.entry], "test", at_ns=0)
    pit.play(100.0, 110.0, 90.0, 100.0)
    assert pit.filled() == []
    assert {o.status for o in (pit.entry, pit.stop, pit.target)} == {"cancelled"}


PRICES = st.integers(90, 110).map(float)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.tuples(PRICES, PRICES, PRICES, PRICES), min_size=2, max_size=8))
def test_a_bracket_never_fills_on_both_sides_and_never_turns_a_position_round(
    bars: list[tuple[float, float, float, float]],
) -> None:
    pit = Pit()
    for first, one, other, last in bars:
        pit.play(first, max(first, one, other, last), min(first, one, other, last), last)
        assert 0 <= pit.slot.quantity <= 100
        held, out = pit.slot.quantity, [order.order for order in pit.slot.orders]
        assert pit.book.commitments() == commitments([Holding("SPY", held)] if held else [], out)
    assert sum(1 for ref, _ in pit.filled() if ref in ("bt-2", "bt-3")) <= 1
    assert pit.account.cash_usd == 1_000_000 + sum(
        (f.price * f.quantity * (-1 if f.side == "BUY" else 1) for f in pit.book.fills), Decimal(0)
    )
