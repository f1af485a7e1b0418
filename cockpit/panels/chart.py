"""The chart of a market: bars, our fills, average price, stop, targets and the levels of the day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.frame import Frame
from cockpit.panels.market_words import age_words, waiting
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Span, Tone, line, pad, title
from cockpit.widgets.price_chart import HighLow, Mark, PriceLine, price_chart
from engine.api import Snapshot
from engine.api_market import MarketView


def bar_length(seconds: int) -> str:
    """`5 s`, `1 min`."""
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"


def lines_of(snapshot: Snapshot, view: MarketView) -> list[PriceLine]:
    """What is worth a line, the most urgent first: of two in one row that one is named."""
    found: list[PriceLine] = []
    held = next(
        (p for p in snapshot.positions if p.symbol == view.symbol and not p.is_orphan and not p.is_foreign),
        None,
    )
    if held is not None and held.stop_price is not None:
        found.append(PriceLine(held.stop_price, "stop", Tone.LOSS))
    last = view.last if view.last is not None else view.bars[-1].close if view.bars else None
    if last is not None:
        found.append(PriceLine(last, "last", Tone.STRONG))
    if held is not None:
        found.append(PriceLine(held.avg_price, "avg", Tone.ACCENT))
    found += [PriceLine(price, "target", Tone.GAIN) for price in view.targets]
    setup = next((one for one in snapshot.setups if one.symbol == view.symbol), None)
    if setup is not None:
        found.append(PriceLine(setup.resistance, "resist", Tone.WARN))
        found.append(PriceLine(setup.support, "support", Tone.WARN))
    return found


def marks_of(snapshot: Snapshot, symbol: str) -> list[Mark]:
    """Our fills of today there."""
    return [
        Mark(fill.at.timestamp(), fill.price, fill.side == "BUY")
        for fill in reversed(snapshot.fills)
        if fill.symbol == symbol
    ]


def _on_grid(view: MarketView, price: float) -> str:
    """A price that the market could have."""
    if view.tick:
        price = round(price / view.tick) * view.tick
    return fmt.price(price, decimals=view.decimals)


def chart_lines(snapshot: Snapshot, view: MarketView, *, width: int, height: int) -> list[Line]:
    """The chart, or why there is none."""
    zone = snapshot.session.time_zone

    def time_text(at: float) -> str:
        text = fmt.wall_time(datetime.fromtimestamp(at, UTC), time_zone=zone)
        return text if view.bar_s < 60 else text[:5]

    chart = price_chart(
        [HighLow(bar.end, bar.low, bar.high) for bar in view.bars],
        width=width,
        height=height,
        price_text=partial(_on_grid, view),
        time_text=time_text,
        lines=lines_of(snapshot, view),
        marks=marks_of(snapshot, view.symbol),
    )
    if chart or view.bars:
        return chart
    why = view.data_text or f"no bar of {bar_length(view.bar_s)} yet"
    return [line(Span(pad(clean(f" {why}"), width=width), Tone.MUTED))]


class ChartPanel(Panel):
    """The chart of the market that is looked at."""

    def __init__(self, *, view: Callable[[Frame], MarketView | None], id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="panel")
        self._view = view

    def title_of(self, frame: Frame) -> str:
        """Symbol, length of the bars, what is held, and how old its prices are."""
        view = self._view(frame)
        if view is None:
            return "Chart"
        held = next((p for p in frame.snapshot.positions if p.symbol == view.symbol), None)
        what = (
            ""
            if held is None
            else f"{fmt.number(held.quantity, decimals=0)} {fmt.arrowed(held.unrealized_usd)}"
        )
        parts = [
            (0, clean(view.symbol)),
            (1, age_words(view.quote_age_s, frame=frame)),
            (2, what),
            (3, f"bars of {bar_length(view.bar_s)}"),
        ]
        return title(parts, width=self.width)

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """The chart; above it what makes its prices doubtful."""
        view, snapshot = self._view(frame), frame.snapshot
        head: list[Line] = []
        if frame.is_silent:
            text = f" the engine is silent for {fmt.age(frame.age_s)}: prices may be old"
            head = [line(Span(pad(text, width=width), Tone.ERROR))]
        elif not snapshot.connected and not frame.screen.replay:
            head = [
                line(Span(pad(" no connection to the broker: prices stand still", width=width), Tone.ERROR))
            ]
        if view is None:
            return [*head, line(Span(waiting(frame), Tone.MUTED))]
        return [*head, *chart_lines(snapshot, view, width=width, height=height - len(head))]
