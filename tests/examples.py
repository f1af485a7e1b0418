"""How many examples a property is tried with: few in the suite, forty times as many in the long campaign."""

from __future__ import annotations

from hypothesis import settings

USUAL = 100
"""The scale that the numbers below are told on: a property that names none has this one."""


def examples(number: int) -> int:
    """Half of `number` in the suite, twenty times as many under `--hypothesis-profile=soak`."""
    return max(1, number * settings.default.max_examples // USUAL)
