"""What a person reads before the word: each position, its price, what it books, what stays and why."""

from __future__ import annotations

import pytest

from engine.api import Scope, ScopeKind
from engine.runtime.process.kill_preview import preview
from tests.cockpit.scripted import position

LONG = position(
    "TSLA",
    quantity=50,
    avg_price=440.0,
    last=448.0,
    close_price=447.9,
    unrealized_usd=400.0,
    close_fee_usd=1.5,
    owner="cross",
)


def _lines(*positions: object, scope: Scope | None = None) -> list[str]:
    return list(preview(positions, scope or Scope()))  # type: ignore[arg-type]  # positions


@pytest.mark.req("CARD-KILL")
def test_each_position_has_its_price_and_all_together_what_they_book_and_cost() -> None:
    short = position(
        "ESZ6",
        quantity=-2,
        multiplier=50.0,
        last=5000.0,
        close_price=5000.25,
        unrealized_usd=-120.0,
        close_fee_usd=4.5,
    )
    assert _lines(LONG, short) == [
        "would close TSLA +50 at about 447.90",
        "would close ESZ6 -2 at about 5000.25",
        "expected: realised +280.00, fees -6.00, slippage about -30.00",
    ]


def test_what_stays_is_named_with_the_reason() -> None:
    foreign, orphan = position("F", is_foreign=True), position("O", is_orphan=True)

    lines = _lines(foreign, orphan)

    assert "left alone" in lines[0]
    assert "cockpit orphans" in lines[1]
    assert lines[2] == "would close nothing"


@pytest.mark.parametrize(
    ("scope", "closes"),
    [
        (Scope(ScopeKind.SYMBOL, "TSLA"), True),
        (Scope(ScopeKind.SYMBOL, "SPY"), False),
        (Scope(ScopeKind.STRATEGY, "cross"), True),
        (Scope(ScopeKind.STRATEGY, "other"), False),
    ],
    ids=str,
)
def test_a_kill_of_one_symbol_or_strategy_promises_no_more_than_that(scope: Scope, *, closes: bool) -> None:
    first = _lines(LONG, scope=scope)[0]

    assert first.startswith("would close" if closes else "stays")


def test_what_has_no_price_is_counted_and_not_guessed() -> None:
    blind = position("X", last=None, close_price=None, unrealized_usd=None, close_fee_usd=None)

    assert _lines(LONG, blind)[1:] == [
        f"would close X {blind.quantity:+d} at a price nobody knows",
        "expected: realised +400.00, before fees and slippage; 1 without a price",
    ]


def test_a_name_from_outside_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in "".join(_lines(position("A\x1b]0;x\x07")))
