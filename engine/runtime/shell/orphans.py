"""Settling what differs from the broker from another terminal: shown, asked, sent with the stamps shown."""

from __future__ import annotations

import json
from collections.abc import Sequence

from engine.api import CommandKind
from engine.api_recovery import RecoveryChoice, RecoveryRow, RecoveryView, Settlement
from engine.runtime.process.errors import UsageError
from engine.runtime.process.registry import Running
from engine.runtime.process.remote import WORK_S, Ask, Say, answer_to, connect, new_command, printable, tell


def show(engine: Running, *, as_json: bool, say: Say) -> int:
    """Print every row of recovery, those that wait first."""
    handle = connect(engine)
    try:
        view = handle.snapshot().recovery
    finally:
        handle.close()
    if as_json:
        say(json.dumps([_document(row) for row in view.rows], indent=2))
        return 0
    for line in lines(view):
        say(line)
    return 0


def lines(view: RecoveryView) -> list[str]:
    """The rows for people, with what names them in a command."""
    if not view.report:
        return ["The account was not compared with the broker yet."]
    if not view.open_rows:
        return [*map(_line, view.rows), "Nothing waits for a decision."]
    return [*map(_line, view.rows), f"{len(view.open_rows)} to settle: cockpit orphans CHOICE ROW…"]


def settle(
    engine: Running,
    choice: RecoveryChoice,
    names: Sequence[str],
    *,
    stop: float | None,
    yes: bool,
    ask: Ask | None,
    say: Say,
) -> int:
    """Show what would be done, ask, and have it done; returns the exit code. Raises UsageError."""
    handle = connect(engine)
    try:
        rows = chosen(handle.snapshot().recovery.open_rows, names, choice=choice, stop=stop)
        for row in rows:
            say(f"would {deed(row, choice, stop)}")
        if not yes and not _agreed(ask, say):
            say("Nothing was sent; it goes on waiting.")
            return 4
        wishes = tuple(Settlement(row.row_id, choice, row.stamp, stop) for row in rows)
        command = new_command(CommandKind.SETTLE, reason="shell", confirmed=True, settlements=wishes)
        return tell(answer_to(handle, command, engine=engine, within_s=WORK_S), say=say)
    finally:
        handle.close()


def chosen(
    waiting: Sequence[RecoveryRow], names: Sequence[str], *, choice: RecoveryChoice, stop: float | None
) -> tuple[RecoveryRow, ...]:
    """The rows that the names mean: an id, its last part, or a symbol with one row. Raises UsageError."""
    if stop is not None and (choice is not RecoveryChoice.ADOPT or len(names) != 1):
        raise UsageError("--stop is the stop of one adoption: name one row.")
    rows = tuple(dict.fromkeys(_named(waiting, name) for name in names))
    for row in rows:
        if choice not in row.choices:
            offered = ", ".join(row.choices)
            raise UsageError(f"{row.row_id} ({row.symbol}): {choice} is not offered, only: {offered}.")
        if choice is RecoveryChoice.ADOPT and stop is None and row.stop_price is None:
            raise UsageError(f"{row.row_id} ({row.symbol}): no stop is proposed; give one with --stop.")
    return rows


def _named(waiting: Sequence[RecoveryRow], name: str) -> RecoveryRow:
    exact = [row for row in waiting if name in (row.row_id, row.row_id.partition(" ")[2])]
    found = exact or [row for row in waiting if row.symbol == name.upper()]
    if len(found) == 1:
        return found[0]
    ids = ", ".join(f"'{row.row_id}'" for row in (found or waiting)) or "none"
    what = "means more than one row" if found else "does not wait for a decision"
    raise UsageError(f"{name!r} {what}; rows: {ids}. Look with `cockpit orphans`.")


def deed(row: RecoveryRow, choice: RecoveryChoice, stop: float | None) -> str:
    """What would be done, in words: `close META 30 short: 30 at market, reducing only`."""
    subject = f"{row.symbol} {row.broker_text}"
    if choice is RecoveryChoice.ADOPT:
        price = row.stop_price if stop is None else stop
        text = f"adopt {subject} with a stop at {price:.{row.decimals}f} at the broker"
    elif choice is RecoveryChoice.CLOSE:
        text = f"close {subject}: {abs(row.excess or 0):g} at market, reducing only"
    elif choice is RecoveryChoice.CANCEL:
        text = f"cancel {row.symbol} {row.last_order or row.broker_text}"
    elif choice is RecoveryChoice.NOT_SENT:
        text = f"count {row.symbol} {row.last_order} as never sent; look in TWS first, nothing is cancelled"
    else:
        text = f"leave {subject} as foreign; nothing is sent"
    return printable(text)


def _agreed(ask: Ask | None, say: Say) -> bool:
    if ask is None:
        say("To do it from here, repeat with --yes (it is asked only at a terminal).")
        return False
    return ask("type yes to do it: ").strip().lower() == "yes"


def _line(row: RecoveryRow) -> str:
    choices = f" [{', '.join(row.choices)}]" if row.choices else ""
    both = f"we knew {row.ours_text}, broker has {row.broker_text}; {row.difference}; {row.proposal}"
    return printable(f"{'!' if row.choices else ' '} {row.row_id}: {row.symbol}: {both}{choices}")


def _document(row: RecoveryRow) -> dict[str, object]:
    """The row as plain JSON data."""
    return {
        "row_id": row.row_id,
        "kind": row.kind.value,
        "symbol": row.symbol,
        "ours": row.ours,
        "broker": row.broker,
        "broker_text": row.broker_text,
        "difference": row.difference,
        "since": None if row.since is None else row.since.isoformat(),
        "last_order": row.last_order,
        "unrealized_usd": row.unrealized_usd,
        "choices": [choice.value for choice in row.choices],
        "proposal": row.proposal,
        "stop_price": row.stop_price,
        "tick": row.tick,
        "excess": row.excess,
        "evidence": list(row.evidence),
    }
