"""Runs a sweep: what is finished is taken from the disk, the rest is played, and every trial is counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, NamedTuple

import numpy as np

from engine.backtest.metrics import DAYS_PER_YEAR
from engine.backtest.sharpe import Sharpe, deflated, probabilistic, sharpe_of
from engine.backtest.sweep.choice import Choice
from engine.backtest.sweep.folder import TrialFolder
from engine.backtest.sweep.outcome import Outcome, Play
from engine.backtest.sweep.plan import Fold, Job, Part, Window
from engine.backtest.sweep.pools import Pool
from engine.backtest.trials import Trial, TrialRegistry, Tried

Progress = Callable[[int, int], None]
"""Trials finished, and trials in all."""


COUNT_EVERY: Final = 20
"""Trials counted at once: the whole list is read to count one."""


class Row(NamedTuple):
    """A trial and its end."""

    job: Job
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Campaign:
    """What every trial of a sweep has in common."""

    play: Play
    kit: object
    pool: Pool
    folder: TrialFolder
    registry: TrialRegistry
    data: str
    """Hash of all bars, under which each trial is counted."""
    progress: Progress = field(default=lambda _done, _total: None)

    def run(self, jobs: Sequence[Job]) -> list[Row]:
        """Every job with its outcome, in the order given; no trial that finished before runs again.

        Raises:
            PoolError: trials cannot run any more; finished ones are kept.
            OSError: the disk refuses.
        """
        known = {job.trial_id: self.folder.load(job.trial_id) for job in jobs}
        outcomes = {name: outcome for name, outcome in known.items() if outcome is not None}
        self._count(outcomes.values())  # a crash may have come between a trial's end and its count
        pending = list({job.trial_id: job for job in jobs if job.trial_id not in outcomes}.values())
        total = len(known)
        self.progress(total - len(pending), total)
        uncounted: list[Outcome] = []
        try:
            for outcome in self.pool.run(self.play, self.kit, pending):
                outcomes[outcome.trial_id] = outcome
                if not outcome.error:
                    self.folder.save(outcome)
                    uncounted.append(outcome)
                if len(uncounted) >= COUNT_EVERY:
                    self._count(uncounted)
                    uncounted.clear()
                self.progress(len(outcomes), total)
        finally:
            self._count(uncounted)
        return [Row(job, outcomes[job.trial_id]) for job in jobs]

    def _count(self, outcomes: Iterable[Outcome]) -> None:
        trials = [Trial(self.data, one.trial_id, one.sharpe, len(one.returns)) for one in outcomes]
        if trials:
            self.registry.record_all(trials, on=self.data)


def best_of(rows: Sequence[Row], choice: Choice) -> Row | None:
    """The best row by a figure, the first of equals; None where no row has it."""
    worth = [(choice.worth(row.outcome), row) for row in rows]
    having = [(value, row) for value, row in worth if value is not None]
    return max(having, key=itemgetter(0))[1] if having else None


def walk_forward(
    campaign: Campaign,
    steps: Sequence[Fold],
    choice: Choice,
    *,
    job_of: Callable[[Mapping[str, object], Window], Job],
    settings: Sequence[Mapping[str, object]],
) -> list[Row]:
    """Train every combination on each fold, then test the best of each on what follows it.

    Folds in which no trial of the training has the figure have no test.
    """
    training = campaign.run([job_of(chosen, fold.train) for fold in steps for chosen in settings])
    tests = []
    for fold in steps:
        best = best_of([row for row in training if row.job.window == fold.train], choice)
        if best is not None:
            tests.append(job_of(dict(best.job.settings), fold.test))
    return training + campaign.run(tests)


class OutOfSample(NamedTuple):
    """The tests of a walk forward, one after the other."""

    days: int
    total_return: float
    sharpe: float
    """Per year."""
    probability: float | None
    deflated: float | None


def out_of_sample(rows: Sequence[Row], tried: Tried) -> OutOfSample | None:
    """The chained tests; None where there is none."""
    tests = [row.outcome.returns for row in rows if row.job.window.part is Part.TEST]
    returns = np.asarray([value for test in tests for value in test], dtype=np.float64)
    if not len(returns):
        return None
    sharpe = sharpe_of(returns)
    return OutOfSample(
        days=len(returns),
        total_return=float(np.prod(1.0 + returns)) - 1.0,
        sharpe=sharpe.ratio * math.sqrt(DAYS_PER_YEAR),
        probability=probabilistic(sharpe),
        deflated=_deflated(sharpe, tried),
    )


def deflated_of(outcome: Outcome, tried: Tried) -> float | None:
    """What is left of a trial's Sharpe ratio after all that were tried."""
    return _deflated(sharpe_of(np.asarray(outcome.returns, dtype=np.float64)), tried)


def _deflated(sharpe: Sharpe, tried: Tried) -> float | None:
    return deflated(sharpe, tried=tried.sharpes or (sharpe.ratio,), unknown=tried.unreadable)
