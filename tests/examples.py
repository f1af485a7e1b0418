"""How many examples a property is tried with: few in the suite, twenty times as many in the long campaign."""

from __future__ import annotations

from hypothesis import settings

USUAL = 100
"""What a property gets that names no number of its own."""


def examples(number: int) -> int:
    """`number` in the suite, in proportion more under `--hypothesis-profile=soak`."""
    return number * settings.default.max_examples // USUAL
