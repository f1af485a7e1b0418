"""`python -m tests.storm --seeds A..B`: the storm from the shell."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter

from tests.storm.campaign import fresh_start, report_of, run_all
from tests.storm.world import Storm


def main() -> int:
    """Run a range of seeds, or one with its whole story. 1 where a promise was broken."""
    options = _arguments()
    if options.only is not None:
        storm = Storm(options.only).run()
        print(report_of(storm, last=None if options.trace else 40))
        return 1 if storm.violations else 0
    if options.fresh:
        start = fresh_start()
        return _campaign(range(start, start + options.fresh), jobs=options.jobs)
    first, _, last = options.seeds.partition("..")
    return _campaign(range(int(first), int(last or first) + 1), jobs=options.jobs)


def _campaign(seeds: range, *, jobs: int) -> int:
    began_s, broken = time.monotonic(), Counter[str]()
    failing = 0
    for verdict in run_all(seeds, jobs=jobs):
        if verdict.violations:
            failing += 1
            broken[verdict.violations[0].split(": ", 1)[1].split()[0]] += 1
            print(verdict.report, end="\n\n", flush=True)
    took_s = time.monotonic() - began_s
    rate = len(seeds) / took_s
    print(f"seeds {seeds.start}..{seeds.stop - 1}: {failing} violating of {len(seeds)} ({dict(broken)})")
    print(f"{took_s:.1f} s, {rate:.1f} seeds/s in {jobs} process(es)")
    return 1 if failing else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--seeds", default="0..99", help="first and last seed, as A..B")
    parser.add_argument("--fresh", type=int, default=0, metavar="N", help="N seeds never run before")
    parser.add_argument("--only", type=int, help="one seed, with its report")
    parser.add_argument("--trace", action="store_true", help="with --only: the whole journal")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
