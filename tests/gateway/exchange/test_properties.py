"""What holds whatever clients and market do: money, sizes, limits, groups, memory."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.gateway.model import ExchangeEvent, Executed
from tests.examples import examples
from tests.gateway.exchange.world import CASH, CONTRACTS, World, fills

Step = Callable[[World], list[ExchangeEvent]]

_TICKS = {1: 0.01, 2: 0.25}
_BASE = {1: 10_000, 2: 20_000}
_CON = st.sampled_from([1, 2])
_FEW = settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def price_of(con: int, ticks: int) -> float:
    return CONTRACTS[con].price(_BASE[con] + ticks)


@st.composite
def quotes(draw: st.DrawFn) -> Step:
    con, bid, spread = draw(_CON), draw(st.integers(-15, 15)), draw(st.integers(1, 4))
    sizes = draw(st.tuples(st.integers(0, 60), st.integers(0, 60)))
    return lambda world: world.quote(price_of(con, bid), price_of(con, bid + spread), sizes=sizes, con=con)


@st.composite
def prints(draw: st.DrawFn) -> Step:
    con, ticks = draw(_CON), draw(st.integers(-15, 15))
    size, aggressor = draw(st.integers(1, 80)), draw(st.sampled_from([-1, 0, 1]))
    return lambda world: world.print(price_of(con, ticks), size, aggressor, con=con)


@st.composite
def orders(draw: st.DrawFn) -> Step:
    con, action = draw(_CON), draw(st.sampled_from(["BUY", "SELL"]))
    kind = draw(st.sampled_from(["MKT", "LMT", "LMT", "STP", "STP LMT", "TRAIL"]))
    more: dict[str, Any] = {"con_id": con}
    if "LMT" in kind:
        more["limit_price"] = price_of(con, draw(st.integers(-15, 15)))
    if "STP" in kind:
        more["aux_price"] = price_of(con, draw(st.integers(-15, 15)))
    if kind == "TRAIL":
        more["aux_price"] = draw(st.integers(1, 8)) * _TICKS[con]
    more["tif"] = draw(st.sampled_from(["DAY", "GTC", "IOC"]))
    more["transmit"] = draw(st.sampled_from([True, True, True, False]))
    parent_back = draw(st.sampled_from([0, 0, 1, 2]))
    quantity, reuse = draw(st.integers(1, 50)), draw(st.sampled_from([0, 0, 0, 1, 2]))

    def step(world: World) -> list[ExchangeEvent]:
        known = dict(more)
        if reuse:
            known["order_id"] = max(1, world.next_id - reuse)
        elif parent_back and world.next_id > parent_back:
            known["parent_id"] = world.next_id - parent_back
        return world.place(world.request(action, quantity, kind, **known))

    return step


@st.composite
def moments(draw: st.DrawFn) -> Step:
    seconds = draw(st.sampled_from([0.0, 1.0, 1.0, 61.0, 61.0, 3_600.0, 90_000.0]))
    return lambda world: world.go(world.now + seconds)


@st.composite
def cancels(draw: st.DrawFn) -> Step:
    back = draw(st.integers(1, 6))
    return lambda world: world.cancel(max(1, world.next_id - back))


_STEP = st.one_of(quotes(), quotes(), prints(), orders(), orders(), orders(), cancels(), moments())
_STORY = st.lists(_STEP, min_size=25, max_size=60)


@contextmanager
def fresh_world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), compact_bytes=20_000)
        try:
            for con in (1, 2):
                world.quote(price_of(con, 0), price_of(con, 1), size=40, con=con)
            yield world
        finally:
            world.close()


@_FEW
@given(_STORY)
def test_cash_and_holdings_follow_from_the_fills_alone(story: list[Step]) -> None:
    with fresh_world() as world:
        booked = [e.execution for step in story for e in step(world) if isinstance(e, Executed)]

        signed: dict[int, int] = defaultdict(int)
        paid = fees = Decimal(0)
        for fill in booked:
            side = 1 if fill.action == "BUY" else -1
            signed[fill.con_id] += side * fill.quantity
            paid += side * fill.quantity * Decimal(repr(fill.price)) * CONTRACTS[fill.con_id].multiplier
            fees += Decimal(repr(fill.commission))
        account = world.exchange.dump()["account"]
        held = {row[0]: row[1] for row in account["holdings"] if row[1]}
        open_future = sum((Decimal(row[2]) for row in account["holdings"] if row[0] == 2), Decimal(0))
        assert held == {con: quantity for con, quantity in signed.items() if quantity}
        assert Decimal(account["cash"]) == Decimal(repr(CASH)) - paid - fees + open_future


@_FEW
@given(_STORY)
def test_the_parts_of_the_account_add_up(story: list[Step]) -> None:
    with fresh_world() as world:
        for step in story:
            step(world)
            view = world.exchange.account(now=world.now)
            by_position = sum(p.daily_pnl for p in view.positions)
            assert abs(view.daily_pnl - by_position) < 1e-6
            assert abs(view.net_liquidation - view.previous_equity - view.daily_pnl) < 1e-6
            booked = sum(p.realized_pnl for p in view.positions)
            assert abs(view.realized_pnl - booked) < 1e-6


@_FEW
@given(_STORY)
def test_no_order_fills_more_than_its_size_or_beyond_its_limit(story: list[Step]) -> None:
    with fresh_world() as world:
        for step in story:
            events = step(world)
            for event in events:
                if isinstance(event, Executed):
                    assert_within_limit(event)
            for view in [*world.exchange.open_orders(), *world.exchange.completed_orders()]:
                assert view.filled + view.remaining == view.request.quantity
                assert 0 <= view.filled <= view.request.quantity


def assert_within_limit(event: Executed) -> None:
    request, fill = event.execution.request, event.execution
    assert fill.quantity > 0
    if request.order_type in ("LMT", "STP LMT"):
        assert request.limit_price is not None
        worse = (
            fill.price - request.limit_price if request.action == "BUY" else request.limit_price - fill.price
        )
        assert worse <= 1e-9


@_FEW
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 50)), min_size=1, max_size=6),
    st.lists(st.tuples(st.sampled_from(["BUY", "SELL"]), st.integers(1, 80)), max_size=12),
)
def test_takers_never_get_more_than_a_level_shows(
    shown: list[tuple[int, int]], wants: list[tuple[str, int]]
) -> None:
    """All orders arrive on one unchanging book; an echo of the same book refreshes nothing."""
    book = dict(shown)
    bids = [(price_of(1, -ticks), size) for ticks, size in sorted(book.items())]
    asks = [(price_of(1, ticks), size) for ticks, size in sorted(book.items())]
    with fresh_world() as world:
        world.depth(bids, asks)
        got: dict[float, int] = defaultdict(int)
        for action, quantity in wants:
            events = world.place(world.request(action, quantity))
            events += world.depth(bids, asks)
            for event in events:
                if isinstance(event, Executed):
                    got[event.execution.price] += event.execution.quantity

        for price, size in [*bids, *asks]:
            assert got.pop(price, 0) <= size
        assert got == {}


@_FEW
@given(
    st.integers(1, 60),
    st.lists(st.integers(-6, 0), min_size=2, max_size=5),
    st.sampled_from([1, 2, 3]),
    st.lists(st.one_of(quotes(), prints()), max_size=25),
)
def test_a_group_of_equal_orders_never_fills_more_than_one_of_them(
    quantity: int, limits: list[int], kind: int, story: list[Step]
) -> None:
    with fresh_world() as world:
        filled = 0
        for ticks in limits:
            price = price_of(1, ticks)
            placed = world.buy(quantity, "LMT", limit_price=price, oca_group="g", oca_type=kind, tif="GTC")
            filled += sum(size for _, size in fills(placed))
        for step in story:
            filled += sum(e.execution.quantity for e in step(world) if isinstance(e, Executed))

        assert filled <= quantity


@_FEW
@given(st.integers(1, 60), st.lists(st.one_of(quotes(), prints(), moments()), max_size=30), st.booleans())
def test_a_bracket_never_turns_the_position_around(quantity: int, story: list[Step], cancel: bool) -> None:
    with fresh_world() as world:
        world.buy(quantity, "LMT", limit_price=price_of(1, 1), transmit=False, tif="GTC")
        world.sell(quantity, "LMT", limit_price=price_of(1, 6), parent_id=1, transmit=False, tif="GTC")
        world.sell(quantity, "TRAIL", aux_price=0.04, parent_id=1, tif="GTC")
        for step in story:
            step(world)
            assert 0 <= world.quantity() <= quantity
        assert {o.request.order_id for o in world.exchange.open_orders()} <= {1, 2, 3}


@_FEW
@given(_STORY, st.data())
def test_every_prefix_of_the_journal_gives_the_state_at_its_last_whole_line(
    story: list[Step], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as copy:
        world = World(Path(folder))
        segment = next(Path(folder).glob("journal-*"))
        states = {0: world.exchange.dump()}
        for step in story:
            step(world)
            states[segment.stat().st_size] = world.exchange.dump()
        world.close()
        content = segment.read_bytes()

        cut = data.draw(st.integers(0, len(content)))
        Path(copy, segment.name).write_bytes(content[:cut])
        again = World(Path(copy))
        state = again.exchange.dump()
        again.close()

        whole = max(size for size in states if size <= cut)
        assert state == states[whole]


@_FEW
@given(_STORY)
def test_restarts_and_snapshots_change_nothing_that_is_kept(story: list[Step]) -> None:
    with fresh_world() as world:
        for number, step in enumerate(story):
            step(world)
            before = world.exchange.dump()
            if number % 3 == 0:
                world.journal.compact(before)
            world.restart()
            assert world.exchange.dump() == before


@_FEW
@given(st.lists(st.one_of(quotes(), prints()), max_size=30), st.integers(1, 7))
def test_how_market_events_are_batched_makes_no_difference(story: list[Step], batch: int) -> None:
    with fresh_world() as recorder:
        for step in story:
            step(recorder)
        events = recorder.told

    def outcome(size: int) -> dict[str, Any]:
        with fresh_world() as world:
            world.buy(50, "LMT", limit_price=price_of(1, 0), tif="GTC")
            world.buy(50, con_id=2)
            world.sell(50, "TRAIL", aux_price=0.5, con_id=2)
            for start in range(0, len(events), size):
                world.exchange.on_market(events[start : start + size])
            return world.exchange.dump()

    assert outcome(1) == outcome(batch)


@_FEW
@given(_STORY)
def test_the_same_story_has_the_same_end(story: list[Step]) -> None:
    def tell() -> tuple[list[str], dict[str, Any]]:
        with fresh_world() as world:
            told = [repr(event) for step in story for event in step(world)]
            return told, world.exchange.dump()

    assert tell() == tell()
