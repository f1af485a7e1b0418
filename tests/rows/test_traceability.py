"""Every requirement that is called done has a test of its name, and the table that says so is up to date."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tools.trace import (
    TABLE,
    Mark,
    Requirement,
    State,
    faults_of_run,
    main,
    read_marks,
    read_requirements,
    static_faults,
    table_of,
)

pytestmark = pytest.mark.req("247-RTM")

DONE = Requirement("A-1", area="risk", must="It holds.", proof="A test.", done=True, also=("A-ONE",))
OPEN = Requirement("A-2", area="risk", must="It will.", proof="Nothing yet.", done=False)
TIME = Requirement("A-3", area="risk", must="It lasts.", proof="Days.", done=False, evidence="days on paper")
MARKS = (Mark("A-ONE", "tests/test_a.py", "test_it_holds"),)


def test_ids_are_unique_marks_name_known_rows_and_what_is_done_has_a_test() -> None:
    assert static_faults(read_requirements(), read_marks()) == []


def test_every_row_says_what_must_be_and_how_it_is_proven() -> None:
    rows = read_requirements()

    assert len(rows) >= 227
    assert [row.id for row in rows if not (row.must.endswith(".") and row.proof.endswith("."))] == []
    assert State.DONE in {row.state for row in rows}


def test_the_table_is_up_to_date() -> None:
    assert TABLE.read_text(encoding="utf-8") == table_of(read_requirements(), read_marks()), (
        "run python -m tools.trace"
    )


def test_each_static_fault_is_a_sentence() -> None:
    strange = Mark("A-9", "tests/test_a.py", "test_other")

    assert static_faults([DONE, OPEN, TIME], MARKS) == []
    assert static_faults([DONE], ()) == ["A-1 is called done, but no test carries its name"]
    assert static_faults([DONE, replace(OPEN, id="A-ONE")], MARKS) == [
        "A-ONE is the name of two requirements"
    ]
    assert static_faults([DONE], [*MARKS, strange]) == [
        "tests/test_a.py: test_other names A-9, which is no requirement"
    ]
    assert static_faults([replace(TIME, done=True)], [Mark("A-3", "tests/test_a.py", "test_days")]) == [
        "A-3 is called done, but only time can prove it"
    ]


@pytest.mark.parametrize(
    ("seen", "fault"),
    [
        ({}, ["A-1 is called done, but no test of it ran"]),
        ({"A-1": True}, []),
        ({"A-ONE": True}, []),
        ({"A-1": True, "A-ONE": False}, ["A-1 is called done, but a test of it failed"]),
        ({"A-1": True, "A-2": False}, []),
        ({"A-1": True, "A-9": True}, ["a test names A-9, which is no requirement"]),
    ],
    ids=["none ran", "passed", "passed under its other name", "one failed", "open may fail", "unknown"],
)
def test_a_run_is_held_against_what_is_called_done(seen: dict[str, bool], fault: list[str]) -> None:
    assert faults_of_run([DONE, OPEN, TIME], seen) == (fault, [])


def test_what_a_machine_lacks_is_told_and_fails_only_where_it_ran() -> None:
    rows = [replace(DONE, needs="recorded data")]

    assert faults_of_run(rows, {}) == ([], ["A-1 was not proven by this run: it needs recorded data"])
    assert faults_of_run(rows, {"A-1": False}) == (["A-1 is called done, but a test of it failed"], [])


def test_the_command_fails_where_a_requirement_was_not_proven(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    seen = {row.id: True for row in read_requirements() if row.done}
    results.write_text(json.dumps({"passed": 1, "failed": 0, "rows": seen}))
    main(["check", str(results)])
    assert "called done" not in capsys.readouterr().out

    results.write_text(json.dumps({"passed": 1, "failed": 0, "rows": seen | {"REQ-X1": False}}))
    with pytest.raises(SystemExit) as ended:
        main(["check", str(results)])
    assert ended.value.code == 1
    assert "REQ-X1 is called done, but a test of it failed" in capsys.readouterr().out


def test_marks_are_found_on_tests_on_classes_on_modules_and_on_single_cases(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_a.py").write_text(
        'pytestmark = [pytest.mark.slow, pytest.mark.req("M")]\n'
        '@pytest.mark.req("F", "G")\n'
        "async def test_one(): ...\n"
        '@pytest.mark.req("C")\n'
        "class TestIt:\n"
        '    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.req("P"))])\n'
        "    def test_two(self): ...\n"
        "    def helper(self): ...\n"
    )

    found = [(mark.name, mark.file, mark.test) for mark in read_marks(folder)]

    assert found == [
        *((name, "tests/test_a.py", "test_one") for name in "MFG"),
        *((name, "tests/test_a.py", "TestIt::test_two") for name in "MCP"),
    ]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ('named = pytest.mark.req("A")\n', "test_a.py:1: a mark for a requirement that no test carries"),
        ('@pytest.mark.req("A")\ndef helper(): ...\n', "test_a.py:1: a mark for a requirement that no"),
        (
            "@pytest.mark.req(*NAMES)\ndef test_a(): ...\n",
            "test_a.py:1: the names of requirements are written",
        ),
    ],
    ids=["kept under a name", "on a helper", "computed"],
)
def test_a_mark_that_cannot_be_read_is_refused(tmp_path: Path, code: str, why: str) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_a.py").write_text(code)

    with pytest.raises(ValueError, match=why):
        read_marks(folder)


def test_the_table_has_a_line_for_each_row_with_the_files_of_its_tests() -> None:
    page = table_of([DONE, OPEN, TIME], MARKS)

    assert "3 requirements: 1 done, 1 open, 1 for time to prove." in page
    assert "| A-1 | It holds. | A test. | tests/test_a.py | done |" in page
    assert "| A-2 | It will. | Nothing yet. | — | open |" in page
    assert "| A-3 | It lasts. | Days.<br>Recorded: days on paper | — | for time to prove |" in page
