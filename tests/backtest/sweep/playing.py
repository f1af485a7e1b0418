"""Trials that need no engine: what they come to follows from their settings alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.backtest.result import RunResult
from engine.backtest.sweep.campaign import Campaign
from engine.backtest.sweep.folder import TrialFolder
from engine.backtest.sweep.plan import WHOLE, Job, Window, trial_id
from engine.backtest.sweep.pools import Here, Pool
from engine.backtest.trials import TrialRegistry
from tests.backtest.building import result


def play(kit: Path, job: Job) -> RunResult:
    """A run whose days gain `edge` on average; told in the folder `kit`, one file per time it was played."""
    number = len(list(kit.glob(f"{job.trial_id}-*")))
    (kit / f"{job.trial_id}-{number}-{os.getpid()}").touch()
    settings = dict(job.settings)
    if settings.get("edge") == "broken":
        raise ValueError("this combination cannot be")
    edge = float(str(settings["edge"]))
    noise = np.random.default_rng(len(job.window.name)).normal(0.0, 0.01, 30)
    return result([float(value) for value in 100.0 * np.cumprod(1.0 + noise + edge)])


def played(kit: Path) -> int:
    """How often any trial was played."""
    return len(list(kit.iterdir()))


def job_of(settings: Mapping[str, object], window: Window = WHOLE) -> Job:
    """A trial of these settings."""
    name = trial_id(
        data="d", config=repr(sorted(settings.items())), code="c", strategies=("s",), window=window
    )
    return Job(name, tuple(settings.items()), window, None)


def jobs_of(edges: Sequence[object]) -> list[Job]:
    """One trial per edge."""
    return [job_of({"edge": edge}) for edge in edges]


def campaign(folder: Path, pool: Pool | None = None) -> Campaign:
    """A sweep below `folder`, whose trials leave a mark in `folder/played`."""
    kit = folder / "played"
    kit.mkdir(exist_ok=True)
    return Campaign(
        play=play,
        kit=kit,
        pool=pool or Here(),
        folder=TrialFolder(folder),
        registry=TrialRegistry(folder),
        data="d",
    )
