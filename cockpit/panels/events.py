"""What happened, newest first, so that the eye finds news where it always is."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit import format as fmt
from cockpit.frame import Frame, mark_of_level, tone_of_level
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Span, Tone, line
from engine.api import EventView, Level


class EventsPanel(Panel):
    """The latest events, one line each."""

    def title_of(self, frame: Frame) -> str:
        """Name and the time of the newest."""
        events = frame.snapshot.events
        zone = frame.snapshot.session.time_zone
        newest = f" · last {fmt.wall_time(events[-1].at, time_zone=zone)}" if events else ""
        return f"Events{newest} · {fmt.freshness(frame.age_s)}"

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """As many events as fit."""
        zone = frame.snapshot.session.time_zone
        newest = list(reversed(frame.snapshot.events))[: max(0, height)]
        return [event_line(event, time_zone=zone) for event in newest] or [
            line(Span(" nothing has happened yet", Tone.MUTED))
        ]


def event_line(event: EventView, *, time_zone: str) -> Line:
    """Time, sign, symbol and text of one event."""
    tone = tone_of_level(event.level)
    mark = mark_of_level(event.level) if event.level not in {Level.OK, Level.INFO} else " "
    symbol = f"{event.symbol} " if event.symbol and not event.text.startswith(event.symbol) else ""
    return line(
        Span(f" {fmt.wall_time(event.at, time_zone=time_zone)} ", Tone.MUTED),
        Span(f"{mark} ", tone),
        Span(f"{symbol}{event.text}", tone),
    )
