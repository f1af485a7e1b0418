"""Writes down what strategies learn, decision by decision, and continues their models at a start.

Decisions and outcomes are the record; a model is a cache of them. Both are written in one transaction, so a
model never knows what the record does not.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from engine.api import Level
from engine.domain.market import utc
from engine.runtime.desk import Desk
from engine.runtime.running import Running
from engine.store.errors import StoreError
from engine.store.learning import DecisionRow, Lesson, ModelRow, OutcomeRow, put_lessons
from engine.strategy.learned import ALL, LearnedFutures

if TYPE_CHECKING:
    from engine.learning.estimator import Plain
    from engine.learning.snapshot import Origin
    from engine.learning.trader import Turn
    from engine.store.store import Store

WRITE_S: Final = 10.0
"""Real seconds between two writes; what a kill in between costs is decided and learnt again, not made up."""
MODEL_S: Final = 60.0
"""Real seconds between two snapshots of one model."""

_log = structlog.get_logger("engine")


class LearningKeeper:
    """Owner of what is remembered of models. Lives on the engine's loop; the store's thread writes."""

    def __init__(
        self, desk: Desk, *, store: Store, running: Sequence[Running], models: Iterable[ModelRow]
    ) -> None:
        self._desk, self._store = desk, store
        self._running = [r for r in running if r.strategy.learns]
        self._written_s = float("-inf")
        self._saved_s: dict[tuple[str, str], float] = {}
        self._waiting: list[Lesson] = []
        """What the disk did not take."""
        for one in self._learners():
            self._recall(one, [row for row in models if row.strategy == one.name])

    def _learners(self) -> list[LearnedFutures]:
        return [r.strategy for r in self._running if isinstance(r.strategy, LearnedFutures)]

    # --- continuing -----------------------------------------------------------------------------

    def _recall(self, strategy: LearnedFutures, rows: Sequence[ModelRow]) -> None:
        states: dict[str, Mapping[str, Plain]] = {}
        for row in rows:  # the newest first; an older one where it cannot be read
            if row.key not in states:
                state = self._readable(row)
                if state is not None:
                    states[row.key] = state
        strategy.recall(states)

    def _readable(self, row: ModelRow) -> dict[str, Plain] | None:
        from engine.learning.plain import StateError
        from engine.learning.snapshot import Origin, SnapshotRow, read

        try:
            made_by = Origin(*row.origin)
            return read(
                SnapshotRow(row.body, row.sha256, row.schema, made_by, row.last_event), origin=_origin()
            )
        except (StateError, TypeError, ValueError) as err:
            text = f"{row.strategy} {row.key}: a stored model is not continued: {err}"
            self._desk.notices.raise_alert(Level.WARNING, "model_unreadable", text, symbol=row.key)
            return None

    # --- writing --------------------------------------------------------------------------------

    async def round(self) -> None:
        """Write where it is time; tell what could not be continued."""
        for one in self._learners():
            while one.troubles:
                text = f"{one.name} {one.troubles.pop(0)}"
                self._desk.notices.raise_alert(Level.WARNING, "model_unreadable", text)
        now_s = self._desk.clock.monotonic()
        if now_s - self._written_s < WRITE_S or not self._store.healthy:
            return
        self._written_s = now_s
        await self._write(self._due(now_s))

    async def save(self) -> None:
        """The last save, at a graceful end."""
        await self._write({(one.name, key) for one in self._learners() for key in (*one.contracts, ALL)})

    def _due(self, now_s: float) -> set[tuple[str, str]]:
        """The models whose snapshot is old; not all in one round, each takes a moment of the loop."""
        found = [(one.name, key) for one in self._learners() for key in (*one.contracts, ALL)]
        old = [which for which in found if now_s - self._saved_s.setdefault(which, now_s) >= MODEL_S]
        due = set(sorted(old, key=lambda which: self._saved_s[which])[:3])
        self._saved_s.update(dict.fromkeys(due, now_s))
        return due

    async def _write(self, due: set[tuple[str, str]]) -> None:
        now, lessons, models = self._desk.now(), self._waiting, []
        self._waiting = []
        for one in self._learners():
            states = one.states([key for who, key in due if who == one.name])
            models += [_row(one.name, key, state, last, now) for key, (state, last) in states.items()]
            lessons += [
                _lesson(one.name, key, turns)
                for key, contract in one.contracts.items()
                if (turns := contract.take_turns())
            ]
        if not lessons and not models:
            return
        try:
            await self._store.run(
                partial(put_lessons, lessons=lessons, models=models, at=now, boot_id=self._store.boot_id)
            )
        except StoreError as err:
            self._waiting = lessons
            _log.warning("lessons.not_stored", error=str(err))


def _lesson(name: str, key: str, turns: Iterable[Turn]) -> Lesson:
    decisions, outcomes = [], []
    for turn in turns:
        if turn.opinion is not None:
            past, claim, verdict = turn.opinion
            decisions.append(
                DecisionRow(
                    number=past.number,
                    at=utc(past.at),
                    features=past.features,
                    is_up=claim.is_up,
                    p=claim.p,
                    p_move=claim.p_move,
                    cost_ticks=claim.cost,
                    needed=verdict.threshold,
                    why_not=verdict.why_not.value,
                )
            )
        outcomes += [OutcomeRow(move.decision.number, "move", move.ticks) for move in turn.moves]
        outcomes += [OutcomeRow(one.number, "payoff", one.net_ticks) for one in turn.payoffs]
        outcomes += [OutcomeRow(number, "dropped", float("nan")) for number in turn.dropped]
    return Lesson(name, key, tuple(decisions), tuple(outcomes))


def _row(name: str, key: str, state: Mapping[str, Plain], last: int, at: datetime) -> ModelRow:
    from engine.learning.snapshot import written

    row = written(state, origin=_origin(), last_event=last)
    return ModelRow(name, key, at, row.body, row.sha256, row.schema, tuple(row.origin), row.last_event)


def _origin() -> Origin:
    """Who writes models here. The code's own mark is the schema, raised with every change of meaning."""
    import numpy as np

    from engine.learning.features import FEATURE_SETS
    from engine.learning.snapshot import SCHEMA, Origin, features_hash

    python = f"{platform.python_implementation()} {sys.version_info.major}.{sys.version_info.minor}"
    return Origin(features_hash(FEATURE_SETS), f"learning {SCHEMA}", python, np.__version__)
