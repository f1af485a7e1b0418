"""What keeps a cockpit from starting or a command from being given, with the exit code each means.

StartError
├── UsageError      2  wrong use or wrong configuration
├── NotRunningError 3  no engine to talk to
├── RefusedError    4  a safety rule says no
└── FailedError     1  tried, and it did not work
"""

from __future__ import annotations


class StartError(Exception):
    """A sentence for the operator: what happened, to what, and what to do now."""

    exit_code = 1


class FailedError(StartError):
    """It was tried and did not work (a folder, a port, a process)."""


class UsageError(StartError):
    """The command or the configuration is wrong."""

    exit_code = 2


class NotRunningError(StartError):
    """No engine answers here."""

    exit_code = 3


class RefusedError(StartError):
    """A safety rule refuses; nothing was changed."""

    exit_code = 4
