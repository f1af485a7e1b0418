"""Every try counts, once, whoever makes it and however it ends."""

from __future__ import annotations

import fcntl
import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from engine.backtest import trials
from engine.backtest.sharpe import Sharpe
from engine.backtest.trials import FILE, Trial, TrialRegistry, Tried, honest


def tries(folder: Path, who: int, count: int, together: Barrier) -> None:
    """Count `count` trials of one process."""
    for number in range(count):
        TrialRegistry(folder).record(Trial("d", f"{who}-{number}", 0.1, 250))
        together.wait(30)
        TrialRegistry(folder).record(Trial("same", f"{number}", 0.1, 250))


def test_a_trial_counts_for_its_data_alone_and_a_repetition_not_at_all(tmp_path: Path) -> None:
    registry = TrialRegistry(tmp_path / "results")

    registry.record(Trial("d1", "a", 0.1, 250))
    registry.record(Trial("d1", "b", 0.2, 250))
    registry.record(Trial("d2", "a", 0.3, 250))

    assert registry.record(Trial("d1", "a", 0.1, 250)) == Tried((0.1, 0.2), 0)
    assert registry.on("d2") == Tried((0.3,), 0)
    assert registry.on("d3").count == TrialRegistry(tmp_path / "none").on("d1").count == 0


def test_no_trial_is_lost_and_none_counts_twice_where_many_processes_count_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    together = context.Barrier(4)
    workers = [context.Process(target=tries, args=(tmp_path, who, 20, together)) for who in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    assert TrialRegistry(tmp_path).on("d").count == 80
    assert TrialRegistry(tmp_path).on("same").count == 20


def test_nobody_else_may_look_between_the_look_and_the_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []

    def read(descriptor: int) -> str:
        with (tmp_path / FILE).open("rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        looked.append(descriptor)
        return ""

    monkeypatch.setattr(trials, "_read", read)
    TrialRegistry(tmp_path).record(Trial("d", "a", 0.1, 250))

    assert len(looked) == 1


def test_a_line_cut_short_by_a_crash_counts_and_spoils_no_other(tmp_path: Path) -> None:
    registry = TrialRegistry(tmp_path)
    registry.record(Trial("d", "a", 0.1, 250))
    with (tmp_path / FILE).open("a") as file:
        file.write('{"data": "d", "conf')

    tried = registry.record(Trial("d", "b", 0.2, 250))

    assert tried == registry.on("d") == Tried((0.1, 0.2), 1)


@pytest.mark.req("PLAN-M2-METRICS")
def test_the_deflated_ratio_falls_with_every_further_trial() -> None:
    sharpe = Sharpe(0.1, 0.05, 0.0, 3.0, 400)

    alone, fourth = honest(sharpe, Tried((0.1,), 0)), honest(sharpe, Tried((0.1, 0.05, 0.0, -0.05), 0))

    assert (alone["trials"], fourth["trials"]) == (1, 4)
    assert alone["deflated_sharpe"] > 0.95 > fourth["deflated_sharpe"]  # type: ignore[operator]
