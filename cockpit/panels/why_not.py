"""Why no trade right now: per symbol the latest refusal, or what its strategy waits for."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit import format as fmt
from cockpit.frame import Frame
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Span, Tone, line, pad
from engine.api import WhyNot

_WAITING = frozenset({"no_signal", "warming_up", "already_in_position", "working_order"})
"""Codes of strategies that simply wait; everything else is a refusal."""


class WhyNotPanel(Panel):
    """One line per symbol; refusals are louder than waiting."""

    def title_of(self, frame: Frame) -> str:
        """Name, count, age."""
        rows = frame.snapshot.why_not
        return f"Why no trade {len(rows)} · {fmt.freshness(frame.age_s)}"

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """The reasons; what does not fit is counted in the last line."""
        rows = frame.snapshot.why_not
        if not rows:
            return [line(Span(" nothing is refused", Tone.MUTED))]
        symbol = min(10, max(len(row.symbol) for row in rows))
        lines = [_why_line(row, symbol=symbol, width=width) for row in rows]
        if len(lines) > height > 1:
            hidden = len(lines) - height + 1
            lines = [*lines[: height - 1], line(Span(f" … {hidden} more", Tone.MUTED))]
        return lines


def _why_line(row: WhyNot, *, symbol: int, width: int) -> Line:
    waits = row.code in _WAITING
    head = f" {pad(row.symbol or '—', width=symbol)}  "
    text = row.text or row.code.replace("_", " ")
    room = max(8, width - len(head) - 1)
    return line(
        Span(head, Tone.MUTED if waits else Tone.STRONG),
        Span(pad(text, width=min(room, len(text))), Tone.MUTED if waits else Tone.TEXT),
    )
