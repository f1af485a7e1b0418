"""Asks the kernel whether the machine's clock is synchronised, and how far off it may be (adjtimex)."""

from __future__ import annotations

import ctypes
from typing import ClassVar, Final

from engine.health.machine import ClockSync

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
