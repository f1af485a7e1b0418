"""Makes a model anew from what was written down: the record is the truth, a snapshot only spares the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.learning.judge import Label
from engine.learning.outcomes import Decision
from engine.learning.trader import ContractTrader


class Decided(NamedTuple):
    """A decision was taken."""

    number: int
    at: float
    features: Mapping[str, float]
    cost: float
    mid: float
    drawdown: float
    opens_at: float
    """When its session began; NaN where it was not known."""


class Moved(NamedTuple):
    """A decision's label became due."""

    number: int
    ticks: float
    lost: bool


class Paid(NamedTuple):
    """A decision's shadow trade ended."""

    number: int
    net_ticks: float
    worst_ticks: float
    slippage_ticks: float


class Forgot(NamedTuple):
    """What was under way has no known outcome."""


Event = Decided | Moved | Paid | Forgot


def replay(trader: ContractTrader, events: Iterable[Event]) -> None:
    """Bring a trader, fresh or restored, to where it was after these events. What it waits for is dropped.

    Outcomes of decisions that are in neither are left out.
    """
    known = {one.number: one for one in trader.outcomes.waiting()}
    opens: dict[int, float] = {}
    for event in events:
        match event:
            case Decided():
                known[event.number] = _decide(trader, known.get(event.number - 1), event)
                opens[event.number] = event.opens_at
            case Moved():
                past = known.pop(event.number, None)
                if past is not None:
                    _learn(trader, past, event, opens.pop(event.number, trader.stream.opens_at))
            case Paid():
                trader.take_slippage(event.slippage_ticks)
                net = event.net_ticks - 2.0 * event.slippage_ticks
                trader.judge.book(event.number, r=net, worst_r=event.worst_ticks)
            case Forgot():
                known.clear()
                trader.judge.forget_open_decisions()
    trader.on_lost_data()


def _decide(trader: ContractTrader, before: Decision | None, event: Decided) -> Decision:
    trader.step(before, event.number, event.at, event.mid)
    claim, said = trader.judge.claim(event.number, event.features, cost=event.cost)
    trader.judge.verdict(claim, drawdown=event.drawdown)
    trader.decisions = event.number
    return Decision(event.number, event.at, event.features, said, claim.is_up, event.mid)


def _learn(trader: ContractTrader, past: Decision, event: Moved, opens_at: float) -> None:
    due = past.at + trader.settings.terms.horizon_s
    trader.judge.learn(
        Label(
            features=past.features,
            said=past.said,
            move=event.ticks,
            at=past.at,
            due=due,
            lost=event.lost,
        )
    )
    trader.tell(past, event.ticks, opens_at)
