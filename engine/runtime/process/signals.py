"""Signals are the main thread's: every other thread blocks them, so that they are acted on at once.

The kernel may hand a process's signal to any thread that takes it. Python runs handlers on the main thread
only, and one that waits on a lock would not wake up for a signal that another thread has swallowed.
"""

from __future__ import annotations

import signal
from typing import Final

MAIN_THREADS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGWINCH)


def leave_signals_to_main() -> None:
    """Called first thing in a thread; threads that it starts inherit it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, MAIN_THREADS)
