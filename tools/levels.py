"""Says of each level of the checks whether it passed: the last words of `.ci/run`, whatever became of it.

`python -m tools.levels RESULTS STEPS` reads what the tests wrote (tests/proofs.py) and the steps of the
script, one a line: name, passed or failed, seconds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

OF_TESTS: Final = ("unit", "property", "storm", "process", "e2e", "screens", "acceptance")
OF_STEPS: Final = (
    *("conformance", "ib_insync", "lint", "types", "walls", "secrets", "vulnerabilities"),
    *("traceability", "evidence"),
)


class Level(NamedTuple):
    """One kind of check. `state` is passed, failed, or not run where the script ended before it."""

    name: str
    state: str
    seconds: float
    said: str = ""

    def line(self) -> str:
        """For people."""
        return f"{self.name:16} {self.state:8} {self.seconds:6.0f} s  {self.said}".rstrip()


def levels(tests: Mapping[str, Mapping[str, float]], steps: Sequence[str]) -> list[Level]:
    """All levels in their order: of the tests from their results, the others from the script's steps."""
    told = {name: (state, float(seconds)) for name, state, seconds in (line.split("\t") for line in steps)}
    return [
        *(_of_tests(name, tests.get(name, {})) for name in OF_TESTS),
        *(Level(name, *told.get(name, ("not run", 0.0))) for name in OF_STEPS),
    ]


def _of_tests(name: str, seen: Mapping[str, float]) -> Level:
    passed, failed = round(seen.get("passed", 0)), round(seen.get("failed", 0))
    if not passed + failed:
        return Level(name, "not run", 0.0)
    said = f"{passed} tests passed" + (f", {failed} failed" if failed else "")
    return Level(name, "failed" if failed else "passed", seen.get("seconds", 0.0), said)


def main(results: Path, steps: Path) -> None:
    """Print a line for each level; seconds of tests are the sum over all processes that ran them."""
    text = results.read_text(encoding="utf-8") if results.exists() else ""
    tests = json.loads(text).get("levels", {}) if text.strip() else {}
    for level in levels(tests, steps.read_text(encoding="utf-8").splitlines()):
        sys.stdout.write(f"{level.line()}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
