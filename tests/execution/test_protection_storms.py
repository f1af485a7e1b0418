"""Any order of fills, partials, closes, outside cancels, lost lines: stops cover what is held, no more."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.broker.port import BrokerEvent, LinkState
from engine.domain.order import Role
from engine.domain.plan import Plan
from engine.ledger.events import FateUnknown
from tests.examples import examples
from tests.execution.groups import Out, at_most
from tests.execution.rig import Rig
from tests.runtime.kept import Kept, kept
from tests.virtual_time import VirtualLoop, pass_time

QUIET_S = 90.0
"""Virtual seconds without faults after which everything must be in order."""


class Act(NamedTuple):
    """One thing that happens, and how long after it the next one comes."""

    name: str
    quantity: int
    pause_s: float


ACTS = st.builds(
    Act,
    st.sampled_from(
        [
            "enter", "fill entry", "end entry", "fill stop", "end stop", "fill exit", "partial", "close",
            "lose", "restore", "refuse changes", "take changes", "slow exits", "quick exits",
            "mute", "unmute", "park exit",
        ]
    ),
    st.integers(1, 100),
    st.sampled_from([0.0, 0.005, 0.015, 0.2, 3.0]),
)  # fmt: skip


def overshoot(here: Rig) -> str:
    """What the broker's own list says of exits and stops that could fill together beyond the position.

    A stop alone may be too big for a moment, when its entry has just ended: nothing else can fill then.
    """
    held = here.broker.positions.get("SPY", 0)
    orders = here.broker.open()
    if all(h.intent.role in (Role.ENTRY, Role.STOP) for h in orders):
        return ""
    out = at_most(Out(h.remaining, h.intent.oca_group) for h in orders if h.intent.role is not Role.ENTRY)
    parents = {h.parent_id for h in orders if h.intent.role is Role.STOP}
    own_rest = sum(h.remaining for h in orders if h.order_id in parents)
    return "" if out <= held + own_rest else f"{out} could be sold of {held} held and {own_rest} to come"


class World:
    """Carries acts out as they come, and looks at the broker whenever it says something."""

    def __init__(self, it: Kept) -> None:
        self.it, self.here = it, it.here
        self.broken: list[str] = []
        self.acts: list[asyncio.Task[object]] = []
        emit = it.here.broker.emit

        def watched(event: BrokerEvent) -> None:
            self.look()
            emit(event)

        it.here.broker.emit = watched
        it.here.broker.on_place = self.look

    def look(self) -> None:
        wrong = overshoot(self.here)
        if wrong:
            self.broken.append(wrong)

    async def do(self, act: Act) -> None:
        broker, key = self.here.broker, act.name
        simple: dict[str, Callable[[], None]] = {
            "fill entry": lambda: self._fill(Role.ENTRY, act.quantity),
            "fill stop": lambda: self._fill(Role.STOP, act.quantity),
            "fill exit": lambda: self._fill(Role.EXIT, act.quantity),
            "end entry": lambda: self._end(Role.ENTRY),
            "end stop": lambda: self._end(Role.STOP),
            "lose": lambda: broker.lose() if broker.link is LinkState.UP else None,
            "restore": self.restore,
            "refuse changes": lambda: setattr(broker, "refuse_changes", True),
            "take changes": lambda: setattr(broker, "refuse_changes", False),
            "slow exits": lambda: broker.unfilled.add(Role.EXIT),
            "quick exits": lambda: broker.unfilled.discard(Role.EXIT),
            "mute": lambda: setattr(broker, "mute", True),
            "unmute": lambda: setattr(broker, "mute", False),
            "park exit": self._park,
            "partial": lambda: self._begin(self.here.reduce(0.5)),
            "close": lambda: self._begin(self.here.close()),
            "enter": self._enter,
        }
        simple[key]()
        self.look()
        await pass_time(act.pause_s)

    def _begin(self, act: object) -> None:
        self.acts.append(asyncio.ensure_future(act))  # type: ignore[arg-type]  # coroutines of the rig

    def _park(self) -> None:
        """Nobody knows any more what became of the exit at work."""
        books = self.here.books
        exits = [o for o in books.open_orders("SPY") if o.intent.role is Role.EXIT]
        parked = [FateUnknown(o.intent.ref, "parked", self.here.desk.now()) for o in exits]
        if parked:
            self._begin(books.post(*parked))

    def _enter(self) -> None:
        # As the gate does: one position, no order of it under way.
        if not self.here.books.open_orders("SPY") and not self.here.books.quantity("SPY"):
            pair = self.here.bracket(plan=Plan(moves_to_breakeven=True))
            self._begin(self.here.executor.enter(pair, self.here.spy))

    def _fill(self, role: Role, quantity: int) -> None:
        # An attached stop sells what its entry has bought, not what that may still buy.
        most = self.here.broker.positions.get("SPY", 0) if role is Role.STOP else quantity
        for held in self.here.broker.open(role)[:1]:
            self.here.broker.fill(held.intent.ref, min(quantity, most))

    def _end(self, role: Role) -> None:
        for held in self.here.broker.open(role)[:1]:
            self.here.broker.end(held.intent.ref)

    def restore(self) -> None:
        self.here.broker.link = self.here.desk.link = LinkState.UP

    async def calm(self) -> None:
        """No more faults; every act comes to its end."""
        self.restore()
        self.here.broker.refuse_changes = self.here.broker.mute = False
        self.here.broker.unfilled.discard(Role.EXIT)
        # What it said to nobody, a comparison of the account hears; this rig has none.
        for held in self.here.broker.open():
            self.here.broker._say(held)
        await pass_time(1.0)
        for held in self.here.broker.open(Role.EXIT):
            self.here.broker.fill(held.intent.ref, held.remaining)  # the market trades again
        await pass_time(QUIET_S)
        await asyncio.gather(*self.acts)


async def live_through(folder: Path, acts: list[Act]) -> None:
    async with kept(folder) as it:
        world = World(it)
        for act in (Act("enter", 1, 0.2), Act("fill entry", 60, 0.2), *acts):
            await world.do(act)
        await world.calm()

        held, broker = it.here.books.quantity("SPY"), it.here.broker
        assert held == broker.positions.get("SPY", 0)
        assert world.broken == []
        assert it.here.stops_at_broker() == held
        assert broker.open(Role.EXIT) == broker.open(Role.ENTRY) == []
        assert held >= 0
        position = it.here.books.position("SPY")
        if position is not None:
            assert {h.intent.stop_price for h in broker.open(Role.STOP)} == {position.stop_price}


@pytest.mark.req("REQ-POS-005")
@settings(
    max_examples=examples(25),
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(acts=st.lists(ACTS, min_size=3, max_size=25))
def test_stops_and_exits_never_exceed_the_position_and_cover_it_in_the_end(acts: list[Act]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        runner.run(live_through(Path(folder), acts))
