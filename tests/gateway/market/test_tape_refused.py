"""Every way a tape can be wrong: each is refused with file, row or column, and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.gateway.tape_layout import TapeError
from tests.gateway.market.tapes import NAN, play, write


def refused(folder: Path) -> str:
    with pytest.raises(TapeError) as caught:
        play(folder)
    return str(caught.value)


def test_a_missing_or_empty_folder_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere").endswith("nowhere: no such folder")
    assert refused(tmp_path).endswith("holds no Parquet file to play")


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "SPY.parquet").write_bytes(b"PAR1 this is not one")

    assert refused(tmp_path).startswith("SPY.parquet: not a readable Parquet file")


def test_a_file_damaged_in_the_middle_stops_the_start(tmp_path: Path) -> None:
    rows = 50_000
    path = write(
        tmp_path,
        "SPY_trade",
        [n / 100 for n in range(rows)],
        price=[float(n) + 1 for n in range(rows)],
        size=[1] * rows,
    )
    data = bytearray(path.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 4000] = b"\xff" * 4000
    path.write_bytes(bytes(data))

    assert refused(tmp_path).startswith("SPY_trade.parquet")


def test_time_that_goes_backwards_is_refused_with_its_row(tmp_path: Path) -> None:
    write(tmp_path, "SPY_trade", [1.0, 3.0, 2.0], price=[1.0] * 3, size=[1] * 3)

    assert (
        refused(tmp_path) == "SPY_trade.parquet, row 3, column ts: time goes backwards; sort the file by ts"
    )


def test_a_column_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    write(tmp_path, "SPY_trade", [1.0], price=["ten"], size=[1])

    assert refused(tmp_path).startswith("SPY_trade.parquet, column price: has type string")


def test_columns_of_no_known_layout_are_listed(tmp_path: Path) -> None:
    write(tmp_path, "SPY_open_interest", [1.0], open_interest=[1])

    assert refused(tmp_path).startswith("SPY_open_interest.parquet: columns ts, open_interest are no known")


def test_control_characters_of_a_file_never_reach_the_terminal(tmp_path: Path) -> None:
    write(tmp_path, "SPY_trade", [1.0], **{"\x1b[31mred": [1]})

    assert "\x1b" not in refused(tmp_path)


def test_order_by_order_data_is_refused_with_what_to_use_instead(tmp_path: Path) -> None:
    write(tmp_path, "xnas_ARL_mbo", [1.0], action=["A"], side=["B"], price=[1.0], size=[1], order_id=[7])

    assert "use the mbp10 file made from it" in refused(tmp_path)


def test_a_future_without_expiry_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "es_trade", [1.0], price=[1.0], size=[1])

    assert "need an expiry column" in refused(tmp_path)


def test_an_expiry_that_is_no_month_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "es_trade", [1.0], price=[1.0], size=[1], expiry=["202613"])

    assert refused(tmp_path) == "es_trade.parquet, column expiry: '202613' is not YYYYMM"


def test_a_book_with_more_rows_than_messages_is_refused(tmp_path: Path) -> None:
    write(
        tmp_path,
        "lobster_SPY_message",
        [1.0],
        type=[1],
        order_id=[1],
        size=[5],
        price=[10.1],
        direction=[-1],
    )
    book = {"bid_px_0": [9.0] * 2, "bid_sz_0": [1] * 2, "ask_px_0": [9.1] * 2, "ask_sz_0": [1] * 2}
    write(tmp_path, "lobster_SPY_book", [1.0, 2.0], **book)

    assert "has 2 rows but its message file has 1" in refused(tmp_path)


def test_a_file_without_one_usable_row_is_refused_with_the_reasons(tmp_path: Path) -> None:
    write(tmp_path, "SPY_trade", [1.0, 2.0], price=[NAN, NAN], size=[1, 1])

    assert refused(tmp_path) == "SPY_trade.parquet: no usable row (2 price missing or not positive)"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not toml [", "cannot be read"),
        ('[files."gone.parquet"]\nsymbol = "SPY"\n', "names 'gone.parquet', which is not in"),
        ('[files."SPY_trade.parquet"]\nsymbl = "SPY"\n', "unknown key 'symbl'"),
        ('[files."SPY_trade.parquet"]\nsymbol = "[red]SPY"\n', "is no symbol"),
        ('[files."SPY_trade.parquet"]\nbar_seconds = "x"\n', "bar_seconds"),
        ("files = 3\n", "files"),
        ('[files."SPY_trade.parquet"]\nkind = "candles"\n', "kind must be one of"),
        ('[files."SPY_trade.parquet"]\nkind = "quotes"\n', "column bid: missing, and quotes need it"),
    ],
)
def test_a_wrong_tape_toml_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    write(tmp_path, "SPY_trade", [1.0], price=[1.0], size=[1])
    (tmp_path / "tape.toml").write_text(text)

    assert reason in refused(tmp_path)
