"""Profiles of the property tests: no deadlines, because machines here are shared and noisy."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", parent=settings.get_profile("shared"), max_examples=2000)
settings.load_profile("shared")
