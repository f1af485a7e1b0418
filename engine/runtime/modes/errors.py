"""Counts the log's records at ERROR or above: a clean day has none."""

from __future__ import annotations

import logging


class ErrorCount(logging.Handler):
    """Put on the root logger it sees every record that is logged, by whichever library."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.total = 0

    def emit(self, record: logging.LogRecord) -> None:
        """One more."""
        self.total += 1
