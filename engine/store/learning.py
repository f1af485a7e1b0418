"""SQL of what strategies learn: decisions with their outcomes, and the newest models."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from engine.store.values import from_time, to_time

KEPT_MODELS: Final = 3
"""Models per strategy and instrument: the last good ones."""


class DecisionRow(NamedTuple):
    """One decision of a strategy that learns, traded or not."""

    turn: int
    step: int
    number: int
    at: float
    """Epoch seconds."""
    features: Mapping[str, float]
    is_up: bool
    p: float
    p_move: float
    cost_ticks: float
    needed: float
    """Infinite while nothing is proven."""
    why_not: str
    mid: float
    drawdown: float
    opens_at: float
    """NaN where its session was not known."""


class OutcomeRow(NamedTuple):
    """What became of one decision."""

    turn: int
    step: int
    number: int
    kind: str
    """`move`: the mid at the horizon; `payoff`: the net of its shadow trade; `dropped`: never to be known."""
    ticks: float
    """NaN where no honest price was there."""
    lost: bool = False
    worst_ticks: float = 0.0
    slippage_ticks: float = 0.0


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
            "INSERT INTO learned_decision (strategy, key, turn, step, number, at, features, is_up, p, p_move,"
            " cost_ticks, needed, why_not, mid, drawdown, opens_at, boot_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(*who, *_decision(row), boot_id) for row in one.decisions],
        )
        conn.executemany(
            "INSERT INTO learned_outcome (strategy, key, turn, step, number, kind, ticks, lost, worst_ticks,"
            " slippage_ticks, at, boot_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (*who, *row[:4], _finite(row.ticks), int(row.lost), *row[6:], to_time(at), boot_id)
                for row in one.outcomes
            ],
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


def stored_models(conn: sqlite3.Connection, *, strategy: str, key: str) -> tuple[ModelRow, ...]:
    """The models that are kept of one, the newest first."""
    rows = conn.execute(
        "SELECT strategy, key, at, body, sha256, schema, origin, last_event FROM learned_model"
        " WHERE strategy = ? AND key = ? ORDER BY seq DESC",
        (strategy, key),
    )
    return tuple(
        ModelRow(who, key, from_time(at), body, sha256, schema, _origin(origin), last)
        for who, key, at, body, sha256, schema, origin, last in rows
    )


def learned_keys(conn: sqlite3.Connection) -> tuple[tuple[str, str], ...]:
    """Strategy and instrument of all that was learnt about."""
    rows = conn.execute(
        "SELECT strategy, key FROM learned_decision"
        " UNION SELECT strategy, key FROM learned_model ORDER BY 1, 2"
    )
    return tuple((who, key) for who, key in rows)


def stored_lesson(conn: sqlite3.Connection, *, strategy: str, key: str, after: int) -> Lesson:
    """Decisions and outcomes of later turns than `after`."""
    which = (strategy, key, after)
    decisions = conn.execute(
        "SELECT turn, step, number, at, features, is_up, p, p_move, cost_ticks, needed, why_not, mid,"
        " drawdown, opens_at FROM learned_decision WHERE strategy = ? AND key = ? AND turn > ?"
        " ORDER BY turn, step",
        which,
    )
    outcomes = conn.execute(
        "SELECT turn, step, number, kind, ticks, lost, worst_ticks, slippage_ticks"
        " FROM learned_outcome WHERE strategy = ? AND key = ? AND turn > ? ORDER BY turn, step",
        which,
    )
    made, ended = [_read_decision(row) for row in decisions], [_read_outcome(row) for row in outcomes]
    return Lesson(strategy, key, tuple(made), tuple(ended))


def _read_decision(stored: tuple[Any, ...]) -> DecisionRow:
    row = DecisionRow(*stored)
    return row._replace(
        features=json.loads(stored[4]),
        is_up=bool(row.is_up),
        needed=math.inf if stored[9] is None else row.needed,
        opens_at=math.nan if stored[13] is None else row.opens_at,
    )


def _read_outcome(stored: tuple[Any, ...]) -> OutcomeRow:
    row = OutcomeRow(*stored)
    return row._replace(ticks=math.nan if stored[4] is None else row.ticks, lost=bool(row.lost))


def _decision(row: DecisionRow) -> tuple[object, ...]:
    claim = (json.dumps(dict(row.features)), int(row.is_up), row.p, row.p_move, row.cost_ticks)
    judged = (_finite(row.needed), row.why_not, row.mid, row.drawdown, _finite(row.opens_at))
    return (*row[:4], *claim, *judged)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _origin(text: str) -> tuple[str, ...]:
    return tuple(str(part) for part in json.loads(text))
