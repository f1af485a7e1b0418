"""What went into the decisions of a session, in the order in which the engine took it in.

Market data alone do not decide a session once more: what a strategy sees of its position hangs on whether a
fill came before a bar or after it. So each thing that a strategy, the gate or the ledger is given is a step
here, and `flow` events of the log hold the steps, packed. `engine.backtest.relive` plays them again.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NamedTuple

from engine.domain.instrument import Instrument
from engine.domain.market import Bar, Quote
from engine.domain.order import Proposal
from engine.domain.preview import EntryTicket
from engine.domain.setup import Setup
from engine.ledger.events import LedgerEvent
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal
from engine.risk.world import GateWorld


class Began(NamedTuple):
    """An engine began: strategies know nothing yet, the ledger is as the one before left it."""

    at: datetime


class Described(NamedTuple):
    """The terms of an instrument, before the first decision by them."""

    instrument: Instrument


class Ruled(NamedTuple):
    """The limits from here on."""

    limits: RiskLimits


class Assigned(NamedTuple):
    """A strategy was made anew for these instruments."""

    strategy: str
    keys: tuple[str, ...]
    at: datetime


class WatchList(NamedTuple):
    """The levels of the day."""

    setups: tuple[Setup, ...]


class Warmed(NamedTuple):
    """A strategy may act on an instrument from here on: it was given history, or heard enough live bars."""

    strategy: str
    key: str
    bars: tuple[Bar, ...] | None
    """None where no history was given."""


class Cooled(NamedTuple):
    """The bars of an instrument broke off: nobody acts on it until warmed again."""

    key: str


class BarsBegan(NamedTuple):
    """Its live bars begin: a longer bar from before would be a partial one."""

    key: str
    at: datetime


class Fed(NamedTuple):
    """A strategy was given a live bar; the bar itself is in a `tape` event."""

    strategy: str
    key: str
    end: datetime


class Ticked(NamedTuple):
    """A strategy was given a quote that it wanted."""

    strategy: str
    quote: Quote


class Clocked(NamedTuple):
    """Those who decide by the clock were asked."""

    at: datetime


class Judged(NamedTuple):
    """An entry came before the gate."""

    proposal: Proposal
    world: GateWorld
    """Without the instrument and the signals that were used: those are known from other steps."""
    answer: tuple[Any, ...]
    """Of the gate, as `answer_of` has it."""


class Leaving(NamedTuple):
    """An exit was about to be carried out."""

    proposal: Proposal


class Booked(NamedTuple):
    """The ledger took in an event; `at` is the time under which its rows were written."""

    kind: str
    event: Any
    at: datetime


class DayBegan(NamedTuple):
    """A trading day began in the books."""

    at: datetime


Step = (
    Began
    | Described
    | Ruled
    | Assigned
    | WatchList
    | Warmed
    | Cooled
    | BarsBegan
    | Fed
    | Ticked
    | Clocked
    | Judged
    | Leaving
    | Booked
    | DayBegan
)

STEPS: Final[Mapping[str, type[Any]]] = {
    kind.__name__: kind
    for kind in (
        *(Began, Described, Ruled, Assigned, WatchList, Warmed, Cooled, BarsBegan, Fed, Ticked, Clocked),
        *(Judged, Leaving, Booked, DayBegan),
    )
}
LEDGER_EVENTS: Final[Mapping[str, type[Any]]] = {kind.__name__: kind for kind in LedgerEvent.__args__}


def answer_of(answer: EntryTicket | Refusal) -> tuple[Any, ...]:
    """What the gate said: the figures of the ticket, or code, sentence, limit and value of the refusal."""
    if isinstance(answer, Refusal):
        return (answer.reason.value, answer.text, answer.limit, answer.value)
    return ("passed", *answer)


def packed_flow(steps: Iterable[Step]) -> dict[str, object]:
    """Payload of a `flow` event."""
    text = json.dumps([[type(step).__name__, *plain(step)] for step in steps], separators=(",", ":"))
    return {"z": base64.b64encode(zlib.compress(text.encode(), 6)).decode()}


def plain(value: object) -> Any:
    """A value of the domain as plain JSON data; the same values give the same data, to the last bit.

    By hand: this runs while orders wait for the same thread, and what reads it back takes half a second to
    be imported.
    """
    match value:
        case Enum():
            return value.value
        case None | str() | int() | float():
            return value
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():
            return str(value)
        case tuple() | list():
            return [plain(one) for one in value]
        case Mapping():
            return {str(plain(name)): plain(one) for name, one in value.items()}
        case Set():
            return sorted(plain(one) for one in value)
        case _ if is_dataclass(value):
            return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    raise TypeError(f"{type(value).__name__} is not kept in a flow")
