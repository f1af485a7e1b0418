"""What drills showed: kept beside the books, told again, and worth nothing for a gate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.config import Loaded, load
from engine.gates.evidence import counts
from engine.runtime.drills import results
from engine.runtime.drills.catalogue import DRILLS, Drill
from engine.runtime.drills.criteria import Check
from engine.runtime.drills.run import Result
from engine.runtime.drills.views import drill_views
from engine.runtime.modes.gather import evidence_in, judged, paper_evidence
from engine.runtime.process.errors import RefusedError, UsageError
from engine.runtime.shell.drills import list_drills, past_text, run_drills, show_results

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def result(name: str = "link-loss", *, passed: bool = True, account: str = "DU9000001") -> Result:
    """How a drill might have gone."""
    return Result(name, (Check("detected", passed, "0.06 s of 1 s"),), 0.06, 1.1, 0.0, 0.05, 4.5, "", account)


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """A configuration whose state is in the test's folder."""
    return load(overrides={"state.dir": str(tmp_path / "state")}, environ={}, cwd=tmp_path, mode="PAPER")


def keep(loaded: Loaded, one: Result, *, at: datetime = AT) -> None:
    """Keep it as a shell does."""
    results.keep(loaded.state_dir, one, at=at, who="shell uid 1", version="1.2", config="c")


@pytest.mark.req("247-GATE-2")
def test_a_result_is_kept_with_who_when_where_version_and_times_and_turns_no_gate(loaded: Loaded) -> None:
    before = judged(loaded, now=AT, environ={})
    keep(loaded, result())
    keep(loaded, result(passed=False), at=AT + timedelta(hours=1))

    first, second = results.kept(loaded.state_dir)
    assert (first.name, first.at, first.passed, first.who) == ("link-loss", AT, True, "shell uid 1")
    assert (first.gateway, first.account, first.version) == ("embedded", "DU9000001", "1.2")
    assert (first.detected_s, first.recovered_s, first.bare_s) == (0.06, 1.1, 0.0)
    assert first.is_of_this_code
    assert (second.passed, second.failures) == (False, ("detected: 0.06 s of 1 s",))
    assert results.newest((second, first)) == {"link-loss": second}
    assert judged(loaded, now=AT, environ={}) == before
    assert paper_evidence(loaded.state_dir) == {}
    assert not any(counts(row) for row in evidence_in(next(loaded.state_dir.glob("drills/*/cockpit.db"))))


def test_drills_are_told_row_by_row_kept_and_end_with_1_where_one_failed(loaded: Loaded) -> None:
    said: list[str] = []

    def run(drill: Drill) -> Result:
        return result(drill.name, passed=drill.name != "orphan", account="")

    assert run_drills(loaded, ["reject", "orphan"], version="1.2", say=said.append, run=run) == 1
    assert [line.split()[:2] for line in said[1:3]] == [["reject", "passed"], ["orphan", "FAILED"]]
    assert said[3:] == [
        "    detected: 0.06 s of 1 s",
        "1 of 2 passed. Practice on a private simulated exchange: it turns no gate of --live.",
    ]
    assert [past.account for past in results.kept(loaded.state_dir)] == ["none", "none"]

    told: list[str] = []
    assert show_results(loaded, say=told.append) == 0
    assert any("orphan" in line and "FAILED" in line for line in told)
    assert list_drills(loaded, say=told.append) == 0
    assert all(any(line.startswith(f"{name}: ") for line in told) for name in DRILLS)


def test_what_is_no_drill_and_a_second_run_beside_the_first_are_refused_and_nothing_is_run(
    loaded: Loaded,
) -> None:
    def never(drill: Drill) -> Result:
        raise AssertionError(drill.name)

    with pytest.raises(UsageError, match="there is no drill 'storm'; there are: link-loss"):
        run_drills(loaded, ["storm"], version="1", say=print, run=never)
    lock = results.hold(loaded.state_dir)
    try:
        with pytest.raises(RefusedError, match=r"drills run already \(pid \d+\); nothing was started"):
            run_drills(loaded, ["orphan"], version="1", say=print, run=never)
    finally:
        lock.release()


def test_the_contract_shows_every_drill_with_its_last_result(loaded: Loaded) -> None:
    keep(loaded, result())
    keep(loaded, result("orphan", passed=False))

    shown = {view.name: view for view in drill_views(loaded.state_dir)}
    assert list(shown) == list(DRILLS)
    assert (shown["link-loss"].verdict, shown["link-loss"].at) == ("passed", AT)
    assert shown["link-loss"].text == "noticed 0.06 s, well again 1.10 s"
    assert (shown["orphan"].verdict, shown["orphan"].text) == ("failed", "detected: 0.06 s of 1 s")
    assert (shown["reject"].verdict, shown["reject"].at) == ("never", None)


def test_where_none_was_run_it_says_so_and_what_to_do(loaded: Loaded) -> None:
    said: list[str] = []
    assert show_results(loaded, say=said.append) == 0
    assert said == ["no drill was run here yet: cockpit drill all"]
    assert past_text(None) == "never"
