"""Chains, expiries and identities of what the embedded exchange lists."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gateway.instruments import load_instruments

DATES = st.dates(dt.date(2013, 1, 1), dt.date(2030, 6, 30))


@pytest.mark.parametrize(
    ("root", "year", "month", "local_symbol", "expiry"),
    [
        ("ES", 2026, 12, "ESZ6", "20261218"),
        ("ES", 2026, 6, "ESM6", "20260618"),  # the third Friday is a holiday
        ("ES", 2013, 12, "ESZ3", "20131220"),
        ("EUR", 2026, 12, "6EZ6", "20261214"),
        ("CL", 2024, 2, "CLG4", "20240122"),
        ("NG", 2024, 2, "NGG4", "20240129"),
        ("GC", 2024, 2, "GCG4", "20240227"),
        ("ZN", 2024, 3, "ZNH4", "20240319"),
    ],
)
def test_last_trading_days_follow_the_products_rule(
    root: str, year: int, month: int, local_symbol: str, expiry: str
) -> None:
    contract = load_instruments().roots[root].contract(year, month)

    assert (contract.local_symbol, contract.expiry) == (local_symbol, expiry)


@given(date=DATES)
def test_every_day_lists_two_unexpired_expiries_of_every_root(date: dt.date) -> None:
    listing = load_instruments().listing(date).values()

    for root in load_instruments().roots:
        chain = [item.contract for item in listing if item.contract.symbol == root]
        assert len(chain) == 2
        assert all(contract.expiry >= f"{date:%Y%m%d}" for contract in chain)
        assert chain[0].expiry < chain[1].expiry


@given(date=DATES)
def test_exactly_one_expiry_of_the_two_carries_the_volume(date: dt.date) -> None:
    for root in load_instruments().roots.values():
        shares = [root.volume_share(contract, date) for contract in root.chain(date, 3)]
        assert shares.count(1.0) == 1
        assert all(0 < share <= 1 for share in shares)


def test_con_ids_are_unique_and_the_same_from_day_to_day() -> None:
    today = load_instruments().listing(dt.date(2026, 11, 20))
    tomorrow = load_instruments().listing(dt.date(2026, 11, 23))

    names = {item.contract.local_symbol: con_id for con_id, item in today.items()}
    assert len(names) == len(today)
    for con_id, item in tomorrow.items():
        assert names.get(item.contract.local_symbol, con_id) == con_id


def test_every_contract_has_a_market_rule_whose_grid_is_its_tick() -> None:
    instruments = load_instruments()

    for item in instruments.listing(dt.date(2026, 11, 20)).values():
        rule = instruments.market_rules[item.contract.market_rule_id]
        assert rule[0] == (0.0, item.contract.min_tick)


def test_every_load_names_a_factor_of_the_file() -> None:
    instruments = load_instruments()

    for item in instruments.listing(dt.date(2026, 11, 20)).values():
        assert {name for name, _ in item.traits.loads} <= set(instruments.factors)
