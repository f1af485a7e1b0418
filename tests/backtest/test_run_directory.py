"""A run on the disk: whole, once, the same bytes for the same inputs, and nothing secret in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from engine.backtest.ledgers import read_table
from engine.backtest.result import RunResult
from engine.backtest.run_directory import (
    MOMENT,
    SUMMARY,
    NoRunError,
    RunExistsError,
    RunInputs,
    find_run,
    free_run_id,
    honest_line,
    read_json,
    write_run,
)
from engine.ledger.trade_figures import trade_figures
from tests.backtest.building import bars, eventful, result, trade

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
TABLES = {"bars", "orders", "fills", "trades", "decisions", "equity"}


def inputs(config: str = "c0ffee" * 10, **changes: object) -> RunInputs:
    """One strategy on two instruments, one of them adjusted."""
    series = (bars("QQQ", adjustment="splits and dividends (table)"), bars())
    values: dict[str, object] = {
        "config_hash": config,
        "code_revision": "abc",
        "strategies": ("cross",),
        "series": series,
    }
    return RunInputs(**{**values, **changes})  # type: ignore[arg-type]


def written(
    folder: Path, run: RunResult | None = None, *, given: RunInputs | None = None, name: str = "r1"
) -> Path:
    """A run in `folder`."""
    return write_run(folder, run or eventful(), given or inputs(), run_id=name, generated_at=NOW, took_s=0.5)


def bytes_of(folder: Path) -> dict[str, str]:
    """Digest of every file but the one that belongs to the moment."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.name != MOMENT
    }


@pytest.mark.req("PLAN-M2-ARTIFACTS")
def test_a_run_has_every_ledger_with_typed_columns_and_a_summary(tmp_path: Path) -> None:
    folder = written(tmp_path / "results")

    assert {path.stem for path in folder.glob("*.parquet")} == TABLES
    fills, orders = read_table(folder / "fills.parquet"), read_table(folder / "orders.parquet")
    assert fills.column("price").to_pylist() == [Decimal(100), Decimal("52.25"), Decimal("100.6")]
    assert orders.column("status").to_pylist() == ["filled", "cancelled"]
    assert str(orders.schema.field("at").type) == "timestamp[ns, tz=UTC]"
    assert read_table(folder / "bars.parquet").column("key").to_pylist() == ["QQQ"] * 5 + ["SPY"] * 5
    equity = read_table(folder / "equity.parquet")
    assert equity.column("theme_tech").to_pylist() == [0.0, 99.0, 0.0, 0.0]
    summary = read_json(folder, SUMMARY)
    assert (summary["code_revision"], summary["config_hash"]) == ("abc", "c0ffee" * 10)
    assert summary["unadjusted"] == ["SPY"]
    moment = read_json(folder, MOMENT)
    assert (moment["run_id"], moment["generated_at"]) == ("r1", NOW.isoformat())
    assert moment["trials"] == 1


@pytest.mark.req("REQ-BT2")
def test_the_summary_has_trades_pnl_drawdown_and_exposure_by_theme_that_sums_up(tmp_path: Path) -> None:
    summary = read_json(written(tmp_path), SUMMARY)

    assert [one["pnl"] for one in summary["trades"]] == [5.0, -2.0]
    assert summary["pnl_usd"] == pytest.approx(3.5)
    assert summary["max_drawdown"] == pytest.approx(2 / 101)
    assert set(summary["exposure_by_theme"]) == {"index", "tech"}
    assert sum(summary["exposure_by_theme"].values()) == pytest.approx(summary["exposure"], abs=1e-12)


@pytest.mark.req("PLAN-M2-ARTIFACTS")
def test_a_second_write_fails_and_leaves_the_first_as_it_was(tmp_path: Path) -> None:
    folder = written(tmp_path)
    before = bytes_of(folder)

    with pytest.raises(RunExistsError, match="never overwritten"):
        written(tmp_path, result((50.0,)))

    assert bytes_of(folder) == before
    assert [path.name for path in tmp_path.glob(".r1*")] == []
    assert all(path.stat().st_mode & 0o222 == 0 for path in folder.iterdir())


