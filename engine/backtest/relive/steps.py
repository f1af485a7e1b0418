"""Reads the steps of a session back from its log."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from engine.domain.market import Bar
from engine.store.session_flow import LEDGER_EVENTS, STEPS, Booked, Step
from engine.store.session_log import unpacked

_STEPS: Final = {name: TypeAdapter(kind) for name, kind in STEPS.items() if kind is not Booked}
_EVENTS: Final = {name: TypeAdapter(kind) for name, kind in LEDGER_EVENTS.items()}
_MOMENT: Final = TypeAdapter(datetime)


class LogRow(NamedTuple):
    """An event of the log."""

    boot_id: str
    kind: str
    payload: str


class Recorded(NamedTuple):
    """A step, and the mark of the run that took it."""

    boot_id: str
    step: Step


def steps_of(rows: Iterable[LogRow]) -> Iterator[Recorded]:
    """Every step of `flow` events, in order. Raises ValueError for a damaged event."""
    for row in rows:
        if row.kind == "flow":
            for step in unpacked_flow(json.loads(row.payload)):
                yield Recorded(row.boot_id, step)


def bars_by_end(rows: Iterable[LogRow]) -> dict[tuple[str, datetime], Bar]:
    """The live bars of `tape` events by instrument and end. Raises ValueError for a damaged event."""
    tapes = (unpacked(json.loads(row.payload)) for row in rows if row.kind == "tape")
    return {(bar.symbol, bar.end): bar for tape in tapes for bar in tape.bars}


def unpacked_flow(payload: Mapping[str, Any]) -> tuple[Step, ...]:
    """The steps of a `flow` event, in order. Raises ValueError where it is none."""
    try:
        rows = json.loads(zlib.decompress(base64.b64decode(payload["z"])))
        return tuple(_step(name, row) for name, *row in rows)
    except (KeyError, TypeError, zlib.error, ValidationError) as err:
        raise ValueError(f"no flow: {type(err).__name__} {err}") from err


def _step(name: str, row: list[Any]) -> Step:
    if name == Booked.__name__:
        kind, told, at = row
        return Booked(kind, _EVENTS[kind].validate_python(told), _MOMENT.validate_python(at))
    step: Step = _STEPS[name].validate_python(row)
    return step
