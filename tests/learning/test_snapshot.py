"""Snapshots: read back exactly, or refused with the reason so that the model is replayed."""

from __future__ import annotations

import math

import pytest

from engine.learning.features import FEATURE_SETS
from engine.learning.plain import StateError
from engine.learning.snapshot import Origin, features_hash, read, written

ORIGIN = Origin(features_hash(FEATURE_SETS), "abc123", "3.11", "2.4")
STATE = {"mean": [0.1, 1e-300, 2.0**0.5], "n": 7, "none": None}


@pytest.mark.req("FUT-F5")
def test_what_was_written_is_read_to_the_last_bit() -> None:
    assert read(written(STATE, origin=ORIGIN, last_event=9), origin=ORIGIN) == STATE


@pytest.mark.req("FUT-F5")
@pytest.mark.parametrize("part", Origin._fields)
def test_a_snapshot_of_another_version_is_replayed_and_not_read(part: str) -> None:
    row = written(STATE, origin=ORIGIN, last_event=9)
    with pytest.raises(StateError, match=part):
        read(row, origin=ORIGIN._replace(**{part: "other"}))


@pytest.mark.req("FUT-F5")
def test_a_damaged_row_is_refused() -> None:
    row = written(STATE, origin=ORIGIN, last_event=9)
    for bad in (row._replace(body=row.body.replace("7", "8")), row._replace(last_event=10)):
        with pytest.raises(StateError, match="hash"):
            read(bad, origin=ORIGIN)
    with pytest.raises(StateError, match="schema"):
        read(row._replace(schema=99), origin=ORIGIN)


def test_a_number_that_is_not_finite_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        written({"x": math.nan}, origin=ORIGIN, last_event=1)


def test_the_hash_of_the_features_changes_with_their_order() -> None:
    assert features_hash({"a": ["x", "y"]}) != features_hash({"a": ["y", "x"]})
