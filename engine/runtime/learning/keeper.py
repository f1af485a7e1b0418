"""Writes down what strategies learn, decision by decision, and continues their models at a start.

Decisions and outcomes are the record; a model is a cache of them. Both are written in one transaction, so a
model never knows what the record does not.

They are written every round, so a kill costs the last second or so: at a start each model stands where it
stood then. That is a past it really had, no second chance: the wealth of its bets is what it was, the alpha
spent is what it was, and what came after is decided and learnt again. What ended trust within that second is
lost with it; the outcomes after it end it again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from engine.api import Level
from engine.runtime.desk import Desk
from engine.runtime.learning.recall import Learnt, origin
from engine.runtime.running import Running
from engine.store.errors import StoreError
from engine.store.learning import DecisionRow, Lesson, ModelRow, OutcomeRow, put_lessons
from engine.strategy.learned import ALL, LearnedFutures

if TYPE_CHECKING:
    from engine.learning.estimator import Plain
    from engine.learning.trader import Opinion
    from engine.store.store import Store
    from engine.strategy.learned_contract import LearnedContract, Noted

MODEL_S: Final = 60.0
"""Real seconds between two snapshots of one model."""

_log = structlog.get_logger("engine")


class LearningKeeper:
    """Owner of what is remembered of models. Lives on the engine's loop; the store's thread writes."""

    def __init__(
        self, desk: Desk, *, store: Store, running: Sequence[Running], learnt: Mapping[str, Learnt]
    ) -> None:
        """`learnt` is what the run before knew, by strategy."""
        self._desk, self._store = desk, store
        self._running = [r for r in running if r.strategy.learns]
        self._saved_s: dict[tuple[str, str], float] = {}
        self._waiting: list[Lesson] = []
        """What the disk did not take."""
        for one in self._learners():
            before = learnt.get(one.name)
            if before is not None:
                one.recall(before.memories)
                one.troubles += before.troubles

    def _learners(self) -> list[LearnedFutures]:
        return [r.strategy for r in self._running if isinstance(r.strategy, LearnedFutures)]

    # --- writing --------------------------------------------------------------------------------

    async def round(self) -> None:
        """Write where it is time; tell what could not be continued, and what ended trust."""
        for one in self._learners():
            while one.troubles:
                text = f"{one.name} {one.troubles.pop(0)}"
                self._desk.notices.raise_alert(Level.WARNING, "model_unreadable", text)
            for key, contract in one.contracts.items():
                while contract.news:
                    text = f"{one.name}: {contract.news.pop(0)}"
                    self._desk.notices.event(Level.WARNING, "strategy", text, symbol=key)
        if self._store.healthy:
            await self._write(self._due(self._desk.clock.monotonic()))

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
            lessons += [_lesson(contract, one.name) for contract in one.contracts.values() if contract.turns]
        if not lessons and not models:
            return
        try:
            await self._store.run(
                partial(put_lessons, lessons=lessons, models=models, at=now, boot_id=self._store.boot_id)
            )
        except StoreError as err:
            self._waiting = lessons
            _log.warning("lessons.not_stored", error=str(err))


def _lesson(contract: LearnedContract, name: str) -> Lesson:
    decisions: list[DecisionRow] = []
    outcomes: list[OutcomeRow] = []
    for noted in contract.take_turns():
        rows = _rows(noted, contract.terms.worst_ticks)
        decisions += [row for row in rows if isinstance(row, DecisionRow)]
        outcomes += [row for row in rows if isinstance(row, OutcomeRow)]
    return Lesson(name, contract.key, tuple(decisions), tuple(outcomes))


def _rows(noted: Noted, worst_ticks: float) -> list[DecisionRow | OutcomeRow]:
    """One turn in the order in which the model saw it."""
    number, turn, slippage = noted[:3]
    paid = [
        OutcomeRow(number, 0, one.number, "payoff", one.net_ticks, False, worst_ticks, slippage)
        for one in turn.payoffs
    ]
    moved = [
        OutcomeRow(number, 0, m.decision.number, "move", m.ticks, m.decision.number in turn.lost)
        for m in turn.moves
    ]
    dropped = [OutcomeRow(number, 0, one, "dropped", math.nan) for one in turn.dropped]
    before, after = paid[: turn.payoffs_before], paid[turn.payoffs_before :]
    decided = [] if turn.opinion is None else [_decision(noted, turn.opinion)]
    rows: list[DecisionRow | OutcomeRow] = [*before, *moved, *decided, *dropped, *after]
    return [row._replace(step=step) for step, row in enumerate(rows)]


def _decision(noted: Noted, opinion: Opinion) -> DecisionRow:
    past, claim, verdict = opinion
    return DecisionRow(
        turn=noted.number,
        step=0,
        number=past.number,
        at=past.at,
        features=past.features,
        is_up=claim.is_up,
        p=claim.p,
        p_move=claim.p_move,
        cost_ticks=claim.cost,
        needed=verdict.threshold,
        why_not=verdict.why_not.value,
        mid=past.mid,
        drawdown=noted.drawdown,
        opens_at=noted.opens_at,
    )


def _row(name: str, key: str, state: Mapping[str, Plain], last: int, at: datetime) -> ModelRow:
    from engine.learning.snapshot import written

    row = written(state, origin=origin(), last_event=last)
    return ModelRow(name, key, at, row.body, row.sha256, row.schema, tuple(row.origin), row.last_event)
