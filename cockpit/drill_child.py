"""The cockpit inside a drill: the command line as it is, with the strategy that drills trade with."""

from __future__ import annotations

import sys

from cockpit import cli
from engine.runtime.drills import trader

STRATEGIES = (trader.DrillTrader,)
"""Registered by being imported."""

if __name__ == "__main__":
    sys.exit(cli.run())
