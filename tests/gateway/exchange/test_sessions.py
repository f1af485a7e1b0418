"""What the clock does to orders: sessions, expiry, the day."""

from __future__ import annotations

from engine.gateway.model import ExchangeEvent, ExecutionFilter, Notice, Status
from tests.gateway.exchange.world import World, at, codes, fills


def notices(events: list[ExchangeEvent]) -> list[int]:
    return [e.code for e in events if isinstance(e, Notice)]


def test_a_market_order_outside_regular_hours_is_held_with_a_warning_until_they_begin(world: World) -> None:
    world.go(at(5, 8))
    world.quote(100.0, 100.02, size=200)

    events = world.buy(100)
    held = world.order(1).status
    opened = world.go(at(5, 9, 30))

    assert notices(events) == [399]
    assert held is Status.PRE_SUBMITTED
    assert fills(opened) == [(100.02, 100)]


def test_outside_rth_is_ignored_for_a_stock_market_order(world: World) -> None:
    world.go(at(5, 8))
    world.quote(100.0, 100.02)

    assert notices(world.buy(100, outside_rth=True)) == [2109, 399]
    assert world.quantity() == 0


def test_a_limit_order_may_trade_before_the_open_only_if_it_says_so(world: World) -> None:
    world.go(at(5, 8))
    world.quote(100.0, 100.02, size=500)

    patient = world.buy(100, "LMT", limit_price=100.02)
    early = world.buy(100, "LMT", limit_price=100.02, outside_rth=True)

    assert (fills(patient), fills(early)) == ([], [(100.02, 100)])


def test_an_order_held_overnight_meets_the_opening_gap_at_the_market(world: World) -> None:
    world.buy(100, "LMT", limit_price=99.0, tif="GTC")
    world.go(at(4, 21))
    assert world.order(1).status is Status.PRE_SUBMITTED

    world.go(at(5, 9, 30))
    gap = world.quote(95.0, 95.02, size=500)

    assert fills(gap) == [(95.02, 100)]


def test_nothing_trades_against_a_quote_older_than_the_session(world: World) -> None:
    world.go(at(5, 4))

    assert fills(world.buy(100, "LMT", limit_price=101.0, outside_rth=True)) == []
    assert fills(world.quote(99.99, 100.01, size=501)) == [(100.01, 100)]


def test_a_stop_is_not_elected_outside_its_session(world: World) -> None:
    world.buy(100)
    world.sell(100, "STP", aux_price=99.0, tif="GTC")
    world.go(at(4, 17))

    world.quote(98.0, 98.1, size=500)
    assert fills(world.print(98.0)) == []
    world.go(at(5, 9, 30))
    assert fills(world.quote(98.0, 98.1, size=501)) == [(98.0, 100)]


def test_a_print_of_the_session_before_elects_nothing(world: World) -> None:
    world.go(at(4, 19, 59, 50.0))
    world.print(98.0)
    world.go(at(5, 4, 0, 5.0))
    world.quote(100.0, 100.02, size=500)

    world.sell(100, "STP LMT", aux_price=99.0, limit_price=97.0, outside_rth=True)

    assert world.order(1).status is Status.PRE_SUBMITTED
    assert world.quantity() == 0


def test_a_future_trades_through_the_night(world: World) -> None:
    world.go(at(4, 20))
    world.quote(5_000.0, 5_000.25, size=21, con=2)

    assert fills(world.buy(1, con_id=2)) == [(5_000.25, 1)]


def test_day_orders_end_at_the_close_that_is_theirs(world: World) -> None:
    world.buy(100, "LMT", limit_price=90.0)
    world.buy(100, "LMT", limit_price=90.0, outside_rth=True)
    world.buy(1, "LMT", limit_price=4_000.0, con_id=2)
    world.buy(100, "LMT", limit_price=90.0, tif="GTC")

    expired = []
    for hour in (15, 16, 17, 20):
        world.go(at(4, hour, 0, 1.0))
        expired.append(sorted(o.request.order_id for o in world.exchange.completed_orders()))

    assert expired == [[], [1], [1, 3], [1, 2, 3]]
    assert world.order(1).completed_at == at(4, 16)


def test_on_the_day_after_thanksgiving_the_stock_day_ends_at_one(world: World) -> None:
    world.go(at(29, 12))
    world.quote(100.00, 100.02)
    world.buy(100, "LMT", limit_price=90.0)
    world.go(at(29, 13, 0, 1.0))

    assert world.order(1).completed_at == at(29, 13)
    assert notices(world.buy(100)) == [399]
    assert world.order(2).status is Status.PRE_SUBMITTED


def test_a_day_order_placed_after_the_close_lives_through_the_next_session(world: World) -> None:
    world.go(at(4, 18))
    world.buy(100, "LMT", limit_price=90.0)

    world.go(at(5, 15))

    assert world.order(1).status is Status.SUBMITTED


def test_a_good_till_date_order_ends_at_its_moment(world: World) -> None:
    world.buy(100, "LMT", limit_price=90.0, tif="GTD", good_till=world.now + 60)

    world.go(world.now + 60)

    assert world.order(1).status is Status.CANCELLED
    assert codes(world.buy(1, "LMT", limit_price=90.0, tif="GTD", good_till=world.now)) == [321]


def test_one_jump_of_the_clock_does_what_many_steps_do(world: World) -> None:
    for tif in ("DAY", "GTC"):
        world.buy(100, "LMT", limit_price=90.0, tif=tif)

    world.go(at(8, 10))

    assert [o.request.order_id for o in world.exchange.open_orders()] == [2]
    assert world.order(2).status is Status.SUBMITTED


def test_executions_and_completed_orders_are_those_of_the_day(world: World) -> None:
    world.buy(100)
    assert len(world.exchange.executions(ExecutionFilter())) == 1

    world.go(at(5, 0))

    assert world.exchange.executions(ExecutionFilter()) == []
    assert world.exchange.completed_orders() == []
    assert world.quantity() == 100


def test_ids_of_former_days_stay_spent(world: World) -> None:
    world.buy(100)
    world.go(at(5, 10))

    assert codes(world.buy(100, order_id=1)) == [103]
    assert world.exchange.next_order_id(7) == 2


def test_executions_are_filtered_by_what_was_asked(world: World) -> None:
    world.buy(100)
    world.sell(40, client_id=9)

    def count(**wanted: object) -> int:
        return len(world.exchange.executions(ExecutionFilter(**wanted)))  # type: ignore[arg-type]

    assert count(client_id=9) == count(action="BUY") == 1
    assert count(symbol="ABC", sec_type="STK") == 2
    assert count(symbol="XYZ") == count(since=world.now + 1) == 0
