"""Every market there is to look at: what is held first, then who may be entered, and who not and why."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.frame import Frame, tone_of_amount
from cockpit.panels.panel import Panel, TablePanel
from cockpit.spans import Line, Piece, Span, Tone, fit, line, title
from cockpit.widgets.columns import Column, Row
from engine.api import PositionView, Snapshot
from engine.api_selection import LinesRow, UniverseRow

COLUMNS = (
    Column("symbol", width=6, most=10),
    Column("held", right=True, width=5),
    Column("unreal", rank=1, right=True, width=10),
    Column("tier", width=4),
    Column("traded, 24 h", right=True, width=12),
    Column("spread bps", right=True, width=10),
    Column("theme", rank=2, width=8, most=16),
    Column("not entered", rank=1, width=11, most=20),
)


def market_rows(snapshot: Snapshot, *, wanted: str = "") -> list[Row]:
    """What is held, then the universe as the engine orders it; only what has every word of `wanted`."""
    judged = {row.symbol: row for row in snapshot.selection.universe}
    held = {position.symbol: position for position in snapshot.positions}
    words = wanted.casefold().split()
    traded = [*(one.symbol for one in snapshot.orders), *(one.symbol for one in snapshot.fills)]
    symbols = dict.fromkeys((*held, *judged, *traded))  # a replay knows no universe
    return [
        Row(
            symbol,
            (judged.get(symbol), held.get(symbol)),
            partial(_cells, symbol, judged.get(symbol), held.get(symbol)),
        )
        for symbol in symbols
        if all(word in symbol.casefold() for word in words)
    ]


def about_line(snapshot: Snapshot, symbol: str | None, *, width: int) -> Line:
    """Why the chosen one is left out or not, then what counts for all of them."""
    selection = snapshot.selection
    row = next((row for row in selection.universe if row.symbol == symbol), None)
    regime = clean(selection.regime.text) or "not looked at yet"
    tone = Tone.WARN if selection.regime.factor <= 0 else Tone.TEXT
    pieces = [
        Piece(0, line(Span(f" {clean(symbol or '—')} ", Tone.STRONG), _standing(snapshot, row))),
        *(
            []
            if snapshot.entries_allowed
            else [Piece(1, line(Span(clean(snapshot.entries_text), Tone.WARN)))]
        ),
        Piece(2, line(Span("regime ", Tone.MUTED), Span(regime, tone))),
        Piece(3, line(Span("data lines ", Tone.MUTED), Span(lines_text(selection.lines)))),
    ]
    return fit(pieces, width=width)


def _standing(snapshot: Snapshot, row: UniverseRow | None) -> Span:
    if row is None:
        return Span("not measured yet", Tone.MUTED)
    if row.code:
        return Span(f"{clean(row.text)} ({row.code})", Tone.WARN)
    traded = any(row.symbol in strategy.symbols for strategy in snapshot.strategies)
    return Span(f"tier {row.tier}: {'may be entered' if traded else 'watched; no strategy trades it'}")


def lines_text(lines: LinesRow) -> str:
    """How the account's lines are used, and who has none."""
    used = f"{lines.used} of {lines.limit}"
    if not lines.left_out:
        return used
    return f"{used}; without one: {', '.join(clean(key) for key in lines.left_out)}"


def _cells(symbol: str, row: UniverseRow | None, held: PositionView | None) -> tuple[Span, ...]:
    out = row is not None and bool(row.code)
    tone = Tone.MUTED if out else Tone.TEXT
    tier = str(row.tier) if row is not None and row.tier else fmt.UNKNOWN
    return (
        Span(clean(symbol), Tone.STRONG if held is not None else tone),
        Span(fmt.number(held.quantity, decimals=0) if held is not None else "", Tone.STRONG),
        Span(fmt.arrowed(held.unrealized_usd), tone_of_amount(held.unrealized_usd))
        if held is not None
        else Span(""),
        Span(tier, Tone.WARN if out else Tone.TEXT),
        Span(fmt.compact(None if row is None else row.value_usd), tone),
        Span(fmt.number(None if row is None else row.spread_bps, decimals=1), tone),
        Span("" if row is None else clean(row.theme), Tone.MUTED),
        Span("" if row is None else clean(row.code), Tone.WARN),
    )


class MarketList(TablePanel):
    """The table that chooses the market."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(COLUMNS, empty="no market is known yet", id=id, classes="panel")
        self._wanted = ""

    def want(self, text: str) -> None:
        """Only rows with these words."""
        self._wanted = text
        self.set_empty("no market has that" if text.strip() else "no market is known yet")
        if self._frame is not None:
            self.show(self._frame)

    def rows_of(self, frame: Frame) -> Sequence[Row]:
        """One row per market."""
        return market_rows(frame.snapshot, wanted=self._wanted)

    def title_of(self, frame: Frame) -> str:
        """How many, how many are held, and how fresh all of it is."""
        held = len(frame.snapshot.positions)
        parts = [
            (0, f"Markets {len(self.rows)}"),
            (2, f"{held} held" if held else ""),
            (1, self.span_text),
            (3, fmt.freshness(frame.age_s)),
        ]
        return title(parts, width=self.width)

    def choose(self, symbol: str) -> None:
        """Put the cursor on this market, where it is there."""
        places = [place for place, row in enumerate(self.rows) if row.key == symbol]
        if places:
            self.move_cursor(places[0])


class AboutLine(Panel, can_focus=False):
    """One line about the market under the cursor."""

    def __init__(self, markets: MarketList, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._markets = markets

    def title_of(self, frame: Frame) -> str:
        """None."""
        return ""

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """One line."""
        return [about_line(frame.snapshot, self._markets.cursor_key, width=width)]
