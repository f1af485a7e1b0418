"""How far the day stands below its best moment: never above it, and drawn only where something was lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.panels.pnl import drawdown, drawdown_lines
from cockpit.spans import Line


def text_of(lines: list[Line]) -> list[str]:
    return ["".join(one if isinstance(one, str) else one.text for one in row) for row in lines]


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ((), []),
        ((-5.0, -2.0), [-5.0, -2.0]),
        ((10.0, 4.0, 12.0, 11.0), [0.0, -6.0, 0.0, -1.0]),
    ],
)
def test_what_is_lost_since_the_best_moment_counts_from_nought(
    curve: tuple[float, ...], expected: list[float]
) -> None:
    assert drawdown(curve) == expected


@given(st.lists(st.floats(-1e6, 1e6), max_size=50))
def test_it_is_never_positive_and_ends_at_the_fall_from_the_highest_point(curve: list[float]) -> None:
    fallen = drawdown(curve)

    assert all(one <= 0.0 for one in fallen)
    assert not curve or fallen[-1] == curve[-1] - max(0.0, *curve)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(30, 80), st.integers(2, 8))
def test_its_lines_fit_their_place(curve: list[float], width: int, height: int) -> None:
    lines = text_of(drawdown_lines(curve, width=width, height=height))

    assert 1 <= len(lines) <= height
    assert all(len(row) <= width for row in lines[1:])  # the panel cuts its words, as everywhere


def test_a_day_at_its_best_has_a_figure_and_no_curve() -> None:
    lines = text_of(drawdown_lines((1.0, 2.0, 3.0), width=40, height=4))

    assert len(lines) == 1
    assert "drawdown" in lines[0]
    assert "0.00" in lines[0]
