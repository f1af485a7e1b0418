"""Plays recorded days for the pivot trader: `python -m tests.days [IBM-20131007 …] [--write]`.

Without a name every day; each is held against its kept file, and `--write` keeps what came out instead. Then
each is decided once more from its own event log, which must give the same to the last byte.
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

from engine.backtest.relive.session import Relived
from tests.days.golden import again, path_of, trades_of
from tests.days.lockstep import LockstepLoop
from tests.days.recorded import DAYS, RecordedDay, named


def played(one: RecordedDay) -> tuple[str, Relived]:
    """The whole day's text, and what came of deciding it once more."""
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        with asyncio.Runner(loop_factory=LockstepLoop) as runner:
            text = runner.run(trades_of(one, Path(folder)))
        return text, again(one, Path(folder))


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
        (text, found), path = played(one), path_of(one)
        if asked.write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        is_same = path.is_file() and path.read_text(encoding="utf-8") == text
        wrong += not is_same
        verdict = "as kept" if is_same else f"NOT as kept in {path.name}:\n{text}"
        print(f"{one.name} {time.perf_counter() - began_s:6.1f} s, {verdict}", flush=True)
        wrong += bool(found.differences)
        print(f"  once more: {found.decisions} decisions, {found.orders} orders, {found.rows} rows", end="")
        print(f", {len(found.differences)} DIFFERENCES {found.differences[:3]}" if found.differences else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
