"""The contract of a future to trade: alive, before its notice of delivery, and where the volume is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from engine.domain.instrument import Instrument
from engine.market.futures import by_root, candidates, known_roots, last_day, most_traded, symbol_of
from tests.builders import future, stock

pytestmark = pytest.mark.req("FUT-F2")
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def _contract(key: str, last: date | None, *, root: str = "ES", exchange: str = "CME") -> Instrument:
    return replace(future(key), symbol=root, exchange=exchange, last_trade_date=last)


ENDED = _contract("ESU6", date(2026, 9, 18))
ENDING = _contract("ESX6", date(2026, 11, 23))
NEAR = _contract("ESZ6", date(2026, 12, 18))
NEXT = _contract("ESH7", date(2027, 3, 19))
FAR = _contract("ESM7", date(2027, 6, 18))


def test_only_the_nearest_that_do_not_end_within_days_are_compared() -> None:
    near = candidates((FAR, ENDED, NEXT, NEAR, ENDING), NOW, no_entry_days=3)

    assert [one.key for one in near] == ["ESZ6", "ESH7"]
    assert candidates((ENDED, ENDING), NOW, no_entry_days=3) == ()


def test_trade_moves_to_the_next_one_with_the_volume() -> None:
    assert most_traded((NEAR, NEXT), {"ESZ6": 9e9, "ESH7": 1e9}) is NEAR
    assert most_traded((NEAR, NEXT), {"ESZ6": 1e9, "ESH7": 9e9}) is NEXT


def test_where_no_volume_is_known_or_it_is_equal_the_nearest_is_taken() -> None:
    assert most_traded((NEAR, NEXT), {}) is NEAR
    assert most_traded((NEAR, NEXT), {"ESZ6": float("nan"), "ESH7": 0.0}) is NEAR
    assert most_traded((), {}) is None


def test_what_is_delivered_ends_at_its_first_notice() -> None:
    gold = _contract("GCG7", date(2027, 2, 24), root="GC", exchange="COMEX")
    crude = _contract("CLF7", date(2026, 12, 18), root="CL", exchange="NYMEX")

    assert last_day(gold) == date(2027, 1, 29), "the last business day of the month before"
    assert last_day(crude) == date(2026, 12, 18)
    assert last_day(NEAR) == date(2026, 12, 18)


@pytest.mark.req("FUT-DONT-1")
def test_stocks_other_exchanges_and_what_has_no_last_day_are_no_contracts() -> None:
    endless = _contract("ES", None)
    abroad = _contract("FDAX", date(2026, 12, 18), root="DAX", exchange="EUREX")

    chains = by_root((stock("SPY"), NEXT, NEAR, endless, abroad), exchange="CME")

    assert chains == {"ES@CME": (NEXT, NEAR)}
    assert symbol_of(NEAR) == "ES@CME"


def test_there_is_a_list_of_roots_for_each_exchange_that_is_looked_at_and_for_no_other() -> None:
    assert all(known_roots(exchange) for exchange in ("CME", "CBOT", "NYMEX", "COMEX"))
    assert known_roots("EUREX") == ()
