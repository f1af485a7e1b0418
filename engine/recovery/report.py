"""The restart report: what every start says about the state it found, also when all agrees. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from engine.api_recovery import RecoveryKind, RecoveryRow
from engine.domain.market import NEW_YORK

_MARKS = {
    RecoveryKind.RESTORED: "✓",
    RecoveryKind.CLOSED_AWAY: "✓",
    RecoveryKind.QUANTITY: "!",
    RecoveryKind.FOREIGN: "·",
}


class Found(NamedTuple):
    """What a start found."""

    connection: str
    """`paper, 127.0.0.1:7497, client 1` as people know it."""
    now: datetime
    state_at: datetime | None
    """Last change of the stored state; None on a first start."""
    day: date | None
    """Trading day of the stored state."""
    today: date
    crashed: bool
    positions: int
    day_usd: float | None
    setups: int
    """Strategies that are loaded."""
    booked: frozenset[str] = frozenset()
    """Ids of the rows that say what was changed in the books."""
    agreed: bool = False
    """True where the last complete comparison found nothing different."""


def restart_report(found: Found, rows: Sequence[RecoveryRow]) -> tuple[str, ...]:
    """Lines for the screen and the log, the most important first."""
    if found.state_at is None and not rows:
        return ("No previous state found (clean start)", _setups(found), f"connected: {found.connection}")
    lines = [
        _state_line(found),
        f"connected: {found.connection}",
        *_other_day(found),
        *(_row_line(row) for row in rows),
        _held_line(rows),
    ]
    return (*lines, _verdict(found, rows))


def _verdict(found: Found, rows: Sequence[RecoveryRow]) -> str:
    """The last line: what waits, what was changed, what still differs; agreement only where it was seen."""
    waiting = [row for row in rows if row.choices]
    changed = [row for row in rows if row.row_id in found.booked]
    said = f"{len(changed)} changed in the books ({_names(changed)})" if changed else ""
    if waiting:
        text = f"recovery waits: {len(waiting)} to settle; entries are blocked until then"
        return f"{text}; {said}" if said else text
    left = [row for row in rows if row.kind is RecoveryKind.FOREIGN]
    if left:
        said = "; ".join(part for part in (said, f"{len(left)} left alone ({_names(left)})") if part)
    if said:
        return f"recovery complete: {said}"
    if found.agreed:
        return "recovery complete: books and broker agree"
    return "recovery complete, but the last comparison found differences: look at the recovery screen"


def _names(rows: Sequence[RecoveryRow]) -> str:
    return ", ".join(f"{row.symbol}: {row.difference}" for row in rows)


def _state_line(found: Found) -> str:
    if found.state_at is None:
        return "No previous state found (clean start), but the account is not empty"
    at = f"{found.state_at.astimezone(NEW_YORK):%H:%M:%S} ET"
    if found.state_at.astimezone(NEW_YORK).date() != found.now.astimezone(NEW_YORK).date():
        at = f"{found.state_at.astimezone(NEW_YORK):%Y-%m-%d} {at}"
    goodbye = "the session ended without saying goodbye" if found.crashed else "the session ended in order"
    pnl = "starts at 0" if found.day != found.today else _money(found.day_usd)
    return (
        f"State of {at}, {age_text(found.now - found.state_at)} ago; {goodbye}. "
        f"{found.positions} position(s). Day P&L {pnl}."
    )


def _money(day_usd: float | None) -> str:
    return "continues, a price is missing" if day_usd is None else f"{day_usd:+,.2f} continues"


def _other_day(found: Found) -> tuple[str, ...]:
    if found.day is None or found.day == found.today:
        return ()
    text = (
        f"The state is of trading day {found.day}, today is {found.today}: attempts, session P&L, bars and "
        "analytics of that day are dropped; what was meant with positions the broker confirms is kept"
    )
    return (text,)


def _setups(found: Found) -> str:
    return f"Loaded {found.setups} {'strategy' if found.setups == 1 else 'strategies'}"


def _row_line(row: RecoveryRow) -> str:
    mark = "▸" if row.choices else _MARKS.get(row.kind, "!")
    both = f"we knew {row.ours_text}, broker has {row.broker_text}"
    return f"{mark} {row.symbol}: {both}; {row.difference}; {row.proposal}"


def _held_line(rows: Sequence[RecoveryRow]) -> str:
    kept = [r for r in rows if r.kind in (RecoveryKind.RESTORED, RecoveryKind.QUANTITY) and r.broker]
    names = ", ".join(r.symbol for r in kept)
    return f"recovered positions: {len(kept)}{f' ({names})' if names else ''}"


def age_text(age: timedelta) -> str:
    """`40 s`, `12 min`, `3 h 5 min`, `2 days`."""
    seconds = max(0, int(age.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} days"
