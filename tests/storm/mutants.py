"""Planted bugs: a storm that does not find these proves nothing.

`python -m tests.storm.mutants --seeds N` plants each in turn and runs seeds until one breaks a promise.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.storm.plant import PLANTS, Plant, planted

WANTED = 0.9
"""Part of the planted bugs that must be found."""
SEEDS = 300


class Finding(NamedTuple):
    """Whether a planted bug was found; `seed` is the one that found it, None where none did."""

    name: str
    seed: int | None
    violation: str


def hunt(plant: Plant, seeds: range) -> Finding:
    """Run seeds with the bug until a promise breaks."""
    for seed in seeds:
        with planted(plant):
            violations = plant.run(seed)
        # Only what the bug alone brought counts.
        if violations and not _is_misfit(violations[0]) and not plant.run(seed):
            return Finding(plant.name, seed, violations[0])
    return Finding(plant.name, None, "")


def _is_misfit(violation: str) -> bool:
    """The bug no longer fits the part it is put over: that this fails at once proves nothing."""
    return any(f"{error.__name__}:" in violation for error in (TypeError, AttributeError))


def _hunt(job: tuple[str, range]) -> Finding:
    name, seeds = job
    return hunt(next(p for p in PLANTS if p.name == name), seeds)


def main() -> int:
    """Hunt them all. 1 where too few were found."""
    options = _arguments()
    seeds = range(options.first, options.first + options.seeds)
    names = [p.name for p in PLANTS if options.only in ("", p.name)]
    began_s = time.monotonic()
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
        findings = list(_told(pool.imap_unordered(_hunt, [(name, seeds) for name in names])))
    found = [f for f in findings if f.seed is not None]
    share = len(found) / len(findings)
    print(f"{len(found)} of {len(findings)} planted bugs found ({share:.0%}) within {len(seeds)} seeds each")
    missed = sorted(f.name for f in findings if f.seed is None)
    print(f"not found: {', '.join(missed) or 'none'}; {time.monotonic() - began_s:.0f} s")
    return 0 if share >= WANTED else 1


def _told(findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        what = "NOT FOUND" if finding.seed is None else f"seed {finding.seed}: {finding.violation[:110]}"
        print(f"{finding.name:34} {what}", flush=True)
        yield finding


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.storm.mutants", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="most seeds per planted bug")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", default="", help="one planted bug by name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
