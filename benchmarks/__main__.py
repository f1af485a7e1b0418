"""Runs every benchmark and prints one table: value, aim, PASS or FALLS SHORT, and the control beside it.

Run `python -m benchmarks [--quick] [NAME ...]` from the project's root; without names all, one after the
other, since two at once would measure each other. One that fails ends none of the others: its error is told
and counted. Exit code 1 where a figure falls short of its aim or a benchmark failed.
"""

from __future__ import annotations

import importlib
import sys
import traceback

from benchmarks.figures import Figure, show

NAMES = (
    "first_paint",
    "tick_to_order",
    "pivot_to_order",
    "monitoring",
    "gate",
    "learning",
    "queues",
    "durable_write",
    "market_fill",
    "table_refresh",
    "keys",
    "terminal_bytes",
    "attached_gap",
    "recovery",
    "backtest",
    "twenty_years",
)


def measured(name: str, *, quick: bool) -> list[Figure]:
    """The figures of one benchmark."""
    made: list[Figure] = importlib.import_module(f"benchmarks.{name}").figures(quick=quick)
    return made


def main() -> int:
    """Print the table as it grows."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(f"{__doc__}\nThere are: {', '.join(NAMES)}.")
        return 0
    asked = [word for word in sys.argv[1:] if not word.startswith("-")]
    unknown = [name for name in asked if name not in NAMES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    short, failed = 0, []
    for name in asked or NAMES:
        try:
            figures = measured(name, quick="--quick" in sys.argv)
        except (Exception, SystemExit):
            traceback.print_exc()
            failed.append(name)
            continue
        show(figures)
        short += sum(not figure.passes for figure in figures)
    if failed:
        print(f"failed, and measured nothing: {', '.join(failed)}", file=sys.stderr)
    return 1 if short or failed else 0


if __name__ == "__main__":
    sys.exit(main())
