"""Why each instrument is traded or not: levels, the way to them, what the last break lacked, the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from cockpit import format as fmt
from cockpit.cycle_words import chain
from cockpit.format import clean
from cockpit.panels.events import event_line
from cockpit.previews import labelled
from cockpit.screens.table_dialog import TableDialog
from cockpit.spans import Line, Span, Tone, line
from cockpit.widgets.columns import Column, Row
from engine.api import FilterView, SetupView, Snapshot, WhyNot

COLUMNS = (
    Column("symbol", width=6, most=10),
    Column("support", rank=1, right=True, width=9),
    Column("way", right=True, width=7),
    Column("resistance", rank=1, right=True, width=10),
    Column("way up", right=True, width=7),
    Column("tried", width=7),
    Column("reason", width=14, most=22),
    Column("score", rank=3, right=True, width=5),
    Column("strategy", rank=3, width=9, most=14),
    Column("waits for", rank=2, width=24, most=64),
)
MOST_ROWS = 14
FEW_ROWS = 5
"""Rows on a small terminal, where the words below need the room."""
NEAR_PCT = 0.1
"""Nearer than this a level is shown as one to watch."""
HOW_TO = (
    "No strategy that runs here trades levels. To switch the pivot breakout on,",
    "add this to cockpit.toml and start again:",
    "    [strategies.pivots]",
    '    kind = "pivot_break"',
    '    symbols = ["AAPL", "NVDA", "TSLA"]',
    "It finds levels in a scanner's file or in history (docs/strategies.md).",
)


class SetupsDialog(TableDialog):
    """Levels, nearest first, then what is traded without levels; and all about the row under the cursor."""

    def __init__(self, *, keys: Mapping[str, str], show_cycle: Callable[[], object]) -> None:
        super().__init__(
            "Setups",
            keys=keys,
            columns=COLUMNS,
            empty="no strategy watches an instrument yet",
            most_rows=MOST_ROWS,
            few_rows=FEW_ROWS,
            broad=True,
            hints=("↑ ↓", "enter the last cycle"),
        )
        self._show_cycle = show_cycle

    def rows_of(self, snapshot: Snapshot) -> list[Row]:
        """One row per strategy and instrument."""
        return setup_rows(snapshot)

    def words_of(self, snapshot: Snapshot, *, chosen: str | None) -> list[Line]:
        """All about the chosen row."""
        return words(snapshot, chosen=chosen)

    def chose(self, key: str) -> None:
        """How far all of them came in the last cycle."""
        self._show_cycle()


def setup_rows(snapshot: Snapshot) -> list[Row]:
    """As the engine orders them: the nearest to a level first; then those without levels."""
    rows = [Row(key_of(setup), setup, partial(_cells, setup)) for setup in snapshot.setups]
    known = {row.key for row in rows}
    without = [why for why in snapshot.why_not if key_of(why) not in known]
    return rows + [Row(key_of(why), why, partial(_cells_without, why)) for why in without]


def key_of(row: SetupView | WhyNot) -> str:
    """Names a row: two strategies may watch one instrument."""
    return f"{row.strategy} {row.symbol}"


def words(snapshot: Snapshot, *, chosen: str | None) -> list[Line]:
    """All about the chosen row, the last thing that happened there, and how to have levels at all."""
    lines: list[Line] = [line(), *labelled("last cycle", chain(snapshot), tone=Tone.MUTED)]
    setup = next((s for s in snapshot.setups if key_of(s) == chosen), None)
    why = next((w for w in snapshot.why_not if key_of(w) == chosen), None)
    if setup is not None:
        lines += _levels(setup)
    elif why is not None:
        lines += labelled("waits for", f"{why.text} ({why.code})", tone=Tone.STRONG)
        lines += labelled("strategy", why.strategy)
    for row in (setup, why):
        if row is not None:
            lines += _last_said(snapshot, row.symbol)
            break
    if not snapshot.setups and not any(s.trades_levels for s in snapshot.strategies):
        lines += [line(), *(line(Span(text, Tone.MUTED)) for text in HOW_TO)]
    return lines


def _levels(setup: SetupView) -> list[Line]:
    tried = f"{setup.attempts_long} long, {setup.attempts_short} short of {setup.max_attempts} per level"
    lines = labelled("waits for", f"{setup.text} ({setup.code})", tone=Tone.STRONG)
    lines += labelled("above", f"{_price(setup, setup.resistance)}, {setup.stage_above}")
    lines += labelled("below", f"{_price(setup, setup.support)}, {setup.stage_below}")
    lines += labelled("attempts", tried)
    lines += labelled("levels from", clean(setup.source))
    if not setup.filters:
        return lines + labelled("filters", "no break was judged yet", tone=Tone.MUTED)
    lines.append(line(Span("Filters at the last break", Tone.ACCENT)))
    for one in setup.filters:
        lines += _filter_line(one)
    return lines


def _last_said(snapshot: Snapshot, symbol: str) -> Sequence[Line]:
    """The newest event of the instrument: an entry, an exit, a refusal."""
    zone = snapshot.session.time_zone
    newest = next((event for event in reversed(snapshot.events) if event.symbol == symbol), None)
    return () if newest is None else (event_line(newest, time_zone=zone),)


def _filter_line(one: FilterView) -> list[Line]:
    mark, tone = ("✓", Tone.TEXT) if one.passed else ("✗", Tone.WARN)
    return labelled(f"{mark} {one.name}", f"{fmt.number(one.value)} of {fmt.number(one.limit)}", tone=tone)


def _price(setup: SetupView, value: float) -> str:
    return fmt.price(value, decimals=setup.decimals)


def _cells(setup: SetupView) -> tuple[Span, ...]:
    held = setup.code == "in_position"
    return (
        Span(setup.symbol, Tone.STRONG if held else Tone.TEXT),
        Span(_price(setup, setup.support), Tone.TEXT),
        _way(setup.below_pct),
        Span(_price(setup, setup.resistance), Tone.TEXT),
        _way(setup.above_pct),
        Span(f"{setup.attempts_long}↑ {setup.attempts_short}↓ /{setup.max_attempts}", Tone.MUTED),
        Span("held" if held else clean(setup.code), Tone.STRONG if held else Tone.TEXT),
        Span(fmt.number(setup.score, decimals=0), Tone.MUTED),
        Span(setup.strategy, Tone.MUTED),
        Span("held" if held else clean(setup.text), Tone.STRONG if held else Tone.MUTED),
    )


def _cells_without(why: WhyNot) -> tuple[Span, ...]:
    none = Span("—", Tone.MUTED)
    return (
        Span(clean(why.symbol), Tone.TEXT),
        *(none,) * 5,
        Span(clean(why.code), Tone.TEXT),
        none,
        Span(why.strategy, Tone.MUTED),
        Span(clean(why.text), Tone.MUTED),
    )


def _way(pct: float | None) -> Span:
    """The way to a level in percent; beyond it and close to it in words of their own tone."""
    if pct is None:
        return Span("—", Tone.MUTED)
    text = f"{pct:.2f} %" if pct >= 0 else f"{-pct:.2f}%!"
    return Span(text, Tone.WARN if pct < NEAR_PCT else Tone.TEXT)
