"""Many seeds: run them, in as many processes as there are hands, and say how to repeat what failed."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.storm.world import Storm

FAILED_SEEDS = Path(__file__).with_name("failed_seeds.txt")
"""Seeds that ever failed: run again for ever."""
_LAST = 40


class Verdict(NamedTuple):
    """What one seed showed; `report` is empty where every promise was kept."""

    seed: int
    violations: tuple[str, ...]
    report: str


def judge(seed: int) -> Verdict:
    """Run one seed."""
    storm = Storm(seed).run()
    report = "" if not storm.violations else report_of(storm, last=_LAST)
    return Verdict(seed, tuple(storm.violations), report)


def report_of(storm: Storm, *, last: int | None = None) -> str:
    """Everything needed to repeat a run, and its last events."""
    lines = [
        f"seed {storm.seed}: {len(storm.violations)} violation(s), journal {storm.journal_hash}",
        *(f"  {text}" for text in storm.violations),
        f"  weather: {storm.weather.drawn()}",
        f"  lives {len(storm.lives)}, commits and sends {dict(storm.fate.totals)}",
        f"  repeat: python -m tests.storm --only {storm.seed} --trace",
    ]
    shown = storm.journal if last is None else storm.journal[-last:]
    return "\n".join([*lines, *(f"    {line}" for line in shown)])


def run_all(seeds: Iterable[int], *, jobs: int) -> Iterator[Verdict]:
    """Verdicts as they come."""
    if jobs == 1:
        yield from map(judge, seeds)
        return
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(judge, seeds, chunksize=4)


def run_for(seconds: float, *, first: int) -> Iterator[Verdict]:
    """Seeds from `first` on, one after the other, until the time is up."""
    ends_s = time.monotonic() + seconds
    seed = first
    while time.monotonic() < ends_s:
        yield judge(seed)
        seed += 1


def fresh_start() -> int:
    """Where a fresh window of seeds begins: drawn anew each time, unless COCKPIT_STORM_SEED names it."""
    named = os.environ.get("COCKPIT_STORM_SEED")
    return int(named) if named else int.from_bytes(os.urandom(4), "big")


def ever_failed() -> tuple[int, ...]:
    """The seeds of the file, comments left out."""
    lines = FAILED_SEEDS.read_text(encoding="utf-8").splitlines()
    return tuple(int(line.split()[0]) for line in lines if line.strip() and not line.startswith("#"))
