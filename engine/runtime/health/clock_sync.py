"""Asks the kernel whether the machine's clock is synchronised, and how far off it may be (adjtimex)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import ClassVar, Final

from engine.api import Mode
from engine.config import Config
from engine.health.machine import ClockSync, clock_problem
from engine.runtime.process.errors import RefusedError
from engine.runtime.process.options import RunOptions

_UNSYNCED: Final = 0x0040
_NANOSECONDS: Final = 0x2000
_CLOCK_ERROR: Final = 5
"""What the call returns while the clock is not synchronised."""


class _Timex(ctypes.Structure):
    """The kernel's struct timex, up to what is read; the rest is room."""

    _fields_: ClassVar = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    ]


def read_clock_sync() -> ClockSync:
    """What the kernel says right now; `synced` is None where this system has no such call."""
    asked = _Timex()
    try:
        answer = int(ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(asked)))
    except (OSError, AttributeError):
        return ClockSync(None)
    if answer < 0:
        return ClockSync(None)
    return judged(answer, status=asked.status, offset=asked.offset, esterror_us=asked.esterror)


def judged(answer: int, *, status: int, offset: int, esterror_us: int) -> ClockSync:
    """The kernel's figures as one value: the drift is the larger of its offset and its estimated error."""
    if answer == _CLOCK_ERROR or status & _UNSYNCED:
        return ClockSync(synced=False)
    per_ms = 1_000_000.0 if status & _NANOSECONDS else 1_000.0
    return ClockSync(synced=True, drift_ms=max(abs(offset) / per_ms, esterror_us / 1_000.0))


def refuse_bad_clock(config: Config, options: RunOptions, *, read: Callable[[], ClockSync]) -> None:
    """Nothing is traded on a real gateway by a clock that may be wrong. Raises RefusedError.

    The embedded exchange has a clock of its own, and a dry run sends nothing: there the health screen tells.
    """
    if options.gateway.kind == "embedded" or options.mode is Mode.DRY_RUN:
        return
    problem = clock_problem(read(), max_drift_ms=config.security.max_clock_drift_ms)
    if problem:
        raise RefusedError(
            f"{problem}: {options.mode.value} on a real gateway needs one that is right to "
            f"{config.security.max_clock_drift_ms:g} ms. Nothing was started. Let the machine synchronise it "
            "(timedatectl set-ntp true, or chrony) and see `timedatectl status`; --dry-run runs without"
        )
