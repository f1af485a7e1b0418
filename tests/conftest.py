"""Profiles of the property tests (no deadlines: machines here are noisy), and what a run proves."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.proofs import (  # noqa: F401 - hooks that pytest calls
    pytest_collection_modifyitems,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)

settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", parent=settings.get_profile("shared"), max_examples=2000)
settings.load_profile("shared")
