"""Plays recorded days for the pivot trader: `python -m tests.days [IBM-20131007 …] [--write]`.

Without a name every day; each is held against its kept file, and `--write` keeps what came out instead.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

import structlog

from tests.days.golden import path_of, trades_of
from tests.days.lockstep import LockstepLoop
from tests.days.recorded import DAYS, RecordedDay, named


def played(one: RecordedDay) -> str:
    """The whole day's text."""
    with (
        tempfile.TemporaryDirectory(prefix="ck-") as folder,
        asyncio.Runner(loop_factory=LockstepLoop) as runner,
    ):
        return runner.run(trades_of(one, Path(folder)))


def main() -> int:
    """Play what is asked for; 1 where a day is not as it was kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="DAY", help=f"of {', '.join(DAYS)}; every one where none is named"
    )
    parser.add_argument("--write", action="store_true", help="keep what comes out")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    wrong = 0
    for one in [named(name) for name in asked.names] or DAYS.values():
        began_s = time.perf_counter()
        text, path = played(one), path_of(one)
        if asked.write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        is_same = path.is_file() and path.read_text(encoding="utf-8") == text
        wrong += not is_same
        verdict = "as kept" if is_same else f"NOT as kept in {path.name}:\n{text}"
        print(f"{one.name} {time.perf_counter() - began_s:6.1f} s, {verdict}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
