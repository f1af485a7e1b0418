"""Keeps each finished trial by its name, so that no sweep ever runs it again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from engine.backtest.sweep.outcome import Outcome
from engine.config.atomic import write_atomically


class TrialFolder:
    """Below the folder of results, shared by all sweeps: `sweeps/trials/<first two>/<trial id>.json`."""

    def __init__(self, results: Path) -> None:
        self.sweeps = results / "sweeps"

    def load(self, trial_id: str) -> Outcome | None:
        """A finished trial; None where it never finished or its file cannot be read."""
        try:
            found = json.loads(self._path(trial_id).read_text(encoding="utf-8"))
            return Outcome(
                trial_id=str(found["trial_id"]),
                figures=dict(found["figures"]),
                sharpe=float(found["sharpe"]),
                returns=tuple(float(value) for value in found["returns"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None  # run again: that costs time and nothing else

    def save(self, outcome: Outcome) -> None:
        """Keep a trial that ran to its end. Raises OSError."""
        path = self._path(outcome.trial_id)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        document = asdict(outcome)
        del document["error"]  # only trials without one are kept
        write_atomically(path, json.dumps(document, allow_nan=False) + "\n")

    def _path(self, trial_id: str) -> Path:
        return self.sweeps / "trials" / trial_id[:2] / f"{trial_id}.json"
