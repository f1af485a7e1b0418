"""SQL of what strategies learn: decisions with their outcomes, and the newest models."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from engine.store.values import from_time, to_json, to_time

KEPT_MODELS: Final = 3
"""Models per strategy and instrument: the last good ones."""


class DecisionRow(NamedTuple):
    """One decision of a strategy that learns, traded or not."""

    number: int
    at: datetime
    features: Mapping[str, float]
    is_up: bool
    p: float
    p_move: float
    cost_ticks: float
    needed: float
    """Infinite while nothing is proven."""
    why_not: str


class OutcomeRow(NamedTuple):
    """What became of one decision."""

    number: int
    kind: str
    """`move`: the mid at the horizon; `payoff`: the net of its shadow trade; `dropped`: never to be known."""
    ticks: float
    """NaN where no honest price was there."""


class ModelRow(NamedTuple):
    """One model as text; it is judged by who reads it."""

    strategy: str
    key: str
    at: datetime
    body: str
    sha256: str
    schema: int
    origin: tuple[str, ...]
    last_event: int


class Lesson(NamedTuple):
    """What one strategy noted about one instrument since the last time."""

    strategy: str
    key: str
    decisions: tuple[DecisionRow, ...]
    outcomes: tuple[OutcomeRow, ...]


def put_lessons(
    conn: sqlite3.Connection,
    lessons: Iterable[Lesson],
    models: Iterable[ModelRow] = (),
    *,
    at: datetime,
    boot_id: str,
) -> None:
    """Add decisions and outcomes, and the models that have seen them, in one transaction."""
    for one in lessons:
        who = (one.strategy, one.key)
        conn.executemany(
            "INSERT INTO learned_decision (strategy, key, number, at, features, is_up, p, p_move, cost_ticks,"
            " needed, why_not, boot_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(*who, *_decision(row), boot_id) for row in one.decisions],
        )
        conn.executemany(
            "INSERT INTO learned_outcome (strategy, key, number, kind, ticks, at, boot_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(*who, row.number, row.kind, _finite(row.ticks), to_time(at), boot_id) for row in one.outcomes],
        )
    for model in models:
        conn.execute(
            "INSERT INTO learned_model (strategy, key, at, body, sha256, schema, origin, last_event)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*model[:2], to_time(model.at), *model[3:6], json.dumps(model.origin), model.last_event),
        )
        conn.execute(
            "DELETE FROM learned_model WHERE strategy = :who AND key = :key AND seq <= (SELECT seq FROM"
            " learned_model WHERE strategy = :who AND key = :key ORDER BY seq DESC LIMIT 1 OFFSET :kept)",
            {"who": model.strategy, "key": model.key, "kept": KEPT_MODELS},
        )


def stored_models(conn: sqlite3.Connection) -> tuple[ModelRow, ...]:
    """The models that are kept, the newest of each strategy and instrument first."""
    rows = conn.execute(
        "SELECT strategy, key, at, body, sha256, schema, origin, last_event FROM learned_model"
        " ORDER BY strategy, key, seq DESC"
    )
    return tuple(
        ModelRow(who, key, from_time(at), body, sha256, schema, _origin(origin), last)
        for who, key, at, body, sha256, schema, origin, last in rows
    )


def _decision(row: DecisionRow) -> tuple[object, ...]:
    features = to_json(dict(row.features))
    claim = (int(row.is_up), row.p, row.p_move, row.cost_ticks)
    return (row.number, to_time(row.at), features, *claim, _finite(row.needed), row.why_not)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _origin(text: str) -> tuple[str, ...]:
    return tuple(str(part) for part in json.loads(text))
