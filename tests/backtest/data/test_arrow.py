"""Columns that are made from their buffers are what pyarrow itself makes of the same values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from engine.backtest.data.arrow import moments_of, reals_of, texts_of, wholes_of

WHOLES = st.integers(-(2**63), 2**63 - 1)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def missing_some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Lists that may lack some of their values, and empty ones."""
    return st.lists(values | st.none(), max_size=20)


@given(missing_some(st.floats(allow_nan=False)), missing_some(WHOLES), missing_some(st.text()))
def test_numbers_and_texts_with_holes_are_what_they_are(
    reals: list[float | None], wholes: list[int | None], texts: list[str | None]
) -> None:
    assert reals_of(reals).equals(pa.array(reals, pa.float64()))
    assert wholes_of(wholes).equals(pa.array(wholes, pa.int64()))
    assert texts_of(texts).equals(pa.array(texts, pa.string()))


@given(st.lists(TIMES, max_size=20))
def test_moments_keep_their_microseconds(moments: list[datetime]) -> None:
    assert moments_of(moments).equals(pa.array(moments, pa.timestamp("ns", "UTC")))


def test_columns_of_numpy_are_taken_as_they_are() -> None:
    held = np.array([1.5, np.nan, -0.0])

    assert reals_of(held).null_count == 0
    assert str(reals_of(held).to_pylist()) == "[1.5, nan, -0.0]"
    assert wholes_of(np.arange(3), pa.timestamp("ns", "UTC")).to_pylist()[2].nanosecond == 2
    assert (
        timedelta(0)
        == datetime(1970, 1, 1, tzinfo=UTC) - wholes_of([0], pa.timestamp("us", "UTC"))[0].as_py()
    )
