"""Marks on the recovery screen: what can be chosen, what a changed row undoes, what a stop may be."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.panels.report import is_read
from cockpit.recovery import Marks, complaint, excess_of, is_pressing, settlements, stop_complaint
from engine.api_recovery import RecoveryChoice, RecoveryRow, Settlement
from tests.cockpit.recovering import (
    ADOPT,
    AMZN,
    CANCEL,
    CLOSE,
    FOREIGN,
    META,
    NOT_SENT,
    ORPHANS,
    STRANGE,
    TSLA,
    UNKNOWN,
    row,
)
from tests.cockpit.scripted import NORMAL, ago

ROWS = (META, AMZN, STRANGE, UNKNOWN, TSLA)
A_ROW = st.builds(
    row,
    row_id=st.sampled_from(["position 1", "position 2", "order 3"]),
    choices=st.sets(st.sampled_from(RecoveryChoice)).map(tuple),
    stamp=st.sampled_from(["1", "2"]),
    stop_price=st.sampled_from([None, 512.4]),
)
SEVERAL = st.lists(A_ROW, max_size=3, unique_by=lambda item: item.row_id)


@pytest.mark.req("CARD-ORPHANS")
def test_a_choice_goes_to_the_selected_rows_else_to_the_one_under_the_cursor() -> None:
    marks = Marks()

    assert marks.targets(ROWS, under_cursor=AMZN.row_id) == (AMZN,)
    marks.toggle(META)
    marks.toggle(STRANGE)
    marks.toggle(TSLA)
    assert marks.targets(ROWS, under_cursor=AMZN.row_id) == (META, STRANGE), "settled rows cannot be selected"
    marks.toggle_all(ROWS)
    assert marks.selected == {item.row_id for item in ROWS if item.choices}
    marks.toggle_all(ROWS)
    assert marks.selected == set()


@pytest.mark.req("CARD-ORPHANS")
def test_what_a_row_does_not_offer_cannot_be_chosen_and_says_why() -> None:
    marks = Marks()

    said = marks.choose(ROWS, ADOPT)

    assert set(marks.decisions) == {META.row_id, AMZN.row_id}
    assert any("SPY: 'adopt' is not offered here, only: cancel the order" in text for text in said)
    assert any("TSLA: nothing is to be decided here" in text for text in said)
    assert "no stop is proposed" in complaint(replace(META, stop_price=None), ADOPT)


def test_the_same_choice_again_takes_it_back_and_another_replaces_it() -> None:
    marks = Marks()
    marks.choose((META,), ADOPT)
    marks.set_stop(META, 515.0)

    marks.choose((META, AMZN), ADOPT)
    assert marks.decisions[META.row_id].stop_price == 515.0, "the typed stop stays with its row"
    marks.choose((META, AMZN), ADOPT)
    assert marks.decisions == {}

    marks.choose((META,), ADOPT)
    marks.choose((META,), CLOSE)
    assert [item.choice for item in settlements(ROWS, marks.decisions)] == [CLOSE]


@pytest.mark.req("CARD-ORPHANS")
def test_a_row_that_changed_loses_its_choice() -> None:
    marks = Marks()
    marks.choose((META, AMZN), CLOSE)
    changed = replace(META, broker=-20.0, stamp="m2")

    assert settlements((changed, AMZN), marks.decisions) == (Settlement(AMZN.row_id, CLOSE, "a1"),)
    assert marks.follow((changed, AMZN)) == (META.row_id,)
    assert set(marks.decisions) == {AMZN.row_id}
    assert marks.follow(()) == (AMZN.row_id,)


@given(before=SEVERAL, after=SEVERAL, choice=st.sampled_from(RecoveryChoice))
def test_nothing_is_ever_settled_that_is_not_offered_for_the_row_as_it_stands(
    before: list[RecoveryRow], after: list[RecoveryRow], choice: RecoveryChoice
) -> None:
    marks = Marks()
    marks.choose(before, choice)
    marks.follow(after)

    now = {item.row_id: item for item in after}
    for item in settlements(after, marks.decisions):
        assert item.choice in now[item.row_id].choices
        assert item.stamp == now[item.row_id].stamp
    assert set(marks.decisions) <= now.keys()


@pytest.mark.req("CARD-ORPHANS")
@pytest.mark.parametrize(
    ("text", "shown", "last", "words"),
    [
        ("abc", META, 501.52, "not a price"),
        ("nan", META, 501.52, "above zero"),
        ("inf", META, 501.52, "above zero"),
        ("-3", META, 501.52, "above zero"),
        ("512.405", META, 501.52, "2 decimals at most"),
        ("501.52", META, 501.52, "must lie above"),
        ("500", META, 501.52, "must lie above"),
        ("182.79", AMZN, 182.79, "must lie below"),
        ("512.40", META, 501.52, ""),
        ("512,40", META, 501.52, ""),
        ("179.25", AMZN, 182.79, ""),
        ("179.25", AMZN, None, ""),
    ],
)
def test_a_stop_lies_on_the_right_side_of_the_price_and_is_a_number(
    text: str, shown: RecoveryRow, last: float | None, words: str
) -> None:
    said = stop_complaint(text, row=shown, last=last)

    assert words in said
    assert bool(said) is bool(words)


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(min_value=0.01, max_value=1e6))
def test_no_accepted_stop_would_trigger_at_once(price: float, last: float) -> None:
    for shown in (META, AMZN):
        if not stop_complaint(str(price), row=shown, last=last):
            assert math.isfinite(price)
            assert price > 0
            assert (price > last) is (excess_of(shown) < 0)


def test_a_decision_is_about_what_the_books_do_not_know_of() -> None:
    assert excess_of(replace(AMZN, ours=5)) == 15.0
    assert excess_of(replace(AMZN, ours=5, excess=12.0)) == 12.0
    assert excess_of(STRANGE) == 0.0


def test_a_fresh_order_of_unknown_fate_does_not_bring_the_screen_up() -> None:
    fresh, old = replace(UNKNOWN, since=ago(10)), replace(UNKNOWN, since=ago(61))

    assert not is_pressing(fresh, snapshot=ORPHANS)
    assert is_pressing(old, snapshot=ORPHANS)
    assert is_pressing(META, snapshot=ORPHANS)
    assert complaint(fresh, NOT_SENT) == ""
    assert {CANCEL, FOREIGN} == set(STRANGE.choices)


def test_the_restart_report_goes_sooner_where_positions_need_the_room() -> None:
    held, flat = NORMAL, replace(NORMAL, positions=())

    assert [is_read(held, age_s=s) for s in (29.0, 31.0)] == [False, True]
    assert [is_read(flat, age_s=s) for s in (31.0, 89.0, 91.0)] == [False, False, True]
