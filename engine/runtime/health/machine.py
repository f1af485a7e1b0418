"""Measures the machine: memory, processors, disk, clock. Called in a thread, never on the engine's loop."""

from __future__ import annotations

import os
import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from engine.health.machine import ClockSync, Share
from engine.runtime.health.clock_sync import read_clock_sync

_PROC: Final = Path("/proc")
_CGROUP_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
_MB: Final = 1024.0 * 1024.0


class MachineFigures(NamedTuple):
    """One look at the machine. None is what could not be measured."""

    memory: Share
    cpu: Share
    """Over the window; None until it has begun to fill."""
    free_disk_mb: float | None
    clock: ClockSync


class Machine(Protocol):
    """Something that can be looked at; a test has one of its own."""

    def look(self) -> MachineFigures:
        """Measure now. May block for a moment; never raises."""
        ...


class _CpuMark(NamedTuple):
    at_s: float
    own_s: float
    busy: float
    total: float


class OsMachine:
    """The machine we run on."""

    def __init__(
        self, state_dir: Path, *, cpu_window_s: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._state_dir = state_dir
        self._window_s = cpu_window_s
        self._monotonic = monotonic
        self._processors = len(os.sched_getaffinity(0))
        self._marks: deque[_CpuMark] = deque()

    def look(self) -> MachineFigures:
        """Everything at once."""
        return MachineFigures(self._memory(), self._cpu(), self._disk(), read_clock_sync())

    def _memory(self) -> Share:
        figures = _fields(_PROC / "meminfo")
        total, free = figures.get("MemTotal"), figures.get("MemAvailable")
        machine = None if not total or free is None else 100.0 * (total - free) / total
        resident = _fields(_PROC / "self" / "status").get("VmRSS")
        limit = _cgroup_limit_kb()
        allowed = min(v for v in (limit, total) if v) if limit or total else None
        own = None if resident is None or not allowed else 100.0 * resident / allowed
        return Share(own, machine)

    def _cpu(self) -> Share:
        busy, total = _machine_times()
        mark = _CpuMark(self._monotonic(), time.process_time(), busy, total)
        marks = self._marks
        marks.append(mark)
        # One mark older than the window stays: the share is taken over at least the whole of it.
        while len(marks) > 2 and mark.at_s - marks[1].at_s >= self._window_s:
            marks.popleft()
        first = marks[0]
        passed_s = mark.at_s - first.at_s
        if passed_s < self._window_s:
            return Share(None, None)
        own = 100.0 * (mark.own_s - first.own_s) / (passed_s * self._processors)
        turns = mark.total - first.total
        return Share(own, 100.0 * (mark.busy - first.busy) / turns if turns > 0 else None)

    def _disk(self) -> float | None:
        try:
            return shutil.disk_usage(self._state_dir).free / _MB
        except OSError:
            return None


def _fields(path: Path) -> dict[str, float]:
    """`Name:  123 kB` lines of a file of the kernel, kB; empty where it cannot be read."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        name, _, rest = line.partition(":")
        number = rest.split()[:1]
        if number and number[0].isdigit():
            found[name] = float(number[0])
    return found


def _cgroup_limit_kb() -> float | None:
    """What the container lets us have; None where there is no limit."""
    try:
        text = _CGROUP_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return float(text) / 1024.0 if text.isdigit() else None


def _machine_times() -> tuple[float, float]:
    """(busy, all) turns of all processors since the machine started; zeros where they are not told."""
    try:
        first = (_PROC / "stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    except OSError:
        return 0.0, 0.0
    turns = [float(word) for word in first]
    idle = sum(turns[3:5])
    return sum(turns) - idle, sum(turns)
