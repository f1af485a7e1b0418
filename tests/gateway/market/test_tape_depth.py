"""Books built from recorded changes: from a snapshot on, and none where an update is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.gateway.model import DepthTick, QuoteTick
from engine.gateway.tape import TapeMarket
from engine.gateway.tape_layout import TapeError
from tests.examples import examples
from tests.gateway.market.tapes import NAN, OPEN, play, stamps

Row = tuple[float, str, float, float, bool, int, int]
"""Second, side, price, size, of a snapshot, number of the update and of the one before."""
SNAPSHOT: list[Row] = [
    (1.0, "B", 9.99, 5, True, 10, 0),
    (1.0, "B", 9.98, 7, True, 10, 0),
    (1.0, "A", 10.01, 4, True, 10, 0),
]


def written(folder: Path, rows: list[Row], **columns: Any) -> None:
    seconds, sides, prices, sizes, whole, updates, before = (list(part) for part in zip(*rows, strict=True))
    table = {
        "ts": stamps(seconds),
        "side": sides,
        "price": prices,
        "size": sizes,
        "is_snapshot": whole,
        "final_update_id": updates,
        "prev_final_update_id": before,
        **columns,
    }
    pq.write_table(pa.table(table), folder / "XYZ_depth.parquet")


def books(market: TapeMarket) -> list[tuple[float, Any, Any]]:
    events = market.advance(OPEN + 1e6)
    return [(round(e.ts - OPEN, 3), e.bids, e.asks) for e in events if isinstance(e, DepthTick)]


@pytest.mark.req("FUT-F3")
def test_changes_of_one_instant_are_one_book_and_levels_that_are_gone_leave_it(tmp_path: Path) -> None:
    written(
        tmp_path,
        [
            *SNAPSHOT,
            (2.0, "A", 10.01, 0, False, 11, 10),
            (2.0, "A", 10.02, 9, False, 11, 10),
            (3.0, "B", 9.98, 8, False, 12, 11),
            (4.0, "B", 9.50, 0, False, 13, 12),
        ],
    )

    assert books(play(tmp_path)) == [
        (1, ((9.99, 5), (9.98, 7)), ((10.01, 4),)),
        (2, ((9.99, 5), (9.98, 7)), ((10.02, 9),)),
        (3, ((9.99, 5), (9.98, 8)), ((10.02, 9),)),
    ]


@pytest.mark.req("FUT-F3")
def test_what_comes_before_the_snapshot_or_is_older_than_it_is_in_it_already(tmp_path: Path) -> None:
    early: list[Row] = [(0.5, "B", 9.90, 3, False, 8, 7)]
    late: list[Row] = [(2.0, "B", 9.91, 3, False, 9, 8), (3.0, "A", 10.01, 6, False, 11, 10)]
    written(tmp_path, [*early, *SNAPSHOT, *late])
    market = play(tmp_path)

    assert books(market) == [
        (1, ((9.99, 5), (9.98, 7)), ((10.01, 4),)),
        (3, ((9.99, 5), (9.98, 7)), ((10.01, 6),)),
    ]
    notes = " ".join(market.notes)
    assert "1 rows dropped: before a snapshot" in notes
    assert "1 rows dropped: older than the snapshot" in notes


@pytest.mark.req("FUT-F3")
def test_where_an_update_is_missing_there_is_no_book_until_the_next_snapshot(tmp_path: Path) -> None:
    again: list[Row] = [(5.0, side, price, size, True, 30, 0) for _, side, price, size, *_ in SNAPSHOT]
    written(
        tmp_path,
        [
            *SNAPSHOT,
            (2.0, "A", 10.01, 6, False, 11, 10),
            (3.0, "A", 10.02, 6, False, 15, 14),
            (4.0, "A", 10.03, 6, False, 16, 15),
            *again,
        ],
    )
    market = play(tmp_path)

    assert [(at, len(bids)) for at, bids, _ in books(market)] == [(1, 2), (2, 2), (3, 0), (5, 2)]
    assert any("updates missing before it" in note for note in market.notes)


@pytest.mark.req("FUT-F3")
def test_rows_in_the_order_they_were_heard_play_though_their_own_times_step_back(tmp_path: Path) -> None:
    rows: list[Row] = [*SNAPSHOT, (3.0, "A", 10.01, 6, False, 11, 10), (2.9, "A", 10.01, 7, False, 12, 11)]
    heard = stamps([0.1, 0.1, 0.1, 0.2, 0.3])
    written(tmp_path, rows, ts_local=heard)
    assert [(at, asks[0][1]) for at, _, asks in books(play(tmp_path))] == [(1, 4), (3, 7)]

    written(tmp_path, rows, ts_local=stamps([0.1, 0.1, 0.1, 0.3, 0.2]))
    with pytest.raises(TapeError, match="column ts_local: time goes backwards; sort the file by ts_local"):
        play(tmp_path)


@pytest.mark.req("FUT-F3")
def test_rows_without_side_price_or_size_are_counted_and_a_crossed_book_is_told_to_nobody(
    tmp_path: Path,
) -> None:
    bad: list[Row] = [
        (2.0, "", 9.0, 1, False, 11, 10),
        (2.0, "B", NAN, 1, False, 11, 10),
        (2.0, "A", 9.0, NAN, False, 11, 10),
        (3.0, "B", 10.05, 1, False, 12, 11),
    ]
    written(tmp_path, [*SNAPSHOT, *bad])
    market = play(tmp_path)
    events = market.advance(OPEN + 1e6)

    assert [e.bid for e in events if isinstance(e, QuoteTick)] == [9.99]
    notes = " ".join(market.notes)
    assert "3 rows dropped: side, price or size missing" in notes
    assert "1 rows dropped: crossed" in notes


@settings(max_examples=examples(40))
@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 30), st.integers(0, 3)), min_size=1, max_size=60)
)
def test_a_book_is_what_its_changes_add_up_to(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[str, int, int]]
) -> None:
    folder, book = tmp_path_factory.mktemp("tape"), {("B", 9.99): 5, ("B", 9.98): 7, ("A", 50.0): 4}
    rows: list[Row] = [(1.0, side, price, size, True, 10, 0) for (side, price), size in book.items()]
    for n, (side, tick, size) in enumerate(found):
        # Asks above 20, bids below: never crossed.
        price = 20.0 + tick if side == "A" else 20.0 - tick / 2
        rows.append((2.0 + n, side, price, size, False, 11 + n, 10 + n))
        book[side, price] = size
    written(folder, rows)
    last = books(play(folder))[-1]
    sides = [
        tuple(sorted(((p, n) for (s, p), n in book.items() if s == side and n), reverse=side == "B"))[:10]
        for side in "BA"
    ]
    assert last[1:] == tuple(sides)
