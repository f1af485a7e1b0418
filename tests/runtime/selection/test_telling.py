"""A universe is told in few lines: sixteen corrections of the first minute are one."""

from __future__ import annotations

from engine.api import Level
from engine.market.universe import Exclusion, Member
from engine.runtime.selection.telling import changes


def _tiers(tier: int, *keys: str) -> dict[str, Member]:
    return {key: Member(key, tier, "") for key in keys}


def _out(why: Exclusion, *keys: str) -> dict[str, Member]:
    return {key: Member(key, 0, "", why, "too little") for key in keys}


def test_the_first_look_says_how_many_may_be_entered() -> None:
    (said,) = changes({}, {**_tiers(1, "SPY", "QQQ"), **_tiers(2, "AMD")})

    assert said.text == "universe: 3 of 3 may be entered (tier 1: 2, tier 2: 1)"


def test_many_that_move_alike_share_one_line() -> None:
    keys = tuple(f"S{n:02}" for n in range(16))

    (said,) = changes(_tiers(2, *keys), _tiers(1, *keys))

    assert said.text.startswith("universe: 16 instruments now in tier 1, before 2: S00, S01, ")
    assert said.text.endswith("S11 …")


def test_two_that_move_have_a_line_each_and_what_stays_has_none() -> None:
    before = {**_tiers(2, "AMD", "DIA"), **_tiers(1, "SPY")}

    said = changes(before, {**_tiers(1, "AMD", "DIA"), **_tiers(1, "SPY")})

    assert [s.text for s in said] == [f"{key}: tier 1 of the universe, before 2" for key in ("AMD", "DIA")]


def test_what_is_left_out_is_a_warning_with_its_reason_also_where_it_is_many() -> None:
    (one,) = changes(_tiers(1, "AMD"), _out(Exclusion.MIN_VOLUME, "AMD"))
    first, many = changes({}, _out(Exclusion.MAX_SPREAD, "A", "B", "C"))

    assert (one.level, one.symbol) == (Level.WARNING, "AMD")
    assert one.text == "AMD: not in the universe, too little (min_volume)"
    assert first.text == "universe: 0 of 3 may be entered (none)"
    assert (many.level, many.text) == (
        Level.WARNING,
        "universe: 3 instruments not entered (max_spread): A, B, C",
    )


def test_while_instruments_settle_only_the_sum_is_said_and_once() -> None:
    keys = tuple(f"S{n:02}" for n in range(16))
    unknown = _out(Exclusion.UNKNOWN_LIQUIDITY, *keys)

    (first,) = changes({}, unknown)
    (second,) = changes(unknown, _tiers(1, *keys), settling=keys)

    assert first.text == "universe: 0 of 16 may be entered (none)"
    assert second.text == "universe: 16 of 16 may be entered (tier 1: 16)"
    assert changes(_tiers(1, *keys), _tiers(1, *keys), settling=keys) == []


def test_what_settles_into_being_left_out_is_named_and_what_becomes_unknown_later_too() -> None:
    (out,) = changes(_tiers(2, "AMD"), _out(Exclusion.MIN_VOLUME, "AMD"), settling=("AMD",))
    (lost,) = changes(_tiers(1, "AMD"), _out(Exclusion.UNKNOWN_LIQUIDITY, "AMD"))

    assert (out.level, lost.level) == (Level.WARNING, Level.WARNING)
    assert lost.text == "AMD: not in the universe, too little (unknown_liquidity)"
