"""The headless cockpit as it is started from a shell, noting every long gap between ticks that it handled.

Run by `attached_gap.py`: python -m benchmarks.gap_child FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from cockpit.launcher import Start, start
from engine.domain.market import Quote
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.inbox import Inbox

STAMPS = "gaps.json"
WORTH_MS = 20.0
"""Shorter gaps are not kept: the gateway tells prices that often."""


@dataclass
class Gaps:
    """What the engine's process noted; each entry is the end (monotonic seconds) and the length (ms)."""

    ticks: list[tuple[float, float]] = field(default_factory=list)
    """From one handled tick to the next."""
    lags: list[tuple[float, float]] = field(default_factory=list)
    """By how much a timer of the engine's loop was late."""

    def write(self, folder: Path) -> None:
        """Leave them for the parent."""
        text = json.dumps({"ticks": self.ticks, "lags": self.lags})
        (folder / STAMPS).write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Gaps:
        """What a child left."""
        return cls(**json.loads((folder / STAMPS).read_text(encoding="utf-8")))


def watch() -> Gaps:
    """Note the gaps of every engine of this process."""
    gaps, last_s = Gaps(), time.monotonic()
    on_quote, note = Inbox.on_quote, LoopLagProbe.note

    def noted_quote(self: Inbox, quote: Quote) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if (now_s - last_s) * 1e3 > WORTH_MS:
            gaps.ticks.append((now_s, (now_s - last_s) * 1e3))
        last_s = now_s
        on_quote(self, quote)

    def noted_lag(self: LoopLagProbe, late_ms: float, *, now_s: float) -> None:
        if late_ms > WORTH_MS:
            gaps.lags.append((time.monotonic(), late_ms))
        note(self, late_ms, now_s=now_s)

    for owner, name, method in ((Inbox, "on_quote", noted_quote), (LoopLagProbe, "note", noted_lag)):
        setattr(owner, name, method)
    return gaps


def main() -> int:
    """Start it like `cockpit --paper --headless --config FOLDER/cockpit.toml`."""
    folder, gaps = Path(sys.argv[1]), watch()
    try:
        return start(Start(mode="PAPER", headless=True, config=folder / "cockpit.toml", version="0"))
    finally:
        gaps.write(folder)


if __name__ == "__main__":
    sys.exit(main())
