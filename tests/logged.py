"""What a module logs, whatever logs other tests of the same process set up before; and logs put back."""

from __future__ import annotations

from types import ModuleType

import pytest
import structlog
from structlog.testing import LogCapture


def logged_by(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    """Collect the lines of a module's `_log` from now on.

    structlog's own `capture_logs` misses a logger that was used under a real log before: it has kept that.
    """
    capture = LogCapture()
    monkeypatch.setattr(module, "_log", structlog.wrap_logger(None, processors=[capture]))
    return capture


def plain_logs() -> None:
    """Put the library's own configuration back, but for its traces.

    A trace in colour with every local of a whole engine takes seconds to draw, and nobody looks at it.
    """
    structlog.reset_defaults()
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
