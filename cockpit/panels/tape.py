"""The tape: the last trades of a market, newest first, and whose side gave way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.frame import Frame
from cockpit.panels.market_words import waiting
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Span, Tone, cells_of, line, pad, title
from engine.api_market import MarketView, TapePrint

_SIDES: Final = {
    1: ("▲ buy", Tone.GAIN),
    -1: ("▼ sell", Tone.LOSS),
    0: ("· mid", Tone.MUTED),
}


def tape_lines(view: MarketView, *, width: int, height: int, time_zone: str) -> list[Line]:
    """At most `height` lines of at most `width` cells."""
    if view.tape_text:
        return [line(Span(pad(clean(f" no tape: {view.tape_text}"), width=width), Tone.MUTED))]
    if not view.prints:
        return [line(Span(pad(" no trade since you look", width=width), Tone.MUTED))]
    return [_print_line(one, view, width=width, time_zone=time_zone) for one in view.prints[:height]]


def _print_line(one: TapePrint, view: MarketView, *, width: int, time_zone: str) -> Line:
    at = fmt.wall_time(datetime.fromtimestamp(one.at, UTC), time_zone=time_zone)
    word, tone = _SIDES.get(one.side, _SIDES[0])
    price = fmt.price(one.price, decimals=view.decimals)
    size = f"{one.size:,}" if one.size < 10_000 else fmt.compact(one.size)
    text = pad(f" {at} {price:>8} {size:>5} ", width=min(width, 25))
    return line(Span(text), Span(pad(word, width=max(0, width - cells_of(text))), tone))


class TapePanel(Panel):
    """The tape of the market that is looked at."""

    def __init__(self, *, view: Callable[[Frame], MarketView | None], id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="panel")
        self._view = view

    def title_of(self, frame: Frame) -> str:
        """Name, and how long ago the newest trade was."""
        view = self._view(frame)
        if view is None or not view.prints:
            return "Tape"
        age_s = frame.snapshot.session.now.timestamp() - view.prints[0].at + frame.age_s
        return title([(0, "Tape"), (1, f"{fmt.freshness(max(2.0, age_s))}")], width=self.width)

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """The trades."""
        view = self._view(frame)
        if view is None:
            return [line(Span(waiting(frame), Tone.MUTED))]
        zone = frame.snapshot.session.time_zone
        return tape_lines(view, width=width, height=height, time_zone=zone)
