"""The contract as JSON: what the control socket carries, and what `status --json` is made from.

One message is one line. pydantic does the conversion, so that the contract stays plain dataclasses; it is
imported at first use, because the first paint does not need it.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from engine.api import Command, Outcome, Snapshot
from engine.api_handle import Departure, SeatView

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""No message is longer; a peer that sends more is not one of ours."""


class WireError(ValueError):
    """A line that is not a message of this contract."""


def encode(kind: str, **fields: object) -> bytes:
    """One message as one line."""
    return json.dumps({"type": kind, **fields}, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The message of one line. Raises WireError."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as err:
        raise WireError(f"not JSON: {line[:60]!r}") from err
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise WireError(f"not a message: {line[:60]!r}")
    return message


def dump(value: Snapshot | Command | Outcome | SeatView | Departure) -> Any:
    """The value as plain JSON data."""
    return _adapters()[type(value)].dump_python(value, mode="json")


def load_snapshot(data: object) -> Snapshot:
    """Back from plain data. Raises WireError."""
    return _load(Snapshot, data)


def load_command(data: object) -> Command:
    """Back from plain data. Raises WireError."""
    return _load(Command, data)


def load_outcome(data: object) -> Outcome:
    """Back from plain data. Raises WireError."""
    return _load(Outcome, data)


def load_seat(data: object) -> SeatView:
    """Back from plain data. Raises WireError."""
    return _load(SeatView, data)


def load_departure(data: object) -> Departure:
    """Back from plain data. Raises WireError."""
    return _load(Departure, data)


def _load(kind: type[T], data: object) -> T:
    try:
        value: T = _adapters()[kind].validate_python(data)
    except ValueError as err:
        raise WireError(f"not a {kind.__name__}: {err}") from err
    return value


@functools.cache
def _adapters() -> dict[type[Any], TypeAdapter[Any]]:
    from pydantic import TypeAdapter

    return {kind: TypeAdapter(kind) for kind in (Snapshot, Command, Outcome, SeatView, Departure)}
