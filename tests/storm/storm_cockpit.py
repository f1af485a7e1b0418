"""The real command line with the tests' own strategies: `python -m tests.storm.storm_cockpit --paper …`."""

from __future__ import annotations

import sys

from cockpit import cli
from tests.e2e import scripted
from tests.storm import breakout, churn

STRATEGIES = (scripted.Scripted, churn.Churn, breakout.Breakout)
"""Registered by being imported."""

if __name__ == "__main__":
    sys.exit(cli.run())
