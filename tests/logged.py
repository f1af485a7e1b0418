"""What one module logs, whatever logs other tests of the same process have set up before."""

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
