"""Holds the backtest of the invented market against its agreed figures; --write agrees on new ones.

python -m tools.baseline            exit code 1 and the difference as JSON where a figure moved over 2 %
python -m tools.baseline --write    the figures of today become the agreed ones
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from engine.backtest.regression import as_json, deviations
from engine.backtest.run_directory import SUMMARY, find_run, read_json
from engine.backtest.sweep.outcome import flat_figures

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / "tests" / "backtest" / "baseline.json"


def measured(folder: Path) -> dict[str, Any]:
    """The figures of `cockpit backtest --sample` and the hashes of what went in; files go to `folder`."""
    # A process of its own, in an empty home: no configuration of this machine may have a say.
    environ = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(  # noqa: S603 - this interpreter, words of our own
        [sys.executable, "-m", "cockpit", "backtest", "--sample", "--results", str(folder / "results")],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        raise RuntimeError(f"the backtest of the sample failed: {ran.stderr.strip() or ran.stdout.strip()}")
    summary = read_json(find_run(folder / "results", "last"), SUMMARY)
    return {
        "config_hash": summary["config_hash"],
        "data_hash": summary["data_hash"],
        "metrics": flat_figures(summary["metrics"]),
    }


def agreed() -> dict[str, Any]:
    """What is in the repository."""
    found: dict[str, Any] = json.loads(BASELINE.read_text(encoding="utf-8"))
    return found


def main() -> int:
    """Compare, or write."""
    with tempfile.TemporaryDirectory() as folder:
        now = measured(Path(folder))
    if "--write" in sys.argv[1:]:
        BASELINE.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
        sys.stdout.write(f"{BASELINE.relative_to(ROOT)}: {len(now['metrics'])} figures agreed on\n")
        return 0
    found = deviations(agreed()["metrics"], now["metrics"])
    sys.stdout.write(json.dumps(as_json(found), indent=2) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
