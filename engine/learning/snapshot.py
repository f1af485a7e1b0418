"""What was learnt, as one row of plain text: checked before it is believed, or made anew by replay."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from engine.learning.estimator import Plain
from engine.learning.plain import StateError

SCHEMA: Final = 2
"""Raised whenever state means something else: older snapshots are then replayed, not read."""


class Origin(NamedTuple):
    """What a snapshot was made by; anything else than the reader's own is replayed."""

    features: str
    """Hash of the feature names, in their order."""
    revision: str
    """The code."""
    python: str
    numpy: str


class SnapshotRow(NamedTuple):
    """One row of the store. The last event that it has seen is written in the same transaction."""

    body: str
    sha256: str
    schema: int
    origin: Origin
    last_event: int


def features_hash(sets: Mapping[str, Sequence[str]]) -> str:
    """Changes with any name, and with their order."""
    text = json.dumps([[name, list(features)] for name, features in sets.items()])
    return hashlib.sha256(text.encode()).hexdigest()


def written(state: Mapping[str, Plain], *, origin: Origin, last_event: int) -> SnapshotRow:
    """A state as a row. ValueError where it holds a number that is not finite."""
    body = json.dumps(state, allow_nan=False, separators=(",", ":"))
    return SnapshotRow(body, _hash(body, origin, last_event), SCHEMA, origin, last_event)


def read(row: SnapshotRow, *, origin: Origin) -> dict[str, Plain]:
    """The state of a row. StateError saying why it must not be continued from: replay then."""
    if row.schema != SCHEMA:
        raise StateError(f"snapshot of a model: written with schema {row.schema}, this is {SCHEMA}")
    if row.origin != origin:
        differs = [name for name in Origin._fields if getattr(row.origin, name) != getattr(origin, name)]
        raise StateError(f"snapshot of a model: written by another {', '.join(differs)}")
    if _hash(row.body, row.origin, row.last_event) != row.sha256:
        raise StateError("snapshot of a model: its hash does not match, the row was damaged or changed")
    state = json.loads(row.body)
    if not isinstance(state, dict):
        raise StateError("snapshot of a model: it is not a table")
    return state


def _hash(body: str, origin: Origin, last_event: int) -> str:
    text = json.dumps([SCHEMA, list(origin), last_event, body])
    return hashlib.sha256(text.encode()).hexdigest()
