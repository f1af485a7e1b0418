"""Can the numbers be trusted: every monitor of the engine, and the screen's own pace."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from textual.geometry import Size

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.frame import Frame, ScreenState, mark_of_level, tone_of_level
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Span, Tone, line, pad
from engine.api import HealthRow, Level

_WORDS = {Level.WARNING: "WARN ", Level.ERROR: "ERROR ", Level.CRITICAL: "CRITICAL "}

_USUAL = {"broker", "data", "clock", "loop", "store", "margin", "breakers", "screen"}
"""Rows that are always in the panel; the others are on the health screen as long as they are well."""


class HealthPanel(Panel):
    """One line per monitor, troubled ones first."""

    def title_of(self, frame: Frame) -> str:
        """Name, how many are in trouble, age."""
        bad = sum(1 for row in health_rows(frame) if row.level not in {Level.OK, Level.INFO})
        count = f" · {bad} in trouble" if bad else ""
        return f"Health{count} · {fmt.freshness(frame.age_s)}"

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as its lines, so that the panel below gets what is left."""
        return max(1, len(self.lines))

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Show the lines; another number of them takes another layout."""
        before = len(self.lines)
        super().set_lines(lines)
        if len(self.lines) != before:
            self.refresh(layout=True)

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """The monitors' lines."""
        rows = health_rows(frame)
        name = max((len(row.name) for row in rows), default=0)
        return [made for row in rows for made in _row_lines(row, name=name, width=width)]


def health_rows(frame: Frame) -> list[HealthRow]:
    """What the panel has room for: the usual rows and whatever wants attention, the worst first."""
    return [row for row in all_rows(frame) if row.name in _USUAL or row.level not in {Level.OK, Level.INFO}]


def all_rows(frame: Frame) -> list[HealthRow]:
    """The engine's rows and the screen's own, the worst first, else in the engine's order."""
    rows = [row for row in frame.snapshot.health if row.name != "screen"]
    rows.append(screen_row(frame.screen))
    loudness = list(Level)
    return sorted(rows, key=lambda row: -max(1, loudness.index(row.level)))


def screen_row(screen: ScreenState) -> HealthRow:
    """How the screen itself keeps up."""
    if screen.throttled:
        return HealthRow("screen", Level.WARNING, "UI throttled to 1 Hz: terminal or machine too slow")
    return HealthRow("screen", Level.OK, f"refresh {screen.refresh_ms:.0f} ms")


def _row_lines(row: HealthRow, *, name: int, width: int) -> list[Line]:
    """One line, or as many as a trouble needs to be read."""
    tone = tone_of_level(row.level)
    text = f"{_WORDS.get(row.level, '')}{clean(row.text)}"
    margin = name + 5
    room = max(8, width - margin - 1)
    parts = [text] if row.level in {Level.OK, Level.INFO} else textwrap.wrap(text, width=room) or [text]
    head = line(
        Span(f" {mark_of_level(row.level)} ", Tone.ACCENT if row.level is Level.OK else tone),
        Span(f"{row.name:<{name}}  ", Tone.MUTED),
        Span(pad(parts[0], width=min(room, len(parts[0]))), tone),
    )
    return [head, *(line(" " * margin, Span(part, tone)) for part in parts[1:])]
