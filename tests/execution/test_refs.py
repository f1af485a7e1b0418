"""References are unique, ours to recognise, and safe on the wire."""

from __future__ import annotations

from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Role
from engine.execution.refs import RefMaker, ulid


def _maker(account: str = "DU1") -> RefMaker:
    numbers = count()
    return RefMaker(
        account, epoch_ms=lambda: 1_700_000_000_000, entropy=lambda n: next(numbers).to_bytes(n, "big")
    )


@given(early=st.integers(0, 2**48 - 2), entropy=st.binary(min_size=10, max_size=10))
def test_ulids_are_26_characters_and_sort_by_time(early: int, entropy: bytes) -> None:
    assert len(ulid(early, entropy)) == 26
    assert ulid(early, entropy) < ulid(early + 1, bytes(10))


@given(epoch_ms=st.integers(0, 2**48 - 1), entropy=st.binary(min_size=10, max_size=10))
def test_a_ulid_is_its_time_and_entropy_in_the_alphabet_of_the_specification(
    epoch_ms: int, entropy: bytes
) -> None:
    number = 0
    for character in ulid(epoch_ms, entropy):
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(character)

    assert number == epoch_ms << 80 | int.from_bytes(entropy, "big")


@given(key=st.text(min_size=1, max_size=20))
def test_a_reference_is_plain_ascii_and_ours(key: str) -> None:
    ref = _maker().new_ref(key, Role.ENTRY)

    assert ref.isascii()
    assert ref.isprintable()
    assert ref.endswith("-entry")
    assert _maker().is_ours(ref)
    assert not _maker("DU2").is_ours(ref)


@pytest.mark.slow
@pytest.mark.req("REQ-X1")
def test_a_million_references_over_a_thousand_restarts_in_one_stuck_millisecond_are_all_different() -> None:
    # The worst case: the clock stands still, so that nothing but the entropy tells them apart.
    random = Random(7)
    refs: set[str] = set()
    for _ in range(1_000):
        maker = RefMaker("DU1", epoch_ms=lambda: 1_700_000_000_000, entropy=random.randbytes)
        refs.update(maker.new_ref("SPY", Role.ENTRY) for _ in range(1_000))

    assert len(refs) == 1_000_000


def test_two_references_are_never_the_same() -> None:
    maker = _maker()

    assert len({maker.new_ref("SPY", Role.STOP) for _ in range(100)}) == 100
