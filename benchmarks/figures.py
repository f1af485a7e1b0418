"""What a figure is: a measured value beside its aim, printed the same way by every script here.

Run `python -m benchmarks.figures [--quick] [NAME ...]` for all of them (the same as `python -m benchmarks`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from runpy import run_module


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; smaller is better."""

    name: str
    value: float
    unit: str
    """`x` for a ratio to a control of the same run."""
    aim: float | None
    """What it should not exceed; None where the value is told without one."""
    note: str = ""
    """The control, the number of samples, the absolute value."""

    @property
    def passes(self) -> bool:
        """Whether the aim is reached; true where there is none."""
        return self.aim is None or self.value <= self.aim

    def line(self) -> str:
        """One row of the table."""
        verdict = "" if self.aim is None else "PASS" if self.passes else "FALLS SHORT"
        aim = "" if self.aim is None else f"<= {self.aim:g} {self.unit}"
        value = f"{self.value:,.2f} {self.unit}"
        return f"{self.name:<46} {value:>14}  {aim:<12} {verdict:<12} {self.note}".rstrip()


def show(figures: Iterable[Figure]) -> None:
    """Print the table."""
    for figure in figures:
        print(figure.line(), flush=True)


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile (0..1) by nearest rank. Raises ValueError for no values."""
    if not values:
        raise ValueError("nothing was measured: no quantile")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * q))]


if __name__ == "__main__":
    sys.exit(run_module("benchmarks", run_name="benchmarks.__main__")["main"]())
