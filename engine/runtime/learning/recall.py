"""Reads what strategies had learnt: the newest model to be believed, and the record since then.

Where no model can be believed the record alone makes it anew. Runs in the store's thread, at a start.
"""

from __future__ import annotations

import platform
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.runtime.running import Running
from engine.store.learning import (
    DecisionRow,
    Lesson,
    ModelRow,
    OutcomeRow,
    learned_keys,
    stored_lesson,
    stored_models,
)

if TYPE_CHECKING:
    from engine.learning.estimator import Plain
    from engine.learning.replay import Event
    from engine.learning.snapshot import Origin
    from engine.strategy.learned_contract import Memory


@dataclass(slots=True)
class Learnt:
    """What one strategy knew."""

    memories: dict[str, Memory] = field(default_factory=dict)
    """By instrument; the empty key is the strategy as a whole."""
    troubles: list[str] = field(default_factory=list)
    """Which models were not believed, and why."""


def learners(all_running: Iterable[Running]) -> tuple[str, ...]:
    """Names of the strategies that learn."""
    return tuple(r.strategy.name for r in all_running if r.strategy.learns)


def learnt_before(conn: sqlite3.Connection, *, names: Iterable[str]) -> dict[str, Learnt]:
    """What these strategies knew when the run before ended, however it ended."""
    wanted, found = set(names), dict[str, Learnt]()
    for name, key in learned_keys(conn) if wanted else ():
        if name in wanted:
            _remember(conn, name, key, found.setdefault(name, Learnt()))
    return found


def _remember(conn: sqlite3.Connection, name: str, key: str, learnt: Learnt) -> None:
    from engine.strategy.learned_contract import Memory

    state, after = None, 0
    for row in stored_models(conn, strategy=name, key=key):
        state = believed(row, learnt.troubles)
        if state is not None:
            after = row.last_event
            break
    lesson = stored_lesson(conn, strategy=name, key=key, after=after)
    turns = [one.turn for one in lesson.decisions] + [one.turn for one in lesson.outcomes]
    last = max(turns, default=0)
    if state is not None or last:
        learnt.memories[key] = Memory(state, tuple(events_of(lesson)), last)


def believed(row: ModelRow, troubles: list[str]) -> Mapping[str, Plain] | None:
    """The state of a stored model; None where it cannot be continued from, with the reason in `troubles`."""
    from engine.learning.plain import StateError
    from engine.learning.snapshot import Origin, SnapshotRow, read

    try:
        made_by = Origin(*row.origin)
        return read(SnapshotRow(row.body, row.sha256, row.schema, made_by, row.last_event), origin=origin())
    except (StateError, TypeError, ValueError) as err:
        troubles.append(f"{row.key}: a stored model is made anew from its record: {err}")
        return None


def events_of(lesson: Lesson) -> Iterator[Event]:
    """What a model saw, in the order in which it saw it."""
    from engine.learning.replay import Decided, Forgot, Moved, Paid

    rows: list[DecisionRow | OutcomeRow] = [*lesson.decisions, *lesson.outcomes]
    for row in sorted(rows, key=lambda one: (one.turn, one.step)):
        if isinstance(row, DecisionRow):
            costs = row.cost_ticks, row.mid, row.drawdown, row.opens_at
            yield Decided(row.number, row.at, row.features, *costs)
        elif row.kind == "move":
            yield Moved(row.number, row.ticks, row.lost)
        elif row.kind == "payoff":
            yield Paid(row.number, row.ticks, row.worst_ticks, row.slippage_ticks)
        else:
            yield Forgot()


def origin() -> Origin:
    """Who writes models here. The code's own mark is the schema, raised with every change of meaning."""
    import numpy as np

    from engine.learning.features import FEATURE_SETS
    from engine.learning.snapshot import SCHEMA, Origin, features_hash

    python = f"{platform.python_implementation()} {sys.version_info.major}.{sys.version_info.minor}"
    return Origin(features_hash(FEATURE_SETS), f"learning {SCHEMA}", python, np.__version__)
