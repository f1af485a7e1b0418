"""Profiles of the property tests (no deadlines: machines here are noisy), and what a run proves."""

from __future__ import annotations

import structlog
from hypothesis import HealthCheck, settings

from tests.proofs import (  # noqa: F401 - hooks that pytest calls
    pytest_collection_modifyitems,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)

# A trace in colour with every local of a whole engine takes seconds to draw, and nobody looks at it.
_PLAIN = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _PLAIN])

settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", parent=settings.get_profile("shared"), max_examples=2000)
settings.load_profile("shared")
