"""One command runs every level of the checks, and its last words say of each how it went."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests import proofs
from tools import levels

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.req("FUT-QA-SIGN")


def test_each_level_is_told_as_passed_failed_or_not_run() -> None:
    tests = {"unit": {"passed": 7, "seconds": 1.5}, "storm": {"passed": 2, "failed": 1, "seconds": 9.0}}

    told = {level.name: level for level in levels.levels(tests, ["lint\tpassed\t3", "types\tfailed\t40"])}

    assert list(told) == [*levels.OF_TESTS, *levels.OF_STEPS]
    assert told["unit"].line() == "unit             passed        2 s  7 tests passed"
    assert told["storm"].line() == "storm            failed        9 s  2 tests passed, 1 failed"
    assert (told["lint"].state, told["types"].state) == ("passed", "failed")
    assert {told[name].state for name in ("property", "e2e", "walls", "evidence")} == {"not run"}


def test_a_run_that_never_began_its_tests_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results").touch()
    (tmp_path / "steps").touch()

    levels.main(tmp_path / "results", tmp_path / "steps")

    said = capsys.readouterr().out.splitlines()
    assert len(said) == len(levels.OF_TESTS) + len(levels.OF_STEPS)
    assert all("not run" in line for line in said)


def test_results_of_two_runs_of_tests_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "results"
    results.touch()
    session = type("Session", (), {"config": object()})
    with monkeypatch.context() as patch:  # the report of this test itself goes where it belongs
        patch.setenv(proofs.RESULTS, str(results))
        patch.setattr(proofs, "_outcomes", Counter(passed=1))
        patch.setattr(proofs, "_rows", {})
        patch.setattr(proofs, "_levels", {"storm": Counter(passed=1, seconds=2.0)})
        proofs.pytest_sessionfinish(session)  # type: ignore[arg-type]  # as much of it as is asked
        proofs.pytest_sessionfinish(session)  # type: ignore[arg-type]

    assert json.loads(results.read_text(encoding="utf-8"))["levels"] == {
        "storm": {"passed": 2, "seconds": 4.0}
    }


def test_this_test_belongs_to_a_level_that_is_told(request: pytest.FixtureRequest) -> None:
    assert proofs.level_of(request.node) == "e2e"
    assert {*proofs.FOLDERS.values(), "unit", "property"} == set(levels.OF_TESTS)


@pytest.mark.parametrize("name", levels.OF_STEPS)
def test_the_script_notes_every_step(name: str) -> None:
    assert f"level {name} " in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
