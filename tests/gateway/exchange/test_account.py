"""Cash, cost, realised and daily P&L, checked against sums done by hand."""

from __future__ import annotations

import pytest

from engine.gateway.model import AccountView, ExchangeEvent, Executed, PositionView
from tests.gateway.exchange.world import CASH, ScriptedMarket, World, at, reports


def account(world: World) -> AccountView:
    return world.exchange.account(now=world.now)


def position(world: World, con: int = 1) -> PositionView:
    return next(p for p in account(world).positions if p.con_id == con)


def realized(events: list[ExchangeEvent]) -> list[float | None]:
    return [e.execution.realized_pnl for e in events if isinstance(e, Executed)]


def test_a_round_trip_in_a_stock_realises_its_gain_less_both_commissions(world: World) -> None:
    opening = world.buy(400)
    world.quote(101.0, 101.02, size=500)
    closing = world.sell(400)

    assert realized(opening) == [None]
    assert realized(closing) == [pytest.approx(400 * (101.0 - 100.01) - 2.0 - 2.0)]
    assert account(world).cash == pytest.approx(CASH + 392.0)
    assert account(world).realized_pnl == account(world).daily_pnl == pytest.approx(392.0)
    assert position(world).quantity == 0


def test_average_cost_carries_the_commission_and_for_futures_the_multiplier(world: World) -> None:
    world.buy(100)
    world.buy(2, con_id=2)

    assert position(world).average_cost == pytest.approx(100.01 + 1.0 / 100)
    assert position(world, 2).average_cost == pytest.approx(5_000.25 * 50 + 2.25)
    assert account(world).cash == pytest.approx(CASH - 100 * 100.01 - 1.0 - 4.5)


def test_selling_through_zero_splits_the_fill_and_its_commission(world: World) -> None:
    world.buy(100)
    world.quote(101.0, 101.02, size=500)
    flip = world.sell(300)

    share = 1.5 / 300
    assert realized(flip) == [pytest.approx(100 * (101.0 - 100.01) - 1.0 - 100 * share)]
    assert position(world).quantity == -200
    assert position(world).average_cost == pytest.approx(101.0 - share)


def test_a_short_gains_when_the_price_falls(world: World) -> None:
    world.sell(1, con_id=2)
    world.quote(4_990.0, 4_990.25, size=20, con=2)

    assert position(world, 2).unrealized_pnl == pytest.approx((5_000 - 4_990.125) * 50 - 2.25)
    assert account(world).cash == pytest.approx(CASH - 2.25)
    assert account(world).net_liquidation == pytest.approx(CASH - 2.25 + (5_000 - 4_990.125) * 50)


def test_partial_fills_of_one_order_share_one_minimum_commission(world: World) -> None:
    world.depth([(99.99, 100)], [(100.01, 10), (100.02, 10), (100.03, 80)])

    fees = [e.execution.commission for e in world.buy(100) if isinstance(e, Executed)]

    assert fees == [1.0, 0.0, 0.0]


def test_the_commission_is_capped_at_one_percent_of_a_tiny_trade(world: World) -> None:
    world.quote(9.99, 10.0)

    (fee,) = [e.execution.commission for e in world.buy(1) if isinstance(e, Executed)]

    assert fee == 0.1


def test_margin_and_buying_power_follow_the_rates(world: World) -> None:
    world.buy(100)
    world.sell(1, con_id=2)
    world.print(100.0)

    view = account(world)

    assert view.initial_margin == pytest.approx(5_000 + 15_000)
    assert view.maintenance_margin == pytest.approx(2_500 + 13_500)
    assert view.available_funds == pytest.approx(view.net_liquidation - view.initial_margin)
    assert view.excess_liquidity == pytest.approx(view.net_liquidation - view.maintenance_margin)
    assert view.buying_power == pytest.approx(2 * view.available_funds)
    assert view.gross_position_value == pytest.approx(10_000)


def test_the_day_is_measured_from_the_mark_it_began_with(world: World) -> None:
    world.buy(100)
    world.quote(101.99, 102.01)
    world.print(102.0)
    before = account(world).net_liquidation
    world.go(at(5, 10))

    assert account(world).previous_equity == before
    assert account(world).daily_pnl == 0.0

    world.quote(100.99, 101.01)
    world.print(101.0)

    assert account(world).daily_pnl == pytest.approx(-100.0)
    assert position(world).daily_pnl == pytest.approx(-100.0)
    assert account(world).realized_pnl == 0.0


def test_a_restart_into_a_later_session_measures_the_day_from_the_close_between(world: World) -> None:
    world.buy(100)
    world.close()
    world.now = at(5, 10)
    world.market = ScriptedMarket()
    world.market.closes[1] = 105.0
    world.open()
    world.quote(106.0, 106.02, size=200)
    world.print(106.01)
    world.go(world.now)

    assert account(world).daily_pnl == pytest.approx(101.0)


def test_an_expired_future_is_settled_in_cash_at_its_last_mark(world: World) -> None:
    world.buy(1, con_id=2)
    world.now = at(4, 10) + 46 * 86_400
    world.quote(5_100.0, 5_100.25, con=2)
    world.print(5_100.0, con=2)

    world.go(at(4, 10) + 47 * 86_400)

    assert account(world).positions == ()
    assert account(world).cash == pytest.approx(CASH + (5_100.0 - 5_000.25) * 50 - 2.25)


def test_a_holding_outlives_the_listing_of_its_contract(world: World) -> None:
    world.buy(1, con_id=2)
    world.buy(1, "LMT", limit_price=4_000.0, con_id=2, tif="GTC")
    world.close()
    world.market.contracts = {1: world.market.contracts[1]}
    world.open()

    events = world.exchange.on_time(world.now)

    assert [order.completed_text for order in reports(events)] == ["its contract is no longer listed"]
    assert position(world, 2).quantity == 1
    assert position(world, 2).market_price == 5_000.25
    assert world.exchange.contracts[2].local_symbol == "ESZ4"
