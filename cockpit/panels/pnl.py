"""What the day is worth, net of fees, the way it took, and how far below its best it stands."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from cockpit import format as fmt
from cockpit.frame import Frame, tone_of_amount
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Span, Tone, line
from cockpit.widgets.braille_chart import bounds, plot, zero_row
from engine.api import PnlView

_NAME = 11
_AMOUNT = 15
_ROOM_FOR_BOTH = 6
"""Rows from which on the drawdown has a curve of its own below the day's."""


class PnlPanel(Panel):
    """Sums at the top, the curve below them in whatever height is left."""

    def title_of(self, frame: Frame) -> str:
        """Name, trades of today, age."""
        trades = frame.snapshot.pnl.trades
        count = f" · {trades} trade{'' if trades == 1 else 's'}" if trades else ""
        return f"P&L today, net{count} · {fmt.freshness(frame.marks_age_s)}"

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """Amounts, one fact line, then the curves."""
        pnl = frame.snapshot.pnl
        lines = [
            _amount("day", pnl.day_usd, strong=True),
            _amount("realised", pnl.realized_usd),
            _amount("unrealised", pnl.unrealized_usd),
            _amount("fees", -pnl.fees_usd if pnl.fees_usd is not None else None),
            *([_amount("before", -pnl.carried_usd)] if pnl.carried_usd else []),
            _facts(pnl),
            _sharpe(pnl),
        ]
        room = height - len(lines)
        if room < 2:
            return lines
        below = room // 3 + 1 if pnl.curve and room >= _ROOM_FOR_BOTH else 0
        return [
            *lines,
            *curve_lines(pnl, width=width, height=room - below),
            *(drawdown_lines(pnl.curve, width=width, height=below) if below else ()),
        ]


def _amount(name: str, value: float | None, *, strong: bool = False) -> Line:
    tone = tone_of_amount(value)
    text = fmt.arrowed(value)
    return line(
        Span(f" {name:<{_NAME}}", Tone.STRONG if strong else Tone.MUTED),
        Span(f"{text:>{_AMOUNT}}", tone),
    )


def _facts(pnl: PnlView) -> Line:
    wins = f"{pnl.wins} of {pnl.trades}" if pnl.trades else "—"
    return line(
        Span(f" {'worst':<{_NAME}}", Tone.MUTED),
        Span(f"{fmt.arrowed(pnl.worst_usd):>{_AMOUNT}}", tone_of_amount(pnl.worst_usd)),
        Span("  won ", Tone.MUTED),
        Span(wins),
    )


def _sharpe(pnl: PnlView) -> Line:
    """The day's trades against their own scatter; a dash while there are too few to say."""
    words = "  per trade" if pnl.sharpe is not None else "  too few"
    return line(
        Span(f" {'Sharpe':<{_NAME}}", Tone.MUTED),
        Span(f"{fmt.signed(pnl.sharpe):>{_AMOUNT}}", tone_of_amount(pnl.sharpe)),
        Span(words, Tone.MUTED),
    )


def curve_lines(pnl: PnlView, *, width: int, height: int) -> list[Line]:
    """The day's curve with its range at the right; above zero is gain, below it loss."""
    if not pnl.curve:
        return [line(), line(Span(" the curve starts with the first trade", Tone.MUTED))]
    return _drawn(pnl.curve, width=width, height=height)


def drawdown(curve: Sequence[float]) -> list[float]:
    """How far below the best so far, USD, 0 or less, at each point of a day that begins at 0."""
    best = accumulate(curve, max, initial=0.0)
    next(best)
    return [value - peak for value, peak in zip(curve, best, strict=True)]


def drawdown_lines(curve: Sequence[float], *, width: int, height: int) -> list[Line]:
    """One line of figures, then the curve of what was lost since the best moment of the day."""
    fallen = drawdown(curve)
    most = min(fallen)
    words = line(
        Span(f" {'drawdown':<{_NAME}}", Tone.MUTED),
        Span(f"{fmt.arrowed(fallen[-1]):>{_AMOUNT}}", tone_of_amount(fallen[-1])),
        Span("  most ", Tone.MUTED),
        Span(fmt.number(most)),
    )
    return [words, *(_drawn(fallen, width=width, height=height - 1) if most < 0 else ())]


def _drawn(values: Sequence[float], *, width: int, height: int) -> list[Line]:
    low, high = bounds(values, baseline=0.0)
    top, bottom = fmt.signed(high, decimals=0), fmt.signed(low, decimals=0)
    margin = max(len(top), len(bottom), 1) + 1
    drawn = plot(values, width=max(1, width - margin - 2), height=height)
    zero = zero_row(values, height=height)
    lines = []
    for row, dots in enumerate(drawn):
        label = top if row == 0 else bottom if row == height - 1 else "0" if row == zero else ""
        tone = Tone.GAIN if row < zero or (row == zero and high > -low) else Tone.LOSS
        lines.append(line(" ", Span(dots, tone), Span(f" {label:>{margin - 1}}", Tone.MUTED)))
    return lines


def pnl_line(frame: Frame) -> Line:
    """The day in one line, for narrow screens."""
    pnl = frame.snapshot.pnl
    parts: list[Span] = [Span(" P&L net ", Tone.MUTED)]
    for name, value in (("day", pnl.day_usd), ("real", pnl.realized_usd), ("open", pnl.unrealized_usd)):
        parts += [Span(f"{name} ", Tone.MUTED), Span(f"{fmt.arrowed(value)}  ", tone_of_amount(value))]
    fees = fmt.number(-pnl.fees_usd if pnl.fees_usd is not None else None)
    parts += [Span("fees ", Tone.MUTED), Span(fees)]
    age = fmt.freshness(frame.marks_age_s)
    return (*parts, Span(f" · {age}", Tone.MUTED if age == fmt.LIVE else Tone.WARN))


class PnlLine(Panel, can_focus=False):
    """The day in one line where there is no room for the panel."""

    def title_of(self, frame: Frame) -> str:
        """None."""
        return ""

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """One line."""
        return [pnl_line(frame)]
