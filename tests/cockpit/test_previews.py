"""Previews name what would happen, what stays, and when the deed is impossible."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from cockpit.previews import (
    cancel_preview,
    flatten_all_preview,
    flatten_preview,
    kill_preview,
    leave_preview,
    needs_account,
    resume_preview,
    value_preview,
)
from cockpit.spans import Line, text_of
from engine.api import BrakeKind, Scope, ScopeKind, StrategyView
from tests.cockpit.scripted import (
    EMPTY,
    HALTED,
    NORMAL,
    ORDERS,
    PAUSED,
    POSITIONS,
    STALE,
    brake,
    order,
    position,
)


def words(lines: Iterable[Line]) -> str:
    """The lines as one text with single blanks."""
    return " ".join(" ".join(text_of(line) for line in lines).split())


@pytest.mark.req("CARD-KILL")
def test_kill_spares_and_names_what_is_not_ours() -> None:
    meta = position("META", quantity=-30, is_orphan=True, owner="")
    foreign = order("IBM", is_ours=False, order_ref="", perm_id=77)
    shown = words(
        kill_preview(replace(NORMAL, positions=(POSITIONS[0], meta), orders=(ORDERS[0], foreign))).lines
    )

    assert "will close TSLA −50 ≈ 447.90 expected" in shown
    assert "1 protective stop, each" in shown
    assert "stays META −30 (orphan), IBM SELL 50 (order, not ours)" in shown


def test_kill_on_a_flat_account_is_still_possible() -> None:
    preview = kill_preview(EMPTY)

    assert preview.possible
    assert "nothing: flat" in words(preview.lines)


def test_kill_says_when_the_halt_has_arrived_and_when_not() -> None:
    assert "halt requested" in words(kill_preview(PAUSED).lines)
    assert "HALTED 10:03:00 by operator" in words(kill_preview(HALTED).lines)


def test_kill_with_the_market_shut_promises_nothing() -> None:
    shut = replace(NORMAL, session=replace(NORMAL.session, is_open=False))

    assert "NOT FLAT" in words(kill_preview(shut).lines)


def test_a_position_without_a_price_is_counted_and_not_guessed() -> None:
    silent = replace(NORMAL, positions=(POSITIONS[0], position("QQQ", last=None, unrealized_usd=None)))
    shown = words(flatten_all_preview(silent).lines)

    assert "QQQ −50 ≈ —" in shown
    assert "realised +132.50, before fees and slippage; 1 without a price" in shown


def test_the_price_the_fee_and_the_spread_of_the_way_out_are_told_where_they_are_known() -> None:
    priced = replace(POSITIONS[0], last=447.9, close_price=447.8, close_fee_usd=1.0)
    shown = words(kill_preview(replace(NORMAL, positions=(priced,))).lines)

    assert "TSLA −50 ≈ 447.80" in shown
    assert "fees −1.00, slippage about −5.00" in shown
    half_known = replace(NORMAL, positions=(priced, POSITIONS[1]))
    assert "before fees and slippage" in words(kill_preview(half_known).lines)


def test_what_is_gone_cannot_be_flattened_or_cancelled() -> None:
    assert not flatten_preview(EMPTY, "TSLA").possible
    assert not flatten_all_preview(EMPTY).possible
    assert not cancel_preview(EMPTY, "ck-x").possible
    assert not cancel_preview(
        replace(NORMAL, orders=(replace(ORDERS[0], is_done=True),)), ORDERS[0].order_ref
    ).possible


def test_cancelling_a_stop_says_what_it_bares_and_an_entry_does_not() -> None:
    assert "TSLA would have no stop" in words(cancel_preview(NORMAL, ORDERS[0].order_ref).lines)
    assert "no stop" not in words(cancel_preview(NORMAL, ORDERS[4].order_ref).lines)


def test_resume_names_what_it_lifts_and_what_stays() -> None:
    scoped = brake(BrakeKind.PAUSE, scope=Scope(ScopeKind.STRATEGY, "ma_fast"), reason="too fast")
    both = replace(NORMAL, brakes=(brake(BrakeKind.HALT), scoped), unknown_orders=1)
    shown = words(resume_preview(both, Scope()).lines)

    assert "lifts HALT account" in shown
    assert "stays PAUSE strategy ma_fast" in shown
    assert "settle them first" in shown
    assert needs_account(both, Scope())
    assert not needs_account(both, scoped.scope)


def test_a_value_that_already_is_what_is_asked_cannot_be_set_again() -> None:
    assert not value_preview(NORMAL, None, key="risk.max_positions", value=5.0).possible
    assert not value_preview(NORMAL, None, key="risk.nothing", value=3.0).possible


def test_leaving_counts_full_stops_and_names_strategies_that_stay_overnight() -> None:
    swing = StrategyView("swing", "ma_crossover", ("SPY",), "1h", "live", holds_overnight=True)
    shown = words(leave_preview(replace(STALE, strategies=(swing,)), keys={}).lines)

    assert "4 held, 3 of them with a full stop" in shown
    assert "those of swing stay with their stops" in shown
