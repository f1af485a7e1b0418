"""The curve: always inside its box, top at the highest value, bottom at the lowest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cockpit.widgets.braille_chart import plot, resample, zero_row

values = st.lists(st.floats(min_value=-1e9, max_value=1e9), max_size=400)


@given(values, st.integers(1, 60), st.integers(1, 12))
def test_a_plot_fills_exactly_its_box_with_braille(curve: list[float], width: int, height: int) -> None:
    drawn = plot(curve, width=width, height=height)

    assert len(drawn) == height
    assert all(len(row) == width for row in drawn)
    assert all(0x2800 <= ord(char) <= 0x28FF for row in drawn for char in row)


@given(st.lists(st.floats(min_value=1.0, max_value=1e6), min_size=1, max_size=100), st.integers(2, 10))
def test_a_winning_day_touches_the_top_and_keeps_zero_at_the_bottom(curve: list[float], height: int) -> None:
    drawn = plot(curve, width=40, height=height)

    assert any(char != "\u2800" for char in drawn[0])
    assert zero_row(curve, height=height) == height - 1


def test_a_rise_is_drawn_from_the_lower_left_to_the_upper_right() -> None:
    assert plot([0.0, 1.0, 2.0, 3.0], width=2, height=1, baseline=None) == ["⡠⠊"]


def test_a_jump_is_a_stroke_and_not_a_gap() -> None:
    drawn = plot([0.0, 0.0, 8.0, 8.0], width=2, height=2, baseline=None)

    assert drawn == ["⠀⡏", "⣀⠇"]


def test_no_values_and_no_room_draw_nothing() -> None:
    assert plot([], width=3, height=2) == ["⠀⠀⠀", "⠀⠀⠀"]
    assert plot([1.0], width=0, height=2) == []


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=300), st.integers(2, 100)
)
def test_resampling_keeps_both_ends_and_never_adds_points(curve: list[float], points: int) -> None:
    thin = resample(curve, points=points)

    assert len(thin) == min(points, len(curve))
    assert (thin[0], thin[-1]) == (curve[0], curve[-1])
