"""What a screen looks at: book and tape by free lines, given back in time, and never a ground to decide."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.api import Command, CommandKind, OutcomeStatus
from engine.api_market import LOOK_LEASE_S, MarketView
from engine.broker.port import LineRefused, LinkState
from engine.domain.market import Depth, Level, Print
from engine.domain.plan import Plan
from engine.runtime.keeping.checkpoint import Checkpoints, LastState
from engine.runtime.looking.lookout import BOOK_ROWS, MOST_TAPES, Lookout
from tests.builders import quote, stock
from tests.execution.rig import Rig, rig
from tests.strategy.bars import bar
from tests.virtual_time import pass_time, virtual

KEYS = ("AMD", "QQQ", "SPY", "XYZ")


@dataclass
class Held:
    """Who has lines already."""

    subscribed: frozenset[str] = frozenset(KEYS)
    deep: frozenset[str] = frozenset()


@dataclass
class Looking:
    """A desk with four markets, and somebody who may look at them."""

    rig: Rig
    lookout: Lookout
    lines: Held
    touched: list[int] = field(default_factory=list)

    async def look(self, key: str, *, who: str = "screen 1", bar_s: float = 5) -> OutcomeStatus:
        command = Command("1", CommandKind.WATCH, target=key, value=bar_s, who=who)
        return (await self.lookout.watch(command)).status

    @property
    def asked(self) -> list[str]:
        """Books and tapes that the broker sends."""
        return sorted(self.rig.broker.subscribed)

    def shows(self, key: str) -> MarketView:
        (view,) = [view for view in self.lookout.views() if view.symbol == key]
        return view

    def book(self, key: str, *, best: float = 100.0, levels: int = BOOK_ROWS) -> Depth:
        at = self.rig.desk.now().timestamp()
        bids = tuple(Level(best - 0.01 * n, 100 + n) for n in range(levels))
        return Depth(key, bids, tuple(Level(best + 0.01 + 0.01 * n, 200 + n) for n in range(levels)), at)


@asynccontextmanager
async def looking(folder: Path) -> AsyncIterator[Looking]:
    async with rig(folder) as here:
        here.desk.link = LinkState.UP
        for key in KEYS:
            here.desk.instruments[key] = stock(key)
        lookout, lines = Lookout(here.desk, broker=here.broker), Held()
        made = Looking(here, lookout, lines)
        kept = Checkpoints(here.desk, store=here.store, running=(), last=LastState())
        lookout.attach(here.inbox, lines, kept, touch=lambda: made.touched.append(1))
        yield made


@virtual
async def test_while_nobody_looks_nothing_is_asked_for_and_nothing_is_shown(tmp_path: Path) -> None:
    async with looking(tmp_path) as here:
        await here.lookout.round()
        here.rig.inbox.on_depth(here.book("SPY"))
        here.rig.inbox.on_print(Print("SPY", 100.0, 5, 1.0))

        assert here.asked == []
        assert here.lookout.views() == ()
        assert here.touched == []
        assert here.rig.desk.quotes.depth("SPY") is not None, "a book that a strategy reads goes its way"


@virtual
async def test_a_look_brings_book_and_tape_and_no_decision_reads_them(tmp_path: Path) -> None:
    async with looking(tmp_path) as here:
        assert await here.look("SPY") is OutcomeStatus.DONE
        assert here.asked == ["SPY depth", "SPY tape"]

        here.rig.desk.quotes.on_quote(quote("SPY", at=here.rig.desk.now()))
        here.rig.inbox.on_depth(here.book("SPY"))
        held = here.rig.desk.quotes.quote("SPY")
        assert held is not None
        for price in (held.ask, held.bid, (held.ask + held.bid) / 2):
            here.rig.inbox.on_print(Print("SPY", price, 5, 1.0))

        view = here.shows("SPY")
        assert (len(view.bids), len(view.asks), view.book_text) == (BOOK_ROWS, BOOK_ROWS, "")
        assert [one.side for one in view.prints] == [0, -1, 1], "newest first"
        assert (view.bid, view.ask, view.tick) == (held.bid, held.ask, 0.01)
        assert here.rig.desk.quotes.depth("SPY") is None
        assert len(here.touched) >= 4


@virtual
async def test_a_look_that_is_not_said_again_ends_and_gives_its_lines_back(tmp_path: Path) -> None:
    async with looking(tmp_path) as here:
        await here.look("SPY")
        await pass_time(LOOK_LEASE_S - 1)
        await here.look("SPY")
        await pass_time(LOOK_LEASE_S - 1)
        await here.lookout.round()
        assert here.asked == ["SPY depth", "SPY tape"]

        await pass_time(2)
        await here.lookout.round()

        assert here.asked == []
        assert here.lookout.views() == ()


@virtual
async def test_another_market_and_looking_away_end_the_look_at_once(tmp_path: Path) -> None:
    async with looking(tmp_path) as here:
        await here.look("SPY")
        await here.look("AMD")
        assert here.asked == ["AMD depth", "AMD tape"]
        await here.look("")
        assert here.asked == []


@virtual
async def test_two_screens_see_their_own_markets_and_bars(tmp_path: Path) -> None:
    async with looking(tmp_path) as here:
        await here.look("SPY")
        await here.look("SPY", who="screen 2", bar_s=60)
        await here.look("AMD", who="screen 3", bar_s=7)

        shown = {(view.symbol, view.bar_s) for view in here.lookout.views()}
        assert shown == {("SPY", 5), ("SPY", 60), ("AMD", 5)}
        await here.look("", who="screen 2")
        assert here.asked == ["AMD depth", "AMD tape", "SPY depth", "SPY tape"]


@virtual
async def test_a_view_that_only_reads_sees_the_market_and_causes_nothing_at_the_broker(
    tmp_path: Path,
) -> None:
    async with looking(tmp_path) as here:
        await here.look("SPY", who="viewer pid 7")
        assert here.asked == []
        assert "read-only" in here.shows("SPY").book_text

        await here.look("SPY")
        assert here.shows("SPY").book_text == ""


@virtual
async def test_strategies_come_first_and_no_line_beyond_the_account_is_asked_for(tmp_path: Path) -> None:
    async with looking(tmp_path) as here:
        here.lines.deep = frozenset({"AMD", "QQQ", "XYZ"})
        await here.look("SPY")
        assert here.asked == ["SPY tape"]
        assert "no depth line is free: 3 of 3" in here.shows("SPY").book_text

        here.lines.deep = frozenset({"AMD", "QQQ"})
        await here.lookout.round()
        assert "SPY depth" in here.asked

        here.lookout.give_way(["XYZ"])
        assert "SPY depth" not in here.asked
        here.lookout.give_way(["SPY"])
        assert here.asked == ["SPY tape"]


@virtual
async def test_the_book_that_a_strategy_reads_is_shown_too(tmp_path: Path) -> None:
    async with looking(tmp_path) as here:
        here.lines.deep = frozenset({"SPY"})
        await here.look("SPY")
        here.rig.inbox.on_depth(here.book("SPY", levels=5))

        assert len(here.shows("SPY").bids) == 5
        assert here.rig.desk.quotes.depth("SPY") is not None
        assert here.asked == ["SPY tape"]


@virtual
async def test_what_the_broker_refuses_is_said_there_and_nowhere_else_and_asked_anew_at_the_next_look(
    tmp_path: Path,
) -> None:
    async with looking(tmp_path) as here:
        await here.look("SPY")
        here.rig.desk.quotes.on_quote(quote("SPY", at=here.rig.desk.now()))
        here.rig.inbox.on_broker_event(LineRefused("SPY", "book", 354, "not subscribed"))
        here.rig.inbox.on_broker_event(LineRefused("SPY", "tape", 10190, "too many"))
        await here.lookout.round()

        view = here.shows("SPY")
        assert "not subscribed (354)" in view.book_text
        assert "too many (10190)" in view.tape_text
        assert here.rig.desk.quotes.is_live("SPY"), "its prices come as before"
        assert not [event for event in here.rig.desk.notices.events if "354" in event.text]

        here.rig.inbox.on_broker_event(LineRefused("AMD", "book", 309, "no more"))
        assert [event for event in here.rig.desk.notices.events if "broker 309 (AMD)" in event.text]


@virtual
async def test_lines_that_ended_are_asked_for_again_and_none_while_the_line_is_down(tmp_path: Path) -> None:
    async with looking(tmp_path) as here:
        await here.look("SPY")
        here.rig.broker.subscribed.clear()
        here.lookout.given_up("SPY")
        here.rig.desk.link = LinkState.DOWN
        await here.lookout.round()
        assert here.asked == []
        assert "no connection" in here.shows("SPY").book_text

        here.rig.desk.link = LinkState.UP
        here.lookout.lost()
        await here.lookout.round()
        assert here.asked == ["SPY depth", "SPY tape"]


@virtual
async def test_a_market_without_a_data_line_says_so(tmp_path: Path) -> None:
    async with looking(tmp_path) as here:
        here.lines.subscribed = frozenset()
        await here.look("SPY")
        view = here.shows("SPY")
        assert here.asked == []
        assert "no data line" in view.data_text
        assert (view.quote_age_s, view.bid, view.bars) == (None, None, ())


@virtual
async def test_an_unknown_market_is_refused(tmp_path: Path) -> None:
    async with looking(tmp_path) as here:
        assert await here.look("NOPE") is OutcomeStatus.REFUSED
        assert here.lookout.views() == ()


@virtual
async def test_more_screens_than_tapes_share_what_there_is(tmp_path: Path) -> None:
    async with looking(tmp_path) as here:
        for number, key in enumerate(KEYS):
            await here.look(key, who=f"screen {number}")
        assert len([line for line in here.asked if line.endswith("tape")]) == MOST_TAPES
        assert "tapes are read already" in here.shows(KEYS[-1]).tape_text


@virtual
async def test_bars_of_the_last_hour_and_the_targets_of_what_is_held_are_shown(tmp_path: Path) -> None:
    async with looking(tmp_path) as here:
        here.lookout.bars.take([bar(n, 100.0 + n, seconds=5) for n in range(1, 40)])
        await here.rig.enter(plan=Plan(target1=104.0, target2=108.0))
        await here.look("SPY", bar_s=20)

        view = here.shows("SPY")
        assert view.targets == (104.0, 108.0)
        assert len(view.bars) >= 9
        assert view.bars[0].high >= view.bars[0].low
