"""The tables of what strategies learn: decisions, outcomes, and models as a cache of both. A migration."""

from __future__ import annotations

from typing import Final

LEARNING: Final = (
    """CREATE TABLE learned_decision (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        strategy TEXT NOT NULL,
        key TEXT NOT NULL,
        turn INTEGER NOT NULL,
        step INTEGER NOT NULL,
        number INTEGER NOT NULL,
        at REAL NOT NULL,
        features TEXT NOT NULL,
        is_up INTEGER NOT NULL CHECK (is_up IN (0, 1)),
        p REAL NOT NULL,
        p_move REAL NOT NULL,
        cost_ticks REAL NOT NULL,
        needed REAL,
        why_not TEXT NOT NULL,
        mid REAL NOT NULL,
        drawdown REAL NOT NULL,
        opens_at REAL,
        boot_id TEXT NOT NULL
    )""",
    """CREATE TABLE learned_outcome (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        strategy TEXT NOT NULL,
        key TEXT NOT NULL,
        turn INTEGER NOT NULL,
        step INTEGER NOT NULL,
        number INTEGER NOT NULL,
        kind TEXT NOT NULL,
        ticks REAL,
        lost INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1)),
        worst_ticks REAL NOT NULL DEFAULT 0,
        slippage_ticks REAL NOT NULL DEFAULT 0,
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
    "CREATE INDEX learned_decision_of ON learned_decision (strategy, key, turn)",
    "CREATE INDEX learned_outcome_of ON learned_outcome (strategy, key, turn)",
)
"""`turn` and `step` are the order in which a model saw decisions and outcomes. Times of decisions are epoch
seconds to the last digit, so that a replay repeats exactly. `needed` and `ticks` are NULL where nothing is
proven, or where no honest price was there.
"""
