"""What everything that is out comes to in USD is what each of it comes to, and unknown as soon as one is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Order, Role
from engine.risk.exposure import Holding, commitments, exposure, group_exposure_usd
from tests.builders import order

KEYS = ("AMD", "KO", "TSLA")


def test_what_is_held_works_and_can_still_fill_is_reckoned_at_the_unit_of_its_key() -> None:
    out = commitments([Holding("AMD", -3)], [order("KO", quantity=10), order("AMD", Role.STOP)])

    found = exposure(out, {"AMD": 100.0, "KO": 7.0}.__getitem__)

    assert found.by_key == {"AMD": 300.0, "KO": 70.0}
    assert (found.total_usd, found.pending_usd) == (370.0, 70.0)
    assert group_exposure_usd("x", {"KO": "x", "PEP": "x"}, found.by_key) == 70.0


@given(
    held=st.dictionaries(st.sampled_from(KEYS), st.integers(-500, 500)),
    entries=st.lists(st.tuples(st.sampled_from(KEYS), st.integers(1, 500))),
    unknown=st.none() | st.sampled_from(KEYS),
)
def test_the_whole_is_the_sum_of_its_parts_and_not_known_where_one_of_them_is_not(
    held: dict[str, int], entries: list[tuple[str, int]], unknown: str | None
) -> None:
    orders: list[Order] = [order(key, quantity=quantity) for key, quantity in entries]
    out = commitments([Holding(*each) for each in held.items()], orders)

    found = exposure(out, lambda key: math.nan if key == unknown else 10.0)

    assert found.by_key.keys() == out.worst.keys()
    if unknown in out.worst:
        assert math.isnan(found.total_usd)
    else:
        assert found.total_usd == pytest.approx(10.0 * sum(out.worst.values()))
        assert found.pending_usd == pytest.approx(10.0 * sum(q for _, q in entries))
        assert found.pending_usd <= found.total_usd or any(q < 0 for q in held.values())
