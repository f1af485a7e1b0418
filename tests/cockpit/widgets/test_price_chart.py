"""The price chart: within its room whatever comes, a falling axis, marks and lines at their rows."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from cockpit.spans import Line, Tone, text_of, width_of
from cockpit.widgets.bars import bar_of
from cockpit.widgets.price_chart import BUY, RULE, SELL, HighLow, Mark, PriceLine, price_chart

PRICES = st.floats(0.01, 1e6) | st.sampled_from([math.nan, math.inf, 0.0, -37.63])
BARS = st.lists(st.tuples(PRICES, PRICES), max_size=60)


def drawn(bars: list[HighLow], *, width: int = 60, height: int = 12, **more: object) -> list[Line]:
    """A chart whose prices are written with two decimals and whose times are seconds."""
    return price_chart(
        bars,
        width=width,
        height=height,
        price_text=lambda price: f"{price:.2f}",
        time_text=lambda at: f"{at:.0f}",
        **more,  # type: ignore[arg-type]  # lines and marks
    )


def rising(count: int = 40) -> list[HighLow]:
    """One up every minute."""
    return [HighLow(60.0 * x, 100.0 + x, 101.0 + x) for x in range(1, count + 1)]


@given(BARS, st.integers(-3, 120), st.integers(-3, 40), PRICES, PRICES)
def test_it_keeps_to_its_room_whatever_comes(
    found: list[tuple[float, float]], width: int, height: int, price: float, other: float
) -> None:
    bars = [HighLow(60.0 * n, min(pair), max(pair)) for n, pair in enumerate(found)]
    lines = (PriceLine(price, "stop", Tone.LOSS), PriceLine(other, "avg", Tone.ACCENT))

    chart = drawn(bars, width=width, height=height, lines=lines, marks=(Mark(90.0, other, True),))

    assert len(chart) <= max(0, height)
    assert all(width_of(line) <= max(width, 0) for line in chart)


@given(st.lists(st.floats(1.0, 1000.0), min_size=1, max_size=50), st.integers(4, 40))
def test_the_prices_of_the_axis_fall(closes: list[float], height: int) -> None:
    chart = drawn([HighLow(60.0 * n, at, at + 1.0) for n, at in enumerate(closes)], height=height)

    axis = [float(label) for line in chart[:-1] if (label := line[-1].text.strip())]
    assert axis == sorted(axis, reverse=True)


def test_the_highest_bar_is_at_the_top_and_the_newest_at_the_right() -> None:
    top, *_, bottom, times = drawn(rising())

    def dots(line: Line) -> list[int]:
        return [x for x, cell in enumerate(text_of(line)) if "⠀" < cell <= "⣿"]

    assert min(dots(top)) > max(dots(bottom))
    assert text_of(times).split() == ["60", "2400"]


def test_a_line_runs_at_its_price_and_is_named_there() -> None:
    chart = drawn(rising(), lines=(PriceLine(120.0, "avg", Tone.ACCENT),))
    (row,) = [line for line in chart if "120.00 avg" in text_of(line)]
    assert RULE in text_of(row)
    middle = chart.index(row)
    assert 4 <= middle <= 7


def test_of_two_lines_in_one_row_the_first_is_named() -> None:
    stop, avg = PriceLine(120.0, "stop", Tone.LOSS), PriceLine(120.1, "avg", Tone.ACCENT)
    text = "\n".join(text_of(line) for line in drawn(rising(), lines=(stop, avg)))
    assert "stop" in text
    assert "avg" not in text


def test_a_price_far_away_does_not_flatten_the_bars_and_is_named_at_the_edge() -> None:
    chart = drawn(rising(), lines=(PriceLine(900.0, "target", Tone.GAIN),))
    assert "↑900.00 target" in text_of(chart[0])
    assert RULE not in text_of(chart[0])


def test_fills_stand_in_their_column_and_row_and_old_ones_are_left_out() -> None:
    marks = (Mark(1210.0, 121.0, True), Mark(2390.0, 140.0, False), Mark(-500.0, 120.0, True))
    chart = drawn(rising(), marks=marks)

    rows = [(y, text_of(line)) for y, line in enumerate(chart)]
    assert sum(text.count(BUY) for _, text in rows) == 1
    sold, bought = (next((y, text.index(sign)) for y, text in rows if sign in text) for sign in (SELL, BUY))
    assert sold[0] < bought[0]
    assert sold[1] > bought[1]


def test_one_bar_of_one_price_has_a_chart_too() -> None:
    assert len(drawn([HighLow(60.0, 5.0, 5.0)])) == 12


def test_without_bars_or_room_there_is_none() -> None:
    assert drawn([]) == []
    assert drawn(rising(), width=10) == []
    assert drawn(rising(), height=2) == []
    assert drawn([HighLow(1.0, math.nan, math.nan)]) == []


@given(st.floats(), st.integers(-2, 30), st.booleans())
def test_a_bar_has_exactly_its_cells(share: float, cells: int, to_left: bool) -> None:
    assert len(bar_of(share, cells=cells, to_left=to_left)) == max(0, cells)


def test_a_bar_grows_from_its_side() -> None:
    assert bar_of(0.5, cells=4) == "██  "
    assert bar_of(0.5, cells=4, to_left=True) == "  ██"
    assert bar_of(0.3125, cells=2) == "▋ "
