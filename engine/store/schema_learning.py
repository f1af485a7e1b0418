"""The tables of what strategies learn: decisions, outcomes, and models as a cache of both. A migration."""

from __future__ import annotations

from typing import Final

LEARNING: Final = (
    """CREATE TABLE learned_decision (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        strategy TEXT NOT NULL,
        key TEXT NOT NULL,
        number INTEGER NOT NULL,
        at TEXT NOT NULL,
        features TEXT NOT NULL,
        is_up INTEGER NOT NULL CHECK (is_up IN (0, 1)),
        p REAL NOT NULL,
        p_move REAL NOT NULL,
        cost_ticks REAL NOT NULL,
        needed REAL,
        why_not TEXT NOT NULL,
        boot_id TEXT NOT NULL
    )""",
    """CREATE TABLE learned_outcome (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        strategy TEXT NOT NULL,
        key TEXT NOT NULL,
        number INTEGER NOT NULL,
        kind TEXT NOT NULL,
        ticks REAL,
        at TEXT NOT NULL,
        boot_id TEXT NOT NULL
    )""",
    """CREATE TABLE learned_model (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        strategy TEXT NOT NULL,
        key TEXT NOT NULL,
        at TEXT NOT NULL,
        body TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        schema INTEGER NOT NULL,
        origin TEXT NOT NULL,
        last_event INTEGER NOT NULL
    )""",
    "CREATE INDEX learned_model_of ON learned_model (strategy, key, seq)",
    "CREATE INDEX learned_decision_at ON learned_decision (at)",
    "CREATE INDEX learned_outcome_at ON learned_outcome (at)",
)
"""`needed` and `ticks` are NULL where nothing is proven, or where no honest price was there."""
