"""The canary: a learner that is told outcomes early looks brilliant. Ours must not be able to."""

from __future__ import annotations

import numpy as np

from engine.learning.book import Top
from engine.learning.outcomes import Outcomes
from tests.learning.test_outcomes import decision, terms

HORIZON_S = 15.0


def accuracy_of_neighbours(*, told_after_s: float) -> float:
    """Progressive accuracy of 5 nearest neighbours on a random walk, through the product's own queue.

    Neighbours in time look alike and their outcomes overlap, so that early labels give the answer away.
    The walk has no memory: whoever beats one half by far was told.
    """
    rng = np.random.default_rng(12)
    walk = np.cumsum(rng.choice((-1.0, 1.0), size=900))
    queue, known_x, known_y = Outcomes(terms(horizon_s=told_after_s)), [], []
    said: dict[int, bool] = {}
    right = []
    for number, level in enumerate(walk[:-15].tolist()):
        at = float(number)
        for move in queue.advance(at)[0]:
            past = move.decision.number
            up = bool(walk[past + 15] > walk[past])
            right.append(said[past] == up)
            known_x.append([past / 50.0, walk[past]])
            known_y.append(up)
        queue.on_top(Top(at, level, level + 0.25, 1, 1))
        queue.add(decision(number, at))
        near = []
        if len(known_x) >= 5:
            apart = ((np.array(known_x[-150:]) - (number / 50.0, level)) ** 2).sum(axis=1)
            near = [known_y[-150:][one] for one in np.argsort(apart)[:5]]
        said[number] = sum(near) >= 3
    return float(np.mean(right[100:]))


def test_labels_are_told_when_they_are_due_for_early_ones_would_look_brilliant() -> None:
    honest = accuracy_of_neighbours(told_after_s=HORIZON_S)
    cheating = accuracy_of_neighbours(told_after_s=1.0)

    assert honest < 0.57
    assert cheating > honest + 0.10
