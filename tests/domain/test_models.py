"""The value types of the domain: their fields, types and defaults, and what they refuse to be made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, get_type_hints

import pytest

from engine.api import PnlView
from engine.domain.fill import Fill
from engine.domain.instrument import Instrument, SecType, SessionHours
from engine.domain.market import Bar, checked_bar
from engine.domain.order import Order, OrderIntent, OrderState, OrderType, Proposal, Role, Side, Tif
from engine.domain.position import Position
from engine.store.journal import EquityPoint
from tests.builders import TEN, intent, proposal, stock

pytestmark = pytest.mark.req("PLAN-M1-MODELS")

NAIVE = datetime(2026, 11, 20, 10, 0)

FIELDS: dict[type, dict[str, Any]] = {
    Bar: {
        "symbol": str,
        "end": datetime,
        "open": float,
        "high": float,
        "low": float,
        "close": float,
        "volume": int,
    },
    OrderIntent: {
        "ref": str,
        "key": str,
        "side": Side,
        "order_type": OrderType,
        "quantity": int,
        "limit_price": float | None,
        "stop_price": float | None,
        "tif": Tif,
    },
    Order: {"intent": OrderIntent, "state": OrderState, "order_id": int, "perm_id": int, "filled": int},
    Fill: {
        "order_ref": str,
        "at": datetime,
        "quantity": int,
        "price": Decimal,
        "commission": Decimal | None,
    },
    Position: {"key": str, "quantity": int, "avg_price": Decimal},
    EquityPoint: {"at": datetime, "day_usd": float, "net_liquidation_usd": float | None},
    PnlView: {
        "net_liquidation_usd": float | None,
        "realized_usd": float | None,
        "unrealized_usd": float | None,
        "fees_usd": float | None,
    },
    Instrument: {"key": str, "sec_type": SecType, "multiplier": float, "min_tick": float},
}


def _fill(**changes: Any) -> Fill:
    values: dict[str, Any] = {
        "exec_id": "e.01",
        "order_ref": "ck-1",
        "perm_id": 11,
        "key": "SPY",
        "con_id": 1,
        "side": Side.SELL,
        "quantity": 100,
        "price": Decimal("100.01"),
        "at": TEN,
    }
    return Fill(**{**values, **changes})


def _position(**changes: Any) -> Position:
    values: dict[str, Any] = {
        "key": "SPY",
        "con_id": 1,
        "quantity": -5,
        "avg_price": Decimal(100),
        "multiplier": Decimal(1),
        "owner": "ma",
        "opened_at": TEN,
    }
    return Position(**{**values, **changes})


def _bar(end: datetime) -> Bar:
    return Bar("SPY", end, 1.0, 2.0, 0.5, 1.5, 100)


@pytest.mark.parametrize("model", FIELDS, ids=lambda model: model.__name__)
def test_each_field_has_its_type(model: type) -> None:
    hints = get_type_hints(model)

    assert {name: hints[name] for name in FIELDS[model]} == FIELDS[model]


def test_what_nobody_said_has_the_safe_default() -> None:
    wanted = OrderIntent(
        ref="ck-1",
        strategy="ma",
        key="SPY",
        con_id=1,
        role=Role.ENTRY,
        side=Side.BUY,
        quantity=1,
        order_type=OrderType.MARKET,
        created_at=TEN,
    )
    order = Order(wanted, OrderState.PENDING)

    assert (wanted.tif, wanted.limit_price, wanted.stop_price, wanted.parent_ref) == (Tif.DAY, None, None, "")
    assert (order.order_id, order.perm_id, order.filled, order.remaining) == (0, 0, 0, 1)
    assert _fill().commission is None
    assert (_position().realized_usd, _position().fees_usd) == (Decimal(0), Decimal(0))
    assert _bar(TEN).start == TEN - timedelta(seconds=5)


@pytest.mark.parametrize("kind", [Side, OrderType, Tif, Role, SecType, OrderState])
@pytest.mark.parametrize("text", ["", "buy ", "HOLD", "None", "0"])
def test_an_unknown_side_type_or_state_is_refused(kind: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        kind(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda at: intent(created_at=at),
        lambda at: proposal(at=at),
        lambda at: _fill(at=at),
        lambda at: _position(opened_at=at),
        lambda at: checked_bar(_bar(at)),
    ],
    ids=["order", "proposal", "fill", "position", "bar"],
)
def test_a_time_without_a_zone_is_refused_and_one_with_a_zone_is_kept(
    make: Callable[[datetime], Any],
) -> None:
    with pytest.raises(ValueError, match=r"2026-11-20 10:00:00.*aware UTC"):
        make(NAIVE)

    assert make(TEN) == make(TEN.replace(tzinfo=UTC))


def test_a_bar_that_is_not_in_utc_is_refused() -> None:
    with pytest.raises(ValueError, match="not aware UTC"):
        checked_bar(_bar(TEN.astimezone(timezone(timedelta(hours=-5)))))


def test_values_cannot_be_changed_after_they_were_made() -> None:
    for value in (intent(), proposal(), _fill(), _position(), stock()):
        with pytest.raises((FrozenInstanceError, TypeError)):
            setattr(value, "key", "QQQ")  # noqa: B010 - a plain assignment would not pass the type checker
    assert replace(stock(), last_trade_date=date(2026, 12, 18)).key == "SPY"


def test_signs_follow_the_side() -> None:
    assert (Side.BUY.sign, Side.SELL.sign, Side.BUY.opposite) == (1, -1, Side.SELL)
    assert (_fill().signed_quantity, _fill(side=Side.BUY).signed_quantity) == (-100, 100)
    assert isinstance(proposal(), Proposal)


def test_an_instrument_during_a_session_differs_in_its_hours_alone():
    hours = (SessionHours(datetime(2026, 3, 2, 14, 30, tzinfo=UTC), datetime(2026, 3, 2, 21, tzinfo=UTC)),)
    known = {one.name: object() for one in fields(Instrument)}

    assert Instrument(**known).during(hours) == Instrument(
        **known | {"trading_hours": hours, "liquid_hours": hours}
    )
