"""Why no trade: refusals first, told once for all symbols they hold back, readable in a narrow column."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.frame import Frame
from cockpit.panels.why_not import WhyNotPanel, reasons_of
from cockpit.spans import text_of, width_of
from engine.api import WhyNot
from tests.cockpit.scripted import NORMAL, NOW

FULL = "3 of 3 positions in use"
TURN = "SMA 8 below 21 by 0.01446; long only here, waits for a turn up"


def lines(*rows: WhyNot, width: int, height: int) -> list[str]:
    """What the panel shows at that size."""
    frame = Frame(replace(NORMAL, why_not=rows), NOW)
    return [text_of(line) for line in WhyNotPanel().build(frame, width=width, height=height)]


def refused(symbol: str) -> WhyNot:
    """A symbol that the limit on positions holds back."""
    return WhyNot(symbol, "cross", "max_positions", FULL)


def waiting(symbol: str) -> WhyNot:
    """A symbol that waits for its signal."""
    return WhyNot(symbol, "cross", "no_signal", TURN)


@pytest.mark.req("CARD-PANELS")
def test_refusals_come_first_and_share_their_reason() -> None:
    rows = (waiting("AAPL"), refused("IWM"), waiting("QQQ"), refused("MSFT"))

    assert [reason[0] for reason in reasons_of(rows)] == ["IWM MSFT", "AAPL", "QQQ"]
    shown = lines(*rows, width=50, height=8)
    assert shown[0].startswith(" ×2 ")
    assert FULL in shown[0]
    assert "IWM MSFT" in " ".join(shown[:2])


def test_with_room_below_a_long_reason_is_told_whole() -> None:
    shown = lines(waiting("AAPL"), width=44, height=4)

    assert " ".join(" ".join(shown).split()) == f"AAPL {TURN}"


def test_without_room_a_reason_ends_after_a_whole_clause() -> None:
    shown = lines(waiting("AAPL"), waiting("QQQ"), width=44, height=2)

    assert [line.strip() for line in shown] == [
        "AAPL   SMA 8 below 21 by 0.01446 …",
        "QQQ    SMA 8 below 21 by 0.01446 …",
    ]


def test_the_symbol_is_not_said_twice() -> None:
    row = WhyNot("CLF7", "cross", "gross_exposure", "CLF7: gross exposure 97,900 of 100,000 USD")

    assert lines(row, width=70, height=3) == [" CLF7   gross exposure 97,900 of 100,000 USD (gross_exposure)"]


@pytest.mark.parametrize(("width", "height"), [(78, 6), (48, 7)])
def test_a_refusal_shows_value_limit_and_code_on_the_smallest_screen(width: int, height: int) -> None:
    row = WhyNot("IWM", "cross", "spread", "IWM: the spread is 31.2 bps of 30 bps")

    shown = " ".join(" ".join(lines(row, waiting("AAPL"), width=width, height=height)).split())

    assert "IWM the spread is 31.2 bps of 30 bps (spread)" in shown


@given(
    st.lists(st.sampled_from(["AAPL", "ESH6", "BRK B", "", "A" * 14]), max_size=30),
    st.lists(st.booleans(), min_size=30, max_size=30),
    st.integers(24, 90),
    st.integers(2, 14),
)
def test_every_symbol_is_shown_or_counted_and_nothing_overflows(
    symbols: list[str], waits: list[bool], width: int, height: int
) -> None:
    rows = [
        waiting(symbol) if wait else refused(symbol) for symbol, wait in zip(symbols, waits, strict=False)
    ]
    frame = Frame(replace(NORMAL, why_not=tuple(rows)), NOW)

    built = WhyNotPanel().build(frame, width=width, height=height)

    assert len(built) <= height
    assert all(width_of(line) <= width for line in built)
    shown = reasons_of(rows)
    assert sum(reason.many for reason in shown) == len(rows)
    left_out = text_of(built[-1]).strip()
    if not left_out.startswith("…"):
        assert len(shown) <= len(built) or not rows
