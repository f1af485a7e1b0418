"""Starts the paper gateway: `python -m engine.gateway --state DIR`."""

from __future__ import annotations

import logging
import sys

from engine.gateway.arguments import parse_arguments
from engine.gateway.process import run


def main() -> int:
    """Entry point of the process; returns its exit code."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    return run(parse_arguments(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