def test_a_write_that_breaks_off_leaves_no_run(tmp_path: Path) -> None:
    broken = eventful().equity._replace(gross_usd=eventful().equity.gross_usd[:2])

    with pytest.raises(ValueError, match=r"shape|length|broadcast"):
        written(tmp_path, result(broken))

    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_run_without_anything_is_written_all_the_same(tmp_path: Path) -> None:
    folder = written(tmp_path, result(()), given=inputs(series=()))

    assert read_table(folder / "fills.parquet").num_rows == 0
    assert read_json(folder, SUMMARY)["metrics"]["sharpe"] == 0.0


@pytest.mark.req("PLAN-M2-ARTIFACTS")
def test_what_looks_like_a_secret_is_in_no_file(tmp_path: Path) -> None:
    parameters: Mapping[str, object] = {"fast": 5, "alerts": {"token": "hunter2-hunter2"}}

    folder = written(tmp_path, given=inputs(parameters=parameters))

    assert not [path.name for path in folder.iterdir() if b"hunter2" in path.read_bytes()]
    assert read_json(folder, SUMMARY)["parameters"]["fast"] == 5


@pytest.mark.req("REQ-BT1", "PLAN-NFR-DET")
def test_the_same_run_written_again_later_has_the_same_bytes_but_for_its_moment(tmp_path: Path) -> None:
    one = written(tmp_path / "a")
    other = written(tmp_path / "b", name="r2", given=inputs(series=inputs().series[::-1]))

    assert set(bytes_of(one)) == {f"{name}.parquet" for name in TABLES} | {SUMMARY}
    assert bytes_of(one) == bytes_of(other)
    assert (one / MOMENT).read_bytes() != (other / MOMENT).read_bytes()


def test_a_run_is_found_by_its_beginning_or_as_the_last_one(tmp_path: Path) -> None:
    for name in ("20260301T000000Z-aa", "20260302T000000Z-bb"):
        written(tmp_path, name=name)

    assert find_run(tmp_path, "last").name == "20260302T000000Z-bb"
    assert find_run(tmp_path, "20260301").name == "20260301T000000Z-aa"
    assert find_run(Path("/nowhere"), str(tmp_path / "20260301T000000Z-aa")).name == "20260301T000000Z-aa"
    with pytest.raises(NoRunError, match="names 2 runs"):
        find_run(tmp_path, "2026")
    with pytest.raises(NoRunError, match="no run '2027'"):
        find_run(tmp_path, "2027")


@pytest.mark.req("PLAN-M2-METRICS")
def test_what_a_ratio_is_worth_is_said_in_one_line(tmp_path: Path) -> None:
    varied, flat = written(tmp_path), written(tmp_path, result((100.0, 100.0)), name="r2")

    assert honest_line(varied).startswith("Sharpe ")
    assert "after 1 trial on these bars; 4 trading days are not enough to say" in honest_line(varied)
    assert "nothing can be said" in honest_line(flat)


def test_two_runs_within_a_second_have_two_names(tmp_path: Path) -> None:
    first = free_run_id(tmp_path, NOW, "0123456789")
    written(tmp_path, name=first)

    assert (first, free_run_id(tmp_path, NOW, "0123456789")) == (
        "20261121T200000Z-01234567",
        "20261121T200000Z-01234567-2",
    )


@pytest.mark.req("REQ-LOG-004")
def test_the_averages_of_six_trades_by_hand() -> None:
    trades = [
        trade("5", reason="target", minutes=10),
        trade("-3", reason="stop", minutes=20),
        trade("0", reason="5min_rule", minutes=5),
        trade("7", reason="target", minutes=40),
        trade("-9", reason="stop", minutes=15),
        trade("1.5", reason="eod", minutes=30),
    ]

    figures = trade_figures(trades)

    assert figures == {
        "total_trades": 6,
        "total_pnl": 1.5,
        "winners": 3,
        "losers": 2,
        "win_rate": 0.5,
        "avg_winner": 4.5,
        "avg_loser": -6.0,
        "largest_winner": 7.0,
        "largest_loser": -9.0,
        "avg_duration_min": 20.0,
        "exit_reasons": {
            "5min_rule": 1,
            "eod": 1,
            "error_force_close": 0,
            "external_close": 0,
            "killed": 0,
            "max_age": 0,
            "stop": 2,
            "target": 2,
        },
    }
    assert json.loads(json.dumps(trade_figures([])))["total_trades"] == 0
