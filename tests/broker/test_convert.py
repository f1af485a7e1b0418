"""The border: odd numbers and hostile text stop here, and every order field is the one we meant."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.broker import codes
from engine.broker.contracts import rule_at
from engine.broker.convert import (
    MAX_TEXT,
    clean,
    commission_of,
    contract_of,
    decimal,
    expiry_of,
    fill_of,
    key_of,
    number_or_none,
    order_of,
)
from engine.broker.history import bar_of, durations
from engine.broker.ibapi import UNSET_DOUBLE
from engine.broker.port import BrokerError
from engine.domain.instrument import SecType
from engine.domain.order import OrderType, Side, Tif
from tests.broker.hearing import ES, SPY, intent


@given(st.text(max_size=500))
def test_cleaned_text_is_printable_short_and_stays_the_same_when_cleaned_again(text: str) -> None:
    cleaned = clean(text)

    assert cleaned.isprintable()
    assert len(cleaned) <= MAX_TEXT
    assert clean(cleaned) == cleaned


def test_escape_sequences_and_bidi_overrides_lose_their_power() -> None:
    assert clean("\x1b]0;title\x07 a\u202eb\nc") == "]0;title ab c"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_decimals_keep_the_value_the_wire_stated(value: Decimal) -> None:
    assert decimal(float(value)) == Decimal(str(float(value)))


@pytest.mark.parametrize("unset", [UNSET_DOUBLE, str(UNSET_DOUBLE), "", None, math.nan, math.inf, "x"])
def test_what_is_no_number_is_none(unset: object) -> None:
    assert number_or_none(unset) is None
    assert decimal(unset) == 0


@pytest.mark.req("PLAN-M3-BROKER")
def test_each_order_type_carries_exactly_its_prices() -> None:
    def prices(kind: OrderType) -> tuple[float, float]:
        order = order_of(
            intent(order_type=kind, limit_price=1.5, stop_price=2.5, tif=Tif.GTC),
            order_id=7,
            parent_id=6,
            account="DU1",
        )
        assert (order.orderId, order.parentId, order.account, order.tif) == (7, 6, "DU1", "GTC")
        assert order.outsideRth is False
        return order.lmtPrice, order.auxPrice

    assert prices(OrderType.MARKET) == (UNSET_DOUBLE, UNSET_DOUBLE)
    assert prices(OrderType.LIMIT) == (1.5, UNSET_DOUBLE)
    assert prices(OrderType.STOP) == (UNSET_DOUBLE, 2.5)
    assert prices(OrderType.STOP_LIMIT) == (1.5, 2.5)


@pytest.mark.parametrize(
    "changes",
    [
        {"order_type": OrderType.LIMIT},
        {"order_type": OrderType.LIMIT, "limit_price": math.nan},
        {"order_type": OrderType.STOP, "stop_price": math.inf},
        {"order_type": OrderType.TRAIL, "stop_price": 1.0},
        {"tif": Tif.GTD},
        {"quantity": 0},
        {"quantity": -5},
        {"oca_group": "g\0"},
    ],
)
def test_what_cannot_be_an_order_is_refused_by_its_reference(changes: dict[str, object]) -> None:
    with pytest.raises(BrokerError, match="ck-t-SPY-1-entry"):
        order_of(intent(**changes), order_id=1, parent_id=0, account="DU1")


def test_an_oca_group_is_one_live_at_a_time() -> None:
    order = order_of(intent(oca_group="g1"), order_id=1, parent_id=0, account="DU1")

    assert (order.ocaGroup, order.ocaType) == ("g1", 1)


def test_contracts_name_what_the_wire_needs() -> None:
    stock, future = contract_of(SPY), contract_of(ES)

    assert (stock.conId, stock.secType, stock.multiplier, stock.exchange) == (756733, "STK", "", "SMART")
    assert (future.conId, future.localSymbol, future.exchange) == (495512563, "ESZ6", "CME")
    assert (future.multiplier, future.lastTradeDateOrContractMonth) == ("", "")
    assert (key_of(future), key_of(stock)) == ("ESZ6", "SPY")


@pytest.mark.req("FUT-DONT-1")
def test_a_continuous_future_can_be_no_instrument_and_so_no_order_and_no_data_line() -> None:
    assert {contract_of(replace(ES, sec_type=kind)).secType for kind in SecType} == {"STK", "FUT"}
    with pytest.raises(ValueError, match="CONTFUT"):
        SecType("CONTFUT")  # what becomes of the broker's details, see `Contracts.instruments`


def execution(**changes: object) -> SimpleNamespace:
    base = {
        "execId": "e.1",
        "side": "SLD",
        "shares": 3.0,
        "price": 100.1,
        "permId": 9,
        "orderRef": "ck-\x1b1",
        "time": datetime(2026, 11, 20, 15, tzinfo=UTC),
    }
    return SimpleNamespace(**{**base, **changes})


def test_an_execution_becomes_a_fill_with_exact_money() -> None:
    fill = fill_of(contract_of(ES), execution())

    assert (fill.side, fill.quantity, fill.price, fill.key) == (Side.SELL, 3, Decimal("100.1"), "ESZ6")
    assert fill.order_ref == "ck-1"


@pytest.mark.parametrize(
    "changes",
    [{"side": "?"}, {"shares": 0.5}, {"shares": -1.0}, {"price": math.nan}, {"price": UNSET_DOUBLE}],
)
def test_an_execution_that_cannot_be_booked_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"e\.1"):
        fill_of(contract_of(ES), execution(**changes))


def test_a_commission_of_an_opening_fill_realises_nothing() -> None:
    report = SimpleNamespace(execId="e.1", commission=1.05, realizedPNL=UNSET_DOUBLE)

    assert commission_of(report).realized_usd is None
    assert commission_of(report).amount == Decimal("1.05")


def test_expiries_are_dates_whatever_follows_them() -> None:
    assert expiry_of("20261218 08:30 US/Central") == date(2026, 12, 18)
    assert expiry_of("202612") is None
    assert expiry_of("") is None


def test_the_price_grid_is_that_of_the_exchange_traded_at() -> None:
    assert rule_at("SMART,ARCA,NYSE", "26,32,107", "ARCA") == 32
    assert rule_at("SMART,ARCA", "26,32", "LSE") is None
    assert rule_at("", "", "SMART") is None


@given(st.integers(1, 2000), st.sampled_from([5, 30, 60, 300, 3600, 86400]), st.sampled_from(list(SecType)))
def test_a_duration_always_covers_the_bars_asked_for(count: int, seconds: int, kind: SecType) -> None:
    number, unit = durations(count, seconds=seconds, sec_type=kind)[-1].split()
    sessions = int(number) * (252 if unit == "Y" else 1)
    per_session = 1 if seconds == 86400 else (23_400 if kind is SecType.STOCK else 82_800) / seconds

    assert sessions * per_session >= count


def raw_bar(when: object, **changes: object) -> SimpleNamespace:
    base = {
        "open": 10.0,
        "high": 11.0,
        "low": 9.0,
        "close": 10.5,
        "volume": 100.0,
        "average": 10.1,
        "barCount": 3,
    }
    return SimpleNamespace(date=when, **{**base, **changes})


def test_history_bars_carry_their_exclusive_end() -> None:
    assert bar_of(raw_bar("1795186800"), key="SPY", seconds=60).end.isoformat() == "2026-11-20T15:01:00+00:00"
    assert (
        bar_of(raw_bar("20261120"), key="SPY", seconds=86400).end.isoformat() == "2026-11-21T00:00:00+00:00"
    )


@pytest.mark.parametrize(
    "bad", [raw_bar("yesterday"), raw_bar("1795186800", high=1.0), raw_bar("1", low=math.nan)]
)
def test_bars_that_make_no_sense_are_refused(bad: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="SPY"):
        bar_of(bad, key="SPY", seconds=60)


@pytest.mark.parametrize(
    ("code", "information"),
    [(399, True), (2109, True), (10349, True), (201, False), (110, False), (202, False)],
)
def test_only_messages_that_change_nothing_are_information(code: int, information: bool) -> None:
    assert codes.is_information(code) is information


def test_farm_messages_say_nothing_about_the_line_itself() -> None:
    assert all(codes.link_change(code) is None for code in (2103, 2104, 2105, 2106, 2107, 2108, 2157, 2158))
