"""The house rules that no linter knows: what lies where, what a module says first, what imports what."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for room in ("cockpit", "engine") for path in (ROOT / room).rglob("*.py"))

MOST_LINES = 400
MOST_FUNCTION_LINES = 50
MOST_FIRST_LINE = 105

ROOMS = {
    "config": "config",
    "market data": "market",
    "strategies": "strategy",
    "indicators": "strategy.indicators",
    "broker client": "broker.connection",
    "contract discovery": "broker.contracts",
    "sessions": "broker.hours",
    "health of the line": "broker.heartbeat",
    "live data": "broker.market_data",
    "positions": "ledger.positions",
    "execution": "execution.executor",
    "risk": "risk.gate",
    "live": "runtime.engine",
    "observability": "runtime.process.logs",
}
"""Concern → the part of `engine` that is about it and nothing else."""

HEAVY = (
    *("textual", "rich", "pydantic", "ib_async", "ib_insync", "structlog", "aiosqlite", "pyarrow", "numpy"),
    "river",
)


def name_of(path: Path) -> str:
    """The path from the root, for messages."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def imports() -> grimp.ImportGraph:
    """Who imports whom when it runs."""
    return grimp.build_graph(
        "cockpit",
        "engine",
        include_external_packages=True,
        exclude_type_checking_imports=True,
        cache_dir=None,
    )


@pytest.mark.req("CARD-LAYOUT")
class TestTheTopLevel:
    def test_everything_that_belongs_there_is_there(self) -> None:
        for name in ("cockpit", "engine", "state", "tests", "docs", "benchmarks"):
            assert (ROOT / name).is_dir(), name
        for name in (
            "cockpit.toml",
            "pyproject.toml",
            "README.md",
            "CHANGELOG.md",
            "LICENSE",
            "constraints.txt",
        ):
            assert (ROOT / name).is_file(), name

    def test_the_state_folder_is_ignored_but_for_its_placeholder(self) -> None:
        if not (ROOT / ".git").exists():
            pytest.skip("not a git checkout")
        listed = subprocess.run(
            ["git", "ls-files", "state"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        ignored = subprocess.run(
            ["git", "check-ignore", "state/cockpit.db", ".env"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert listed.stdout.split() == ["state/.gitkeep"]
        assert ignored.stdout.split() == ["state/cockpit.db", ".env"]

    def test_the_entry_point_is_the_command_line(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert project["scripts"] == {"cockpit": "cockpit.__main__:main"}


@pytest.mark.req("CARD-PACKAGES")
class TestPackages:
    @pytest.mark.parametrize("package", ["textual", "ib_async", "pydantic", "tomli_w", "aiosqlite", "river"])
    def test_a_named_package_is_declared_with_bounds_and_used(self, package: str) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        declared = [
            line for line in project["dependencies"] if line.replace("-", "_").startswith(f"{package}>=")
        ]
        assert len(declared) == 1
        if package == "ib_async":  # chosen by name at run time, because ib_insync may stand in its place
            assert package in (ROOT / "engine" / "broker" / "ibapi.py").read_text()
        else:
            assert imports().find_modules_that_directly_import(package)

    @pytest.mark.parametrize("package", ["pytest", "pytest-textual-snapshot"])
    def test_a_named_tool_is_a_development_package(self, package: str) -> None:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert any(line.startswith(f"{package}>=") for line in extras["dev"])

    def test_the_calendar_package_is_loaded_in_one_place_only_where_tables_are_made(self) -> None:
        users = imports().find_modules_that_directly_import("pandas_market_calendars")
        assert users == {"engine.market.calendar_source"}


@pytest.mark.req("PLAN-M1-SCAFFOLD")
class TestRooms:
    @pytest.mark.parametrize("concern", ROOMS)
    def test_each_concern_has_a_module_of_its_own(self, concern: str) -> None:
        assert f"engine.{ROOMS[concern]}" in imports().modules

    @pytest.mark.req("PS60-NFR-COUPLING")
    @pytest.mark.parametrize("room", ["strategy", "learning", "domain", "ledger", "risk"])
    def test_what_decides_knows_no_broker_no_screen_and_no_database(self, room: str) -> None:
        graph = imports()
        inside = graph.find_descendants(f"engine.{room}") | {f"engine.{room}"}
        outside = {found for module in inside for found in graph.find_upstream_modules(module)}

        libraries = {"ib_async", "ib_insync", "textual", "aiosqlite", "sqlite3", "asyncio"}
        assert libraries & outside == set()
        assert not {m for m in outside if m.startswith(("engine.broker", "engine.store", "engine.runtime"))}

    @pytest.mark.req("PS60-NFR-COUPLING")
    def test_the_engine_never_needs_the_screen(self) -> None:
        graph = imports()
        engine = (module for module in graph.modules if module.split(".")[0] == "engine")
        needed = {found for module in engine for found in graph.find_modules_directly_imported_by(module)}

        assert not {found for found in needed if found.split(".")[0] in {"cockpit", "textual"}}

    def test_no_module_takes_part_in_a_cycle(self) -> None:
        assert cycles() == []

    def test_no_room_takes_part_in_a_cycle(self) -> None:
        graph = imports()
        used: dict[str, set[str]] = {}
        for module in graph.modules:
            if module.startswith(("cockpit", "engine.")):
                used.setdefault(room_of(module), set()).update(
                    room_of(other)
                    for other in graph.find_modules_directly_imported_by(module)
                    if other.startswith(("cockpit", "engine."))
                )
        order: list[str] = []
        while used:
            free = sorted(room for room, others in used.items() if others - {room} <= set(order))
            assert free, f"these rooms import each other in a circle: {sorted(used)}"
            order += free
            for room in free:
                del used[room]


def room_of(module: str) -> str:
    """`engine.risk` of `engine.risk.gate`; the front end is one room."""
    first, *rest = module.split(".")
    return first if first == "cockpit" or not rest else f"{first}.{rest[0]}"


def cycles() -> list[list[str]]:
    """Every group of our modules that import each other in a circle, found by what a chain leads back to."""
    graph = imports()
    ours = {name for name in graph.modules if name.split(".")[0] in {"cockpit", "engine"}}
    reached = {name: graph.find_upstream_modules(name) & ours for name in ours}
    groups = {
        tuple(sorted(other for other in reached[name] | {name} if name in reached[other] | {other}))
        for name in ours
    }
    return sorted(list(group) for group in groups if len(group) > 1)


def test_every_module_says_first_and_in_one_line_why_it_exists() -> None:
    bad = {}
    for path in MODULES:
        first = (ast.get_docstring(tree_of(path)) or "").partition("\n")[0]
        if not first or first[-1] not in ".:!?" or len(first) > MOST_FIRST_LINE:
            bad[name_of(path)] = first
    assert bad == {}


def test_every_file_can_be_read_in_one_sitting() -> None:
    sizes = {name_of(path): path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}


@pytest.mark.req("PS60-NFR-CPLX")
def test_every_function_fits_on_a_screen() -> None:
    long = {}
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > MOST_FUNCTION_LINES:
                    long[f"{name_of(path)} {node.name}"] = size
    assert long == {}


@pytest.mark.req("PLAN-M1-SCAFFOLD")
def test_nothing_heavy_is_loaded_to_say_how_it_is_used() -> None:
    asked = (
        "import sys; from cockpit.cli import run; sys.argv = ['cockpit', '--help']; code = run();"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code, file=sys.stderr)"
    )
    said = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    assert "--paper" in said.stdout
    assert said.stderr.split("\n")[-2] == "[] 0"
