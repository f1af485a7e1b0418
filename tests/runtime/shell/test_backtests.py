"""`cockpit backtest` as a person types it: what it cannot test is said, and costs no run."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli_w
from typer.testing import CliRunner, Result

from cockpit.cli import app

LEARNED = {
    "kind": "learned_futures",
    "timeframe": "5s",
    "profile": "futures",
    "symbols": ["ES@CME"],
}


def backtest(folder: Path, strategies: dict[str, object], *words: str) -> Result:
    """Ask for a backtest with these strategies configured."""
    path = folder / "cockpit.toml"
    path.write_text(tomli_w.dumps({"strategies": strategies}), encoding="utf-8")
    return CliRunner().invoke(app, ["backtest", "--config", str(path), "--state", str(folder), *words])


@pytest.mark.parametrize("words", [(), ("--strategy", "learner")])
def test_a_learned_strategy_alone_is_refused_with_its_reason_and_not_run_in_vain(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    said = backtest(tmp_path, {"learner": LEARNED}, *words)

    assert said.exit_code == 2
    assert "it learns from ticks and the depth of the book, and recorded bars have neither" in said.output
    assert not (tmp_path / "results").exists()
