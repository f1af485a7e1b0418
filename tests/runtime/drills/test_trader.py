"""The strategy of the drills: in once, and never again."""

from __future__ import annotations

from engine.domain.order import Intention, Side
from engine.domain.reasons import Reason
from engine.runtime.drills.trader import DrillTrader
from engine.strategy.base import StrategyView
from tests.strategy.bars import bar

FLAT = StrategyView()


def trader() -> DrillTrader:
    """One for SPY."""
    return DrillTrader.create("drill", params={}, keys=("SPY",))


def test_it_wants_its_entry_with_a_stop_until_it_is_on_its_way() -> None:
    drilled = trader()
    (first,) = drilled.on_bar(bar(0, 100.0), FLAT)
    (again,) = drilled.on_bar(bar(1, 100.0), FLAT)

    assert (first.intention, first.side, first.stop_price) == (Intention.ENTER, Side.BUY, 98.0)
    assert first.signal_id != again.signal_id, "what was refused is a new wish"
    assert drilled.on_bar(bar(2, 100.0), StrategyView(entry_working=True)) == ()


def test_once_it_has_held_it_wants_nothing_more_whoever_closes_it() -> None:
    drilled = trader()
    assert drilled.on_bar(bar(0, 100.0), StrategyView(quantity=10)) == ()
    assert drilled.on_bar(bar(1, 100.0), FLAT) == ()
    assert drilled.why_not("SPY").code is Reason.NO_SIGNAL
