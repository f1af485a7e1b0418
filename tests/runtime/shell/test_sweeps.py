"""`cockpit sweep` as a person types it, on the invented market."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from cockpit.cli import app

SHORT = ("--sample", "--jobs", "1", "--from", "2026-01-20", "--to", "2026-01-22")


def sweep(folder: Path, *words: str) -> Result:
    """Ask for a sweep whose results go to `folder`."""
    return CliRunner().invoke(app, ["sweep", "--state", str(folder), *words])


@pytest.mark.req("PLAN-M2-METRICS")
def test_each_combination_is_a_row_and_the_second_time_nothing_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    varied = ("--set", "strategies.sample.fast=5,10")
    first = sweep(tmp_path, *SHORT, *varied)
    assert first.exit_code == 0, first.output
    (path,) = (tmp_path / "results" / "sweeps").glob("*.parquet")
    table = pq.read_table(path)
    assert table.column("set.strategies.sample.params.fast").to_pylist() == [5, 10]
    assert table.column("days").to_pylist() == [3, 3]
    assert min(table.column("trades_total_trades").to_pylist()) > 0
    assert len(set(table.column("final_usd").to_pylist())) == 2
    assert "2 ever run on these bars" in first.output

    monkeypatch.setattr("engine.runtime.shell.sweeps.run_backtest", None)  # whoever plays again breaks
    second = sweep(tmp_path, *SHORT, *varied)

    assert (second.exit_code, second.output) == (0, first.output)


def test_a_walk_forward_chooses_tests_and_says_how_it_went_out_of_sample(tmp_path: Path) -> None:
    said = sweep(tmp_path, *SHORT, "--set", "strategies.sample.fast=5,10", "--walk-forward", "2:1")

    assert said.exit_code == 0, said.output
    assert "fold 1: strategies.sample.params.fast=" in said.output
    assert "out of sample: 1 days" in said.output
    (path,) = (tmp_path / "results" / "sweeps").glob("*.parquet")
    assert pq.read_table(path).column("part").to_pylist() == ["train", "train", "test"]


def test_the_least_fall_is_the_best_where_that_is_asked_for(tmp_path: Path) -> None:
    said = sweep(tmp_path, *SHORT, "--set", "strategies.sample.fast=5,10", "--metric", "max_drawdown")

    assert said.exit_code == 0, said.output
    shown = [float(found) for found in re.findall(r"max_drawdown ([\d.]+)", said.output)]
    assert len(shown) == 2
    assert shown == sorted(shown)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing is varied"),
        (("--set", "strategies.sample.fast=5", "--metric", "luck"), "--metric luck: known are"),
        (("--set", "strategies.sample.fast=5", "--metric", "orders"), "say orders:highest or orders:lowest"),
        (("--set", "strategies.sample.fast=5", "--walk-forward", "long"), "expected TRAIN:TEST"),
        (("--set", "strategies.sample.fast=5", "--walk-forward", "9:9"), "needs 18 trading days"),
        (("--set", "risk.max_positons=5"), "risk.max_positons"),
    ],
)
def test_what_cannot_be_meant_is_wrong_use_before_anything_runs(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    told = sweep(tmp_path, *SHORT, *words)

    assert told.exit_code == 2
    assert said in told.output
    assert not (tmp_path / "results").exists()
