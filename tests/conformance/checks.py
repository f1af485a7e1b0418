"""Counts what a client library saw and says so plainly; no dependency, so that any environment runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable


class Checks:
    """Named yes/no results of one run."""

    def __init__(self, client: str) -> None:
        self._client = client
        self._passed = 0
        self._failed: list[str] = []

    def that(self, name: str, condition: object, seen: object = "") -> None:
        """One expectation; `seen` is printed where it fails."""
        if condition:
            self._passed += 1
            return
        self._failed.append(name)
        print(f"FAILED {self._client}: {name}; seen: {seen!r}"[:2000], flush=True)

    def finish(self) -> int:
        """Print the count; the exit code."""
        total = self._passed + len(self._failed)
        print(f"{self._client}: {self._passed} of {total} checks passed", flush=True)
        return 1 if self._failed else 0


def run(client: str, script: Callable[[Checks, int], None]) -> None:
    """Run a script against the port given on the command line and exit with its result."""
    checks = Checks(client)
    script(checks, int(sys.argv[1]))
    sys.exit(checks.finish())
