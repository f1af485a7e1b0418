"""Judges a soak day by what is left of it: the engine's log, its books, and the exchange's own journal."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.soak_day.drills import Drill
from tests.storm.agreement import broken_for_ever, disagreements
from tests.storm.real import RealCockpit

_BAD = frozenset({"error", "critical"})
BEFORE_S = 0.5
"""A drill begins when it is asked for; the clock of its line may be a moment behind."""
AFTER_S = 10.0
"""What a drill announces may be said a little later: alerts are told again while they stand."""


class Drilled(NamedTuple):
    """One drill as it went."""

    drill: Drill
    what: str
    began: float
    """Wall clock, epoch seconds, as the log counts."""
    ended: float
    settled: tuple[str, ...] = ()
    """Verbs that were given because of it."""


class Alerted(NamedTuple):
    """One row of the engine's table of alerts."""

    code: str
    symbol: str
    text: str


class ErrorLine(NamedTuple):
    """One line of the log at ERROR or above."""

    at: float
    level: str
    kind: str
    symbol: str
    text: str


def error_lines(folder: Path) -> list[ErrorLine]:
    """Every such line of the engine's logs, oldest first."""
    return sorted(line for path in folder.glob("*.log") for line in _bad_lines(path.read_text("utf-8")))


def _bad_lines(text: str) -> Iterator[ErrorLine]:
    for line in text.splitlines():
        event: dict[str, Any] = json.loads(line)
        if event["level"] in _BAD:
            at = dt.datetime.fromisoformat(event["timestamp"]).timestamp()
            said = str(event.get("exception", "")) if event.get("kind") is None else ""
            text = " ".join(filter(None, (str(event["event"]), str(event.get("error", "")), said)))
            yield ErrorLine(
                at, event["level"], str(event.get("kind", "")), str(event.get("symbol", "")), text
            )


def unannounced(
    lines: Iterable[ErrorLine], drills: Sequence[Drilled], alerts: Sequence[Alerted]
) -> list[ErrorLine]:
    """The lines that no drill of that moment announces: alerts by their codes, others by their words."""
    return [line for line in lines if not _is_announced(line, drills, alerts)]


def _is_announced(line: ErrorLine, drills: Sequence[Drilled], alerts: Sequence[Alerted]) -> bool:
    codes = codes_of(line, alerts)
    return any(
        went.began - BEFORE_S <= line.at <= went.ended + AFTER_S
        and (codes & went.drill.announces or any(words in line.text for words in went.drill.says))
        for went in drills
    )


def codes_of(line: ErrorLine, alerts: Sequence[Alerted]) -> frozenset[str]:
    """The codes of the alerts that a line may tell; none where it tells no alert."""
    if line.kind != "alert":
        return frozenset()
    return frozenset(a.code for a in alerts if a.symbol == line.symbol and line.text.startswith(a.text))


def alerts_of(cockpit: RealCockpit) -> list[Alerted]:
    """Every alert of the day."""
    return [Alerted(*row) for row in cockpit.rows("SELECT code, symbol, text FROM alert ORDER BY id")]


def left_over(cockpit: RealCockpit) -> list[str]:
    """What is wrong once the engine has stopped: not flat, not reconciled, or broken for ever."""
    record = cockpit.record()
    found = [f"{quantity} {symbol} still held" for symbol, quantity in record.holdings.items() if quantity]
    found += [f"{order['request']['order_ref'] or order['perm_id']} still works" for order in record.working]
    found += disagreements(cockpit)
    unknown = cockpit.rows("SELECT ref FROM intent WHERE state = 'unknown'")
    found += [f"{row[0]} is unknown in the books" for row in unknown]
    return found + broken_for_ever(cockpit)
