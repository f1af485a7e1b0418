"""Why no trade right now: per symbol the latest refusal, or what its strategy waits for."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.frame import Frame
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Span, Tone, line, pad
from engine.api import WhyNot

WAITING_CODES = frozenset({"no_signal", "warming_up", "duplicate_position"})
"""Codes of strategies that simply wait; everything else is a refusal."""
_LEAST_SYMBOL, _MOST_SYMBOL = 5, 10
_CLAUSE = re.compile(r"[;,] ")


class Reason(NamedTuple):
    """Why some symbols are not traded."""

    symbols: str
    text: str
    many: int = 1
    waits: bool = False
    """True where the strategy simply waits for its signal."""


class WhyNotPanel(Panel):
    """Refusals first, one reason told once for all symbols it holds back; then what waits for a signal."""

    def title_of(self, frame: Frame) -> str:
        """Name, count, age."""
        rows = frame.snapshot.why_not
        return f"Why no trade {len(rows)} · {fmt.freshness(frame.age_s)}"

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """The reasons; what does not fit is counted in the last line."""
        rows = frame.snapshot.why_not
        if not rows:
            return [line(Span(" nothing is refused", Tone.MUTED))]
        symbol = min(_MOST_SYMBOL, max(_LEAST_SYMBOL, *(len(row.symbol) for row in rows)))
        reasons = reasons_of(rows)
        room = max(8, width - symbol - 4)
        shown = reasons
        if len(reasons) > height > 1:
            shown = reasons[: height - 1]
        spare = height - len(shown) - (1 if len(shown) < len(reasons) else 0)
        lines: list[Line] = []
        for reason in shown:
            made = _reason_lines(reason, symbol=symbol, room=room, most=1 + max(0, spare))
            spare -= len(made) - 1
            lines += made
        hidden = len(rows) - sum(reason.many for reason in shown)
        return lines + ([line(Span(f" … {hidden} more", Tone.MUTED))] if hidden > 0 else [])


def reasons_of(rows: Sequence[WhyNot]) -> list[Reason]:
    """Refusals before waiting; symbols refused for the same reason share it."""
    refused: dict[str, list[str]] = {}
    waiting: list[Reason] = []
    for row in rows:
        text = clean(row.text).removeprefix(f"{row.symbol}: ") or row.code.replace("_", " ")
        if row.code in WAITING_CODES:
            waiting.append(Reason(row.symbol or "—", text, waits=True))
        else:
            refused.setdefault(f"{text} ({row.code})", []).append(row.symbol or "—")
    return [Reason(" ".join(names), text, len(names)) for text, names in refused.items()] + waiting


def _reason_lines(reason: Reason, *, symbol: int, room: int, most: int) -> list[Line]:
    """One reason in at most `most` lines: for many symbols the reason comes first, they follow below it."""
    tone = Tone.MUTED if reason.waits else Tone.TEXT
    several = reason.many > 1
    head = f"×{reason.many}" if several else reason.symbols
    whole = f"{reason.text}: {reason.symbols}" if several else reason.text
    wrapped = textwrap.wrap(whole, width=room) or [""]
    parts = wrapped if len(wrapped) <= most else [*wrapped[: most - 1], *_cut(wrapped[most - 1 :], room=room)]
    margin = " " * (symbol + 3)
    first = line(
        Span(f" {pad(head, width=symbol)}  ", Tone.MUTED if reason.waits else Tone.STRONG),
        Span(parts[0], tone),
    )
    return [first, *(line(margin, Span(part, tone)) for part in parts[1:])]


def _cut(rest: Sequence[str], *, room: int) -> list[str]:
    """The rest in one line: whole clauses where at least half of the room is used that way, else cut."""
    text = " ".join(rest)
    ends = [found.start() for found in _CLAUSE.finditer(text) if room // 2 <= found.start() <= room - 2]
    return [f"{text[: ends[-1]]} …" if ends else pad(text, width=room)]
