"""Maps each requirement to the tests that prove it, and fails where one that is called done has none.

`python -m tools.trace` writes docs/traceability.md; `python -m tools.trace check RESULTS` judges a whole run
of the tests.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "docs" / "requirements.toml"
TABLE = ROOT / "docs" / "traceability.md"
TESTS = ROOT / "tests"
MARK = re.compile(r"[^'\"#]*pytest\.mark\.req\(")

HEAD = """# Traceability

Each requirement of [requirements.toml](requirements.toml), what proves it, and the tests that carry its name.
Made by `python -m tools.trace`; never edited by hand.

"""


class State(StrEnum):
    """How far a requirement is."""

    DONE = "done"
    OPEN = "open"
    RECORDED = "for time to prove"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row: what must be so, and how that is shown."""

    id: str
    area: str
    must: str
    proof: str
    done: bool
    also: tuple[str, ...] = ()
    evidence: str = ""
    needs: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a test may carry for it."""
        return (self.id, *self.also)

    @property
    def state(self) -> State:
        """What the table says of it."""
        if self.done:
            return State.DONE
        return State.RECORDED if self.evidence else State.OPEN


@dataclass(frozen=True, slots=True)
class Mark:
    """A name of a requirement, and the test that carries it."""

    name: str
    file: str
    test: str


def read_requirements(path: Path = REQUIREMENTS) -> tuple[Requirement, ...]:
    """All rows in their order. Raises TypeError for a key that is unknown or missing."""
    told = tomllib.loads(path.read_text(encoding="utf-8"))["req"]
    return tuple(Requirement(**{**row, "also": tuple(row.get("also", ()))}) for row in told)


@cache
def read_marks(folder: Path = TESTS) -> tuple[Mark, ...]:
    """Every `pytest.mark.req` of the tests, found in their text: nothing is imported.

    Raises ValueError for a mark that no test carries, or whose names are not written out.
    """
    files = ((path, path.relative_to(folder.parent).as_posix()) for path in sorted(folder.rglob("*.py")))
    return tuple(chain.from_iterable(_marks_of(path, file) for path, file in files))


def _marks_of(path: Path, file: str) -> Iterator[Mark]:
    text = path.read_text(encoding="utf-8")
    if "mark.req(" not in text:
        return
    tree = ast.parse(text, filename=str(path))
    found = list(_carried(tree.body, _of_pytestmark(tree.body), ""))
    written = {number for number, line in enumerate(text.splitlines(), 1) if MARK.match(line)}
    astray = written - {call.lineno for _, call in found}
    if astray:
        raise ValueError(f"{file}:{min(astray)}: a mark for a requirement that no test carries")
    for test, call in found:
        names = [
            arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
        ]
        if len(names) < len(call.args):
            raise ValueError(f"{file}:{call.lineno}: the names of requirements are written out, not computed")
        yield from (Mark(name, file, test) for name in names)


def _carried(body: Sequence[ast.stmt], outer: list[ast.Call], prefix: str) -> Iterator[tuple[str, ast.Call]]:
    """Each test of a module or class with each mark of its own or of what it stands in."""
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            inner = [*outer, *_calls(node.decorator_list), *_of_pytestmark(node.body)]
            yield from _carried(node.body, inner, f"{node.name}::")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield from ((prefix + node.name, call) for call in (*outer, *_calls(node.decorator_list)))


def _of_pytestmark(body: Sequence[ast.stmt]) -> list[ast.Call]:
    values = (
        node.value
        for node in body
        if isinstance(node, ast.Assign) and any(ast.unparse(to) == "pytestmark" for to in node.targets)
    )
    return list(_calls(values))


def _calls(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    """The calls of `pytest.mark.req` in some code."""
    for node in chain.from_iterable(map(ast.walk, nodes)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "req":
            yield node


def static_faults(rows: Sequence[Requirement], marks: Sequence[Mark]) -> list[str]:
    """What is wrong before any test has run, each as a sentence."""
    names = [name for row in rows for name in row.names]
    twice = sorted({name for name in names if names.count(name) > 1})
    known, carried = set(names), {mark.name for mark in marks}
    unproven = (row for row in rows if row.done and carried.isdisjoint(row.names))
    return [
        *(f"{name} is the name of two requirements" for name in twice),
        *(
            f"{mark.file}: {mark.test} names {mark.name}, which is no requirement"
            for mark in marks
            if mark.name not in known
        ),
        *(f"{row.id} is called done, but no test carries its name" for row in unproven),
        *(
            f"{row.id} is called done, but only time can prove it"
            for row in rows
            if row.done and row.evidence
        ),
    ]


def faults_of_run(rows: Sequence[Requirement], seen: Mapping[str, bool]) -> tuple[list[str], list[str]]:
    """What a run of the tests says against the table, and what is only to be told.

    Args:
        rows: the requirements.
        seen: name of a requirement → whether all of its tests that ran have passed.
    """
    faults, told = [], []
    for row in rows:
        outcomes = [seen[name] for name in row.names if name in seen]
        if not row.done:
            continue
        if not all(outcomes):
            faults.append(f"{row.id} is called done, but a test of it failed")
        elif not outcomes and row.needs:
            told.append(f"{row.id} was not proven by this run: it needs {row.needs}")
        elif not outcomes:
            faults.append(f"{row.id} is called done, but no test of it ran")
    known = {name for row in rows for name in row.names}
    faults += [f"a test names {name}, which is no requirement" for name in sorted(seen.keys() - known)]
    return faults, told


def table_of(rows: Sequence[Requirement], marks: Sequence[Mark]) -> str:
    """The page: one table for each area, in the order of the rows."""
    files = defaultdict(set)
    for mark in marks:
        files[mark.name].add(mark.file)
    by_area: dict[str, list[str]] = {}
    for row in rows:
        where = sorted(set().union(*(files[name] for name in row.names)))
        line = f"| {row.id} | {_cell(row.must)} | {_proof(row)} | {'<br>'.join(where) or '—'} | {row.state} |"
        by_area.setdefault(row.area, []).append(line)
    head = "| row | must | proof | tests | state |\n|---|---|---|---|---|\n"
    areas = (f"## {area}\n\n{head}" + "\n".join(lines) + "\n" for area, lines in by_area.items())
    return HEAD + _count(rows) + "\n\n" + "\n".join(areas)


def _proof(row: Requirement) -> str:
    evidence = f"<br>Recorded: {_cell(row.evidence)}" if row.evidence else ""
    return _cell(row.proof) + evidence


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _count(rows: Sequence[Requirement]) -> str:
    states = Counter(row.state for row in rows)
    return f"{len(rows)} requirements: " + ", ".join(f"{states[state]} {state}" for state in State) + "."


def _check(results: Path) -> None:
    rows, marks = read_requirements(), read_marks()
    seen = json.loads(results.read_text(encoding="utf-8"))["rows"]
    faults, told = faults_of_run(rows, seen)
    faults = [*static_faults(rows, marks), *faults]
    sys.stdout.write("\n".join([*told, *faults, _count(rows)]) + "\n")
    if faults:
        raise SystemExit(1)


def main(words: Sequence[str]) -> None:
    """Write the page, or judge a run. Raises SystemExit where something is wrong."""
    match words:
        case []:
            TABLE.write_text(table_of(read_requirements(), read_marks()), encoding="utf-8")
        case ["check", results]:
            _check(Path(results))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
