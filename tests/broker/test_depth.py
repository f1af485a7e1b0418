"""The book is a list per side: insert shifts, delete closes the gap, anything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.broker.depth import ASK, BID, DepthBook, Operation
from engine.domain.market import Level


def book_with_bids(*prices: float) -> DepthBook:
    book = DepthBook("ES", rows=5)
    for row, price in enumerate(prices):
        assert book.apply(row=row, operation=Operation.INSERT, side=BID, price=price, size=1)
    return book


def test_an_insert_at_the_top_shifts_the_old_best_down() -> None:
    book = book_with_bids(100.0, 99.0)

    assert book.apply(row=0, operation=Operation.INSERT, side=BID, price=101.0, size=7)

    assert book.snapshot(1.0).bids == (Level(101.0, 7), Level(100.0, 1), Level(99.0, 1))


def test_a_delete_in_the_middle_closes_the_gap() -> None:
    book = book_with_bids(100.0, 99.0, 98.0)

    assert book.apply(row=1, operation=Operation.DELETE, side=BID, price=0.0, size=0)

    assert [level.price for level in book.snapshot(1.0).bids] == [100.0, 98.0]


def test_rows_beyond_the_asked_number_fall_off_the_end() -> None:
    book = book_with_bids(100.0, 99.0, 98.0, 97.0, 96.0)

    book.apply(row=0, operation=Operation.INSERT, side=BID, price=101.0, size=1)

    assert [level.price for level in book.snapshot(1.0).bids] == [101.0, 100.0, 99.0, 98.0, 97.0]


def test_messages_that_do_not_fit_are_refused() -> None:
    book = book_with_bids(100.0)

    assert not book.apply(row=3, operation=Operation.INSERT, side=BID, price=1.0, size=1)
    assert not book.apply(row=2, operation=Operation.UPDATE, side=BID, price=1.0, size=1)
    assert not book.apply(row=1, operation=Operation.DELETE, side=BID, price=1.0, size=1)
    assert not book.apply(row=0, operation=9, side=BID, price=1.0, size=1)
    assert not book.apply(row=0, operation=Operation.UPDATE, side=5, price=1.0, size=1)
    assert not book.apply(row=-1, operation=Operation.UPDATE, side=BID, price=1.0, size=1)
    assert book.snapshot(1.0).bids == (Level(100.0, 1),)


@pytest.mark.req("FUT-F3")
def test_a_crossed_or_unsorted_book_is_not_sane() -> None:
    crossed = book_with_bids(100.0)
    crossed.apply(row=0, operation=Operation.INSERT, side=ASK, price=99.0, size=1)

    assert not crossed.is_sane
    assert not book_with_bids(99.0, 100.0).is_sane
    assert book_with_bids(100.0, 100.0, 99.0).is_sane


def test_clear_forgets_both_sides() -> None:
    book = book_with_bids(100.0)

    book.clear()

    assert (book.snapshot(1.0).bids, book.snapshot(1.0).asks) == ((), ())


@pytest.mark.req("FUT-F3")
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 6), st.sampled_from([ASK, BID]), st.integers(1, 99)),
        max_size=60,
    )
)
def test_any_message_sequence_equals_a_plain_list(messages: list[tuple[int, int, int, int]]) -> None:
    book = DepthBook("ES", rows=5)
    model: dict[int, list[int]] = {ASK: [], BID: []}
    for operation, row, side, price in messages:
        levels = model[side]
        fits = row < len(levels) if operation == Operation.DELETE else row <= len(levels)
        if fits and operation == Operation.INSERT:
            levels.insert(row, price)
            del levels[5:]
        elif fits and operation == Operation.UPDATE:
            levels[row : row + 1] = [price]
            del levels[5:]
        elif fits:
            del levels[row]

        book.apply(row=row, operation=operation, side=side, price=float(price), size=1)

        seen = book.snapshot(0.0)
        assert [level.price for level in seen.asks] == model[ASK]
        assert [level.price for level in seen.bids] == model[BID]
