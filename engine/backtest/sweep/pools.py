"""Where trials run: in this process, on all cores of this machine, or on a Dask cluster."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from typing import Any, Final, Protocol

from engine.backtest.sweep.outcome import Outcome, Play, play_one
from engine.backtest.sweep.plan import Job

CONNECT_S: Final = 10.0
"""A scheduler that does not answer within so long is none."""
_AHEAD: Final = 4
"""Trials handed over per process before the first is back: enough that none waits for the next."""


class PoolError(Exception):
    """The trials cannot run there, or no longer; what is finished is kept."""


class Pool(Protocol):
    """Somewhere to run trials."""

    def run(self, play: Play, kit: object, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Outcomes as they come, in any order. Raises PoolError."""
        ...


class Here:
    """One after the other in this process."""

    def run(self, play: Play, kit: object, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Outcomes in the order of the jobs."""
        return (play_one(play, kit, job) for job in jobs)


class Cores:
    """Processes of this machine. What all trials share is handed to each process once."""

    def __init__(self, processes: int) -> None:
        self._processes = processes

    def run(self, play: Play, kit: object, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Outcomes as they come. Raises PoolError where a process dies."""
        shared = pickle.dumps((play, kit), protocol=pickle.HIGHEST_PROTOCOL)
        pool = ProcessPoolExecutor(
            max_workers=min(self._processes, max(len(jobs), 1)),
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_take,
            initargs=(shared,),
        )
        try:
            yield from _bounded(pool, jobs, self._processes * _AHEAD)
        except BrokenProcessPool as err:
            raise PoolError("a process that ran trials died (out of memory?); run the sweep again") from err
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class Cluster:
    """A Dask cluster, reached at its scheduler; its workers need this package in the same version."""

    def __init__(self, scheduler: str) -> None:
        self._scheduler = scheduler

    def run(self, play: Play, kit: object, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Outcomes as they come. Raises PoolError where the cluster is not reached or lets go of a trial."""
        try:
            distributed: Any = import_module("distributed")  # an extra, and slow to import
        except ImportError as err:
            raise PoolError(
                "a cluster needs dask[distributed]: install cockpit with its extra `cluster`"
            ) from err
        try:
            client = distributed.Client(self._scheduler, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as err:
            raise PoolError(f"no scheduler answers at {self._scheduler}: {err}") from err
        with client:
            shared = client.scatter((play, kit), broadcast=True, hash=False)
            futures = client.map(_play_shared, jobs, shared=shared, pure=False)
            for future in distributed.as_completed(futures, loop=client.loop):
                yield _outcome_of(future)


def _outcome_of(future: Any) -> Outcome:
    try:
        outcome = future.result()
    except Exception as err:
        raise PoolError(f"the cluster let go of a trial: {type(err).__name__}: {err}") from err
    if not isinstance(outcome, Outcome):
        raise PoolError(f"a worker answered with a {type(outcome).__name__}: it runs another version")
    return outcome


def _play_shared(job: Job, *, shared: tuple[Play, object]) -> Outcome:
    return play_one(*shared, job)


_taken: list[tuple[Play, object]] = []
"""In a process of `Cores`: what its trials share."""


def _take(shared: bytes) -> None:
    # A ctrl+c goes to every process of the terminal; whoever started them says when they end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _taken.append(pickle.loads(shared))  # noqa: S301 - our own bytes, from the process that started this one


def _play_taken(job: Job) -> Outcome:
    return play_one(*_taken[0], job)


def _bounded(pool: ProcessPoolExecutor, jobs: Sequence[Job], most: int) -> Iterator[Outcome]:
    """Hand over few at a time: a stop then waits for these alone."""
    waiting: set[Future[Outcome]] = set()
    for job in jobs:
        waiting.add(pool.submit(_play_taken, job))
        if len(waiting) >= most:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in done)
