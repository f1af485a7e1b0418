"""Records that every check passed, and of which code: the last step of `.ci/run`, read by a gate of --live.

`python -m tools.ci_evidence RESULTS` writes `state/ci-evidence.json` from the results of the test run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from cockpit import __version__
from engine.runtime.modes.code import digest_of
from engine.runtime.modes.gather import CI_FILE

ROOT = Path(__file__).parents[1]


def record(results: Path, target: Path) -> None:
    """Write the evidence. Raises SystemExit where a test failed or none ran."""
    seen = json.loads(results.read_text(encoding="utf-8"))
    if seen["failed"] or not seen["passed"]:
        raise SystemExit(f"no evidence: {seen['failed']} tests failed, {seen['passed']} passed")
    found = {
        "code": digest_of(ROOT),
        "commit": _commit(),
        "version": __version__,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        **seen,
    }
    target.parent.mkdir(mode=0o700, exist_ok=True)
    target.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _commit() -> str:
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    return done.stdout.strip()


if __name__ == "__main__":
    record(Path(sys.argv[1]), ROOT / "state" / CI_FILE)
