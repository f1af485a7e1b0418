"""A sweep: each trial runs once in its life, counts once, and what is chosen is proven on later days."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engine.backtest.sweep.campaign import best_of, out_of_sample, walk_forward
from engine.backtest.sweep.choice import SHARPE
from engine.backtest.sweep.outcome import Outcome, Play
from engine.backtest.sweep.plan import Job, folds
from engine.backtest.sweep.pools import Cluster, Cores, Here, PoolError
from engine.backtest.sweep.table import write_sweep
from engine.backtest.trials import FILE
from tests.backtest.sweep.playing import campaign, job_of, jobs_of, played


class Dies:
    """A pool that breaks off after some trials."""

    def __init__(self, after: int) -> None:
        self._after = after

    def run(self, play: Play, kit: object, jobs: Sequence[Job]) -> Iterator[Outcome]:
        yield from Here().run(play, kit, jobs[: self._after])
        raise PoolError("gone")


def test_every_trial_is_played_once_counted_and_never_again(tmp_path: Path) -> None:
    first = campaign(tmp_path)
    rows = first.run(jobs_of([0.0, 0.001, 0.002]))
    again = campaign(tmp_path).run(jobs_of([0.001, 0.002, 0.003]))

    assert played(tmp_path / "played") == 4
    assert first.registry.on("d").count == 4
    assert rows[1].outcome == again[0].outcome
    assert [row.outcome.trial_id for row in again] == [job.trial_id for job in jobs_of([0.001, 0.002, 0.003])]


def test_what_was_finished_before_a_crash_is_kept_and_counted(tmp_path: Path) -> None:
    jobs = jobs_of([0.0, 0.001, 0.002])
    with pytest.raises(PoolError, match="gone"):
        campaign(tmp_path, Dies(after=2)).run(jobs)
    assert campaign(tmp_path).registry.on("d").count == 2

    (tmp_path / FILE).unlink()  # whoever deletes the count gets it back with the next sweep
    campaign(tmp_path).run(jobs)

    assert played(tmp_path / "played") == campaign(tmp_path).registry.on("d").count == 3


def test_a_trial_whose_file_was_cut_short_is_played_again(tmp_path: Path) -> None:
    sweep = campaign(tmp_path)
    sweep.run(jobs_of([0.001]))
    (path,) = (tmp_path / "sweeps" / "trials").glob("*/*.json")
    path.write_text(path.read_text()[:40])

    sweep.run(jobs_of([0.001]))

    assert played(tmp_path / "played") == 2
    assert sweep.registry.on("d").count == 1


def test_a_combination_that_cannot_be_is_told_and_tried_again_next_time(tmp_path: Path) -> None:
    rows = campaign(tmp_path).run(jobs_of([0.001, "broken"]))

    assert rows[1].outcome.error == "ValueError: this combination cannot be"
    assert best_of(rows, SHARPE) == rows[0]
    assert campaign(tmp_path).registry.on("d").count == 1
    campaign(tmp_path).run(jobs_of(["broken"]))
    assert played(tmp_path / "played") == 3


def test_a_walk_forward_tests_only_what_its_training_chose_and_chains_the_tests(tmp_path: Path) -> None:
    sweep = campaign(tmp_path)
    steps = folds(range(20_000, 20_010), train_days=4, test_days=3)
    settings = [{"edge": edge} for edge in (-0.001, 0.002, 0.0)]

    rows = walk_forward(sweep, steps, SHARPE, job_of=job_of, settings=settings)

    tests = [row for row in rows if row.job.window.part.value == "test"]
    assert len(rows) == 2 * 3 + 2
    assert [dict(row.job.settings) for row in tests] == [{"edge": 0.002}] * 2
    tried = sweep.registry.on("d")
    chained = out_of_sample(rows, tried)
    assert chained is not None
    assert (chained.days, tried.count) == (60, 8)
    expected = 1.0
    for row in tests:
        expected *= 1.0 + float(row.outcome.figures["total_return"] or 0.0)
    assert chained.total_return == pytest.approx(expected - 1.0, abs=1e-12)
    assert chained.deflated is not None
    assert chained.probability is not None
    assert chained.deflated < chained.probability


def test_the_table_has_a_row_per_trial_with_settings_metrics_and_the_number_of_tries(tmp_path: Path) -> None:
    sweep = campaign(tmp_path)
    rows = sweep.run(jobs_of([0.0, 0.002, "broken"]))

    path = write_sweep(sweep.folder.sweeps, rows, sweep.registry.on("d"))

    table = pq.read_table(path)
    assert table.column("set.edge").to_pylist() == ["0.0", "0.002", "broken"]
    assert table.column("trials_on_data").to_pylist() == [2, 2, 2]
    assert table.column("sharpe").to_pylist()[2] is table.column("deflated_sharpe").to_pylist()[2] is None
    assert table.column("trades_total_trades").type == "int64"
    before = path.read_bytes()
    assert write_sweep(sweep.folder.sweeps, rows, sweep.registry.on("d")) == path
    assert path.read_bytes() == before


def test_all_cores_come_to_the_same_as_one_process(tmp_path: Path) -> None:
    jobs = jobs_of([0.0, 0.001, "broken", 0.002])
    for name in ("here", "cores"):
        (tmp_path / name).mkdir()

    alone = campaign(tmp_path / "here").run(jobs)
    spread = campaign(tmp_path / "cores", Cores(2)).run(jobs)

    assert spread == alone
    processes = {path.name.rsplit("-", 1)[1] for path in (tmp_path / "cores" / "played").iterdir()}
    assert str(__import__("os").getpid()) not in processes


CLUSTER = """
import sys
from pathlib import Path
from distributed import Client, LocalCluster
from engine.backtest.sweep.pools import Cluster
from tests.backtest.sweep.playing import campaign, jobs_of
if __name__ == "__main__":
    where = dict(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp")
    with LocalCluster(**where) as cluster:
        sweep = campaign(Path(sys.argv[1]), Cluster(cluster.scheduler_address))
        rows = sweep.run(jobs_of([0.0, 0.001, "broken"]))
    for row in rows:
        print(row.outcome.trial_id, row.outcome.sharpe, row.outcome.error)
"""


@pytest.mark.slow
def test_a_cluster_comes_to_the_same_as_one_process(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    alone = campaign(tmp_path / "here").run(jobs_of([0.0, 0.001, "broken"]))
    root = Path(__file__).parents[3]

    said = subprocess.run(
        [sys.executable, "-c", CLUSTER, str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert said.returncode == 0, said.stderr
    expected = [f"{row.outcome.trial_id} {row.outcome.sharpe} {row.outcome.error}".strip() for row in alone]
    assert [line.strip() for line in said.stdout.splitlines()] == expected
    assert played(tmp_path / "played") == 3


def test_a_scheduler_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.backtest.sweep.pools.CONNECT_S", 0.2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(PoolError, match="no scheduler answers at"):
            campaign(tmp_path, Cluster(address)).run(jobs_of([0.0]))
