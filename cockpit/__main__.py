"""`python -m cockpit` and the console script: hand over to the command line."""

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from cockpit.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
