"""What is marked on the recovery screen, and what may be marked. Knows no widget; sends nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cockpit import format as fmt
from engine.api import Snapshot
from engine.api_recovery import RecoveryChoice, RecoveryKind, RecoveryRow, Settlement

UNKNOWN_FOR_S = 60.0
"""An order whose fate is unknown for this long wants a person."""

CHOICE_WORDS = {
    RecoveryChoice.ADOPT: "adopt",
    RecoveryChoice.CLOSE: "close",
    RecoveryChoice.FOREIGN: "leave as foreign",
    RecoveryChoice.CANCEL: "cancel the order",
    RecoveryChoice.NOT_SENT: "was never sent",
}
"""What each choice is called on screen."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was chosen for a row as it was shown."""

    choice: RecoveryChoice
    stamp: str
    stop_price: float | None = None
    """Protective stop of an adoption where the operator typed one."""


class Marks:
    """Selection and decisions by row id. They outlive the screen, so that leaving it loses nothing."""

    def __init__(self) -> None:
        self.selected: set[str] = set()
        self.decisions: dict[str, Decision] = {}

    def follow(self, rows: Sequence[RecoveryRow]) -> tuple[str, ...]:
        """Drop marks of rows that are gone or changed; returns the ids whose decision was dropped."""
        now = {row.row_id: row for row in rows if row.choices}
        self.selected &= now.keys()
        dropped = [
            row_id
            for row_id, decision in self.decisions.items()
            if row_id not in now or not is_current(decision, now[row_id])
        ]
        for row_id in dropped:
            del self.decisions[row_id]
        return tuple(dropped)

    def toggle(self, row: RecoveryRow) -> None:
        """Select the row, or no longer. Rows on which nothing is to be decided cannot be selected."""
        if row.choices:
            self.selected ^= {row.row_id}

    def toggle_all(self, rows: Sequence[RecoveryRow]) -> None:
        """Select every row that waits; where all are selected already, none."""
        waiting = {row.row_id for row in rows if row.choices}
        self.selected = set() if self.selected == waiting else waiting

    def targets(self, rows: Sequence[RecoveryRow], *, under_cursor: str | None) -> tuple[RecoveryRow, ...]:
        """The rows a choice goes to: the selected ones, else the one under the cursor."""
        chosen: set[str | None] = {*self.selected} or {under_cursor}
        return tuple(row for row in rows if row.row_id in chosen)

    def choose(self, targets: Sequence[RecoveryRow], choice: RecoveryChoice) -> tuple[str, ...]:
        """Mark rows; where all of them carry the choice already, take it back.

        Returns a complaint per row for which the choice is not to be had. The selection ends.
        """
        able = [row for row in targets if not complaint(row, choice)]
        carried = [row for row in able if self._choice(row) is choice]
        for row in able:
            if len(carried) == len(able):
                del self.decisions[row.row_id]
            elif row not in carried:
                self.decisions[row.row_id] = Decision(choice, row.stamp)
        self.selected.clear()
        return tuple(complaint(row, choice) for row in targets if row not in able)

    def set_stop(self, row: RecoveryRow, price: float) -> None:
        """Mark the row as adopted with this stop."""
        self.decisions[row.row_id] = Decision(RecoveryChoice.ADOPT, row.stamp, price)

    def forget(self, row_ids: Iterable[str]) -> None:
        """Drop the decisions of these rows."""
        for row_id in row_ids:
            self.decisions.pop(row_id, None)

    def _choice(self, row: RecoveryRow) -> RecoveryChoice | None:
        decision = self.decisions.get(row.row_id)
        return None if decision is None else decision.choice


def is_current(decision: Decision, row: RecoveryRow) -> bool:
    """True where the row is still the one that was decided about."""
    return decision.stamp == row.stamp and decision.choice in row.choices


def complaint(row: RecoveryRow, choice: RecoveryChoice) -> str:
    """Why the choice is not to be had for this row; empty where it is."""
    if not row.choices:
        return f"{row.symbol}: nothing is to be decided here"
    if choice not in row.choices:
        offered = ", ".join(CHOICE_WORDS[item] for item in row.choices)
        return f"{row.symbol}: {CHOICE_WORDS[choice]!r} is not offered here, only: {offered}"
    if choice is RecoveryChoice.ADOPT and row.stop_price is None:
        return f"{row.symbol}: no stop is proposed; type one first"
    return ""


def stop_of(row: RecoveryRow, decision: Decision) -> float | None:
    """The protective stop an adoption would get."""
    return row.stop_price if decision.stop_price is None else decision.stop_price


def stop_complaint(text: str, *, row: RecoveryRow, last: float | None) -> str:
    """Why the typed price cannot be the stop of this row's adoption; empty where it can.

    `last` is the present mark, None where it is not known: then only the engine can tell the right side.
    """
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return f"{text.strip()!r} is not a price"
    if not math.isfinite(value) or value <= 0:
        return "a stop is a price above zero"
    if round(value, row.decimals) != value:
        return f"prices of {row.symbol} have {row.decimals} decimals at most"
    if row.tick is not None and not _on_grid(value, row.tick):
        below, above = (
            fmt.price(step * row.tick, decimals=row.decimals)
            for step in (math.floor(value / row.tick), math.ceil(value / row.tick))
        )
        return f"{row.symbol} trades in steps of {row.tick:g}: {below} or {above}"
    held = excess_of(row)
    if last is None or not held:
        return ""
    shown = fmt.price(last, decimals=row.decimals)
    if held > 0 and value >= last:
        return f"it is long: its stop must lie below {shown}, or it would close at once"
    if held < 0 and value <= last:
        return f"it is short: its stop must lie above {shown}, or it would close at once"
    return ""


def _on_grid(price: float, tick: float) -> bool:
    # Binary dust must not make a good price a bad one.
    return math.isclose(price / tick, round(price / tick), rel_tol=0.0, abs_tol=1e-6)


def excess_of(row: RecoveryRow) -> float:
    """Signed quantity that a decision is about: all that the books do not know of; 0 for an order."""
    if row.excess is not None:
        return row.excess
    return 0.0 if row.broker is None else row.broker - (row.ours or 0)


def last_price(snapshot: Snapshot, row: RecoveryRow) -> float | None:
    """The present mark of the row's instrument, where a position of it is shown."""
    marks = (position.last for position in snapshot.positions if position.symbol == row.symbol)
    return next((mark for mark in marks if fmt.is_known(mark)), None)


def multiplier_of(snapshot: Snapshot, row: RecoveryRow) -> float | None:
    """USD per point and unit, where a position of the row's instrument is shown."""
    return next((p.multiplier for p in snapshot.positions if p.symbol == row.symbol), None)


def is_pressing(row: RecoveryRow, *, snapshot: Snapshot) -> bool:
    """True where the screen should come up by itself for this row.

    The engine settles most orders of unknown fate itself within moments, by asking again.
    """
    if row.kind is not RecoveryKind.UNKNOWN_ORDER or row.since is None:
        return True
    return (snapshot.session.now - row.since).total_seconds() >= UNKNOWN_FOR_S


def settlements(rows: Sequence[RecoveryRow], decisions: dict[str, Decision]) -> tuple[Settlement, ...]:
    """One settlement for every row that is decided and unchanged, in the order of the rows."""
    return tuple(
        Settlement(row.row_id, decision.choice, decision.stamp, decision.stop_price)
        for row in rows
        if (decision := decisions.get(row.row_id)) is not None and is_current(decision, row)
    )
