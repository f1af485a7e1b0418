"""Two runs of the same inputs are the same bytes, whatever the process was given for its hashes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a run but that of its moment."""
    return {
        p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name not in ("run.json", "report.html")
    }


@pytest.mark.req("REQ-BT1", "PLAN-M2-AC-DET", "PLAN-M2-AC-ARTIFACTS")
def test_the_sample_gives_the_same_bytes_in_two_processes(tmp_path: Path) -> None:
    runs = []
    for seed in ("0", "1234"):
        results = tmp_path / seed
        where = ("--state", str(tmp_path / "state"), "--results", str(results))
        environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "cockpit", "backtest", "--sample", *where],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "sample: 31,200 bars" in done.stdout
        trades = re.search(r"USD, ([\d,]+) trades", done.stdout)
        assert trades is not None
        assert int(trades[1].replace(",", "")) > 100, "the sample shows what trading looks like"
        (folder,) = results.glob("2*")
        assert (folder / "report.html").is_file()
        runs.append(files(folder))
    assert runs[0] == runs[1]
    assert {"summary.json", "fills.parquet", "orders.parquet", "equity.parquet"} <= runs[0].keys()
