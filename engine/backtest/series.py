"""Bars of one instrument as columns: what loaders make and the engine reads, without an object per bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NANOSECONDS: int = 1_000_000_000
"""Nanoseconds of a second."""


@dataclass(frozen=True, slots=True, eq=False)
class BarSeries:
    """Complete bars of one instrument and one length, oldest first; every column has the same length.

    Raises:
        ValueError: columns of different lengths, ends that are not strictly increasing, or no bar length.
    """

    key: str
    seconds: int
    """Length of a bar; 86,400 stands for one session (a daily bar ends at its session's close)."""
    end_ns: NDArray[np.int64]
    """Exclusive end of each bar, epoch nanoseconds UTC."""
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.int64]
    source: str = ""
    """Where the rows come from, for errors and reports; never a path of this machine in a result file."""
    adjustment: str = "unadjusted"
    """How prices were adjusted for splits and dividends, in words for the report."""

    rolls_ns: tuple[int, ...] = ()
    """Ends of the first bars of each new contract, where the series of a future changes contracts."""

    def __post_init__(self) -> None:
        """Refuse columns that do not belong together."""
        if self.seconds <= 0:
            raise ValueError(f"{self.key}: a bar length of {self.seconds} s is none")
        lengths = {len(column) for column in (self.open, self.high, self.low, self.close, self.volume)}
        if lengths != {len(self.end_ns)}:
            raise ValueError(
                f"{self.key}: columns of different lengths: {sorted(lengths | {len(self.end_ns)})}"
            )
        if len(self.end_ns) > 1 and not bool((np.diff(self.end_ns) > 0).all()):
            raise ValueError(f"{self.key}: ends of bars are not strictly increasing")

    def __len__(self) -> int:
        """Number of bars."""
        return len(self.end_ns)
