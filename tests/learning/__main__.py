"""`python -m tests.learning --seeds A..B`: the learned trader's goals over many worlds, from the shell."""

from __future__ import annotations

import argparse
import os
import sys

from tests.learning.campaign import COMPOSED, PARTS, goals


def main() -> int:
    """Play the worlds and say which goals were reached. 1 where one was missed."""
    options = _arguments()
    first, _, last = options.seeds.partition("..")
    seeds = range(int(first), int(last or first) + 1)
    only = options.only or (COMPOSED if options.composition else PARTS)
    missed = 0
    for goal in goals(seeds, events=options.events, jobs=options.jobs, only=only):
        missed += not goal.reached
        print(f"{'reached' if goal.reached else 'MISSED '}  {goal.name}: {goal.figures}", flush=True)
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.learning", description=__doc__)
    parser.add_argument("--seeds", default="0..199", help="first and last seed, as A..B")
    parser.add_argument("--events", type=int, default=8000, help="decisions per world")
    parser.add_argument("--only", nargs="*", default=[], choices=[*PARTS, *COMPOSED])
    parser.add_argument("--composition", action="store_true", help="the whole strategy in the loop")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
