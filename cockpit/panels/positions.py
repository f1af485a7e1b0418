"""What is held, what it is worth, and whether a stop at the broker covers it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from cockpit import format as fmt
from cockpit.frame import Frame, empty_words, is_stale, tone_of_amount
from cockpit.panels.panel import TablePanel
from cockpit.panels.why_not import WAITING_CODES
from cockpit.previews import position_key
from cockpit.spans import Span, Tone, title
from cockpit.widgets.columns import Column, Row, RowsOf
from engine.api import PositionView, Snapshot

COLUMNS = (
    Column("symbol", width=6, most=12),
    Column("qty", right=True, width=4, most=9),
    Column("avg", rank=4, right=True, width=7, most=12),
    Column("last", rank=1, right=True, width=7, most=13),
    Column("unreal", right=True, width=10, most=16),
    Column("R", rank=2, right=True, width=4, most=6),
    Column("protected", width=14, most=24),
    Column("age", rank=3, right=True, width=5, most=7),
    Column("strategy", rank=5, width=8, most=18),
    Column("realised", rank=8, right=True, width=9, most=14),
    Column("exposure", rank=6, right=True, width=8, most=10),
    Column("quote", rank=7, right=True, width=7, most=14),
)


class PositionsPanel(TablePanel):
    """The positions table; the cursor says which one `f` and `↵` mean."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(COLUMNS, empty="flat: no positions", id=id)

    def rows_of(self, frame: Frame) -> Sequence[Row]:
        """One row for each; where there is none, what the strategies wait for."""
        self.set_empty(empty_text(frame.snapshot))
        return position_rows(frame.snapshot, now=frame.snapshot.session.now)

    def title_of(self, frame: Frame) -> str:
        """Counts, ages and which rows are in sight."""
        return positions_title(frame, in_sight=self.span_text, width=self.size.width)


def empty_text(snapshot: Snapshot) -> str:
    """Flat, and why: `flat: no positions · 9 symbols wait for a signal, 1 is refused`."""
    waiting = sum(1 for row in snapshot.why_not if row.code in WAITING_CODES)
    refused = len(snapshot.why_not) - waiting
    parts = [f"{waiting} symbol{' waits' if waiting == 1 else 's wait'} for a signal"] if waiting else []
    parts += [f"{refused} {'is' if refused == 1 else 'are'} refused"] if refused else []
    return empty_words(snapshot, "flat: no positions" + (f" · {', '.join(parts)}" if parts else ""))


def position_rows(snapshot: Snapshot, *, now: datetime) -> Sequence[Row]:
    """One row per position, in the engine's order."""
    return RowsOf(snapshot.positions, partial(position_row, now=now))


def position_row(position: PositionView, *, now: datetime) -> Row:
    """The cells of one position."""
    held = fmt.held(position.opened_at, now=now)
    return Row(position_key(position), (position, held), partial(_cells, position, held=held))


def _cells(position: PositionView, *, held: str) -> tuple[Span, ...]:
    decimals = position.decimals
    tone = tone_of_amount(position.unrealized_usd)
    stale = is_stale(position)
    last = fmt.price(position.last, decimals=decimals)
    doubtful = stale and position.last is not None
    ratio = "—" if position.r_multiple is None else fmt.signed(position.r_multiple, decimals=1)
    return (
        Span(position.symbol, Tone.STRONG),
        Span(fmt.number(position.quantity, decimals=0)),
        Span(fmt.price(position.avg_price, decimals=decimals)),
        Span(f"~{last}" if doubtful else last, Tone.WARN if stale else Tone.TEXT),
        Span(fmt.arrowed(position.unrealized_usd), tone),
        Span(ratio, tone),
        protection(position),
        Span(held, Tone.MUTED),
        owner(position),
        Span(fmt.signed(position.realized_usd), tone_of_amount(position.realized_usd)),
        Span(fmt.compact(position.exposure_usd), Tone.MUTED),
        Span(
            f"{'stale ' if stale else ''}{fmt.age(position.quote_age_s)}",
            Tone.WARN if stale else Tone.MUTED,
        ),
    )


def owner(position: PositionView) -> Span:
    """Whose it is: a strategy's, somebody else's, or nobody's yet."""
    if position.is_orphan:
        return Span("ORPHAN", Tone.ERROR)
    if position.is_foreign:
        return Span("foreign", Tone.WARN)
    left = f" {fmt.part(position.remaining)} left" if position.remaining < 1.0 else ""
    return Span(f"{position.owner or fmt.UNKNOWN}{left}", Tone.MUTED)


def protection(position: PositionView) -> Span:
    """Whether a working stop at the broker covers all, a part, or nothing of it."""
    if not position.is_verified:
        return Span("? UNVERIFIED", Tone.WARN)
    if position.is_foreign:
        return Span("left alone", Tone.MUTED)
    covered, held = position.protected_quantity, abs(position.quantity)
    at = fmt.price(position.stop_price, decimals=position.decimals)
    if covered >= held > 0:
        return Span(f"✓ {covered} @ {at}")
    if covered > 0:
        return Span(f"! {covered}/{held} @ {at}", Tone.WARN)
    return Span("✗ NO STOP", Tone.ERROR)


def positions_title(frame: Frame, *, in_sight: str, width: int) -> str:
    """Count, age of the worst quote, what is lost if every stop is hit, exposure."""
    snapshot = frame.snapshot
    pnl = snapshot.pnl
    parts = [(0, f"Positions {len(snapshot.positions)}")]
    if snapshot.positions:
        stale = sum(1 for position in snapshot.positions if is_stale(position))
        doubtful = sum(1 for position in snapshot.positions if not position.is_verified)
        parts += [(0, f"{doubtful} UNVERIFIED" if doubtful else "")]
        parts += [(0, f"{stale} stale" if stale else ""), (1, in_sight)]
        parts.append((2, f"stop risk {fmt.share(pnl.stop_risk_usd, pnl.net_liquidation_usd)}"))
        parts.append((3, f"stocks {fmt.compact(pnl.stock_exposure_usd)}"))
        parts.append((3, f"futures margin {fmt.compact(pnl.futures_margin_usd)}"))
    parts.append((0, fmt.freshness(frame.marks_age_s)))
    return title(parts, width=width)
