"""The README says what the program does: commands, keys, limits and exit codes are compared with the code."""

from __future__ import annotations

import re
import shlex
import sqlite3
import tomllib
import xml.etree.ElementTree as ET
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from cockpit.action import Where
from cockpit.actions import ACTIONS
from cockpit.cli import app
from engine.config.values import OnSignal
from engine.runtime.process.errors import FailedError, NotRunningError, RefusedError, UsageError
from engine.store.schema import MIGRATIONS
from tools.readme import written

ROOT = Path(__file__).parents[1]
PLACES = ("cockpit", "engine", "tests", "tools", "benchmarks")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def command_with(*words: str) -> str:
    """The README's only command line that holds all of these words."""
    found = [
        line.strip()
        for line in README.splitlines()
        if line.startswith("    ") and all(word in line for word in words)
    ]
    assert len(found) == 1, (words, found)
    return found[0]


def table_rows(heading: str) -> list[list[str]]:
    """The cells of the first table whose first heading is `heading`."""
    lines = README.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |")) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


class TestTheTwoCommands:
    @pytest.mark.parametrize("words", [("pip install", "--paper"), ("pip install", "pytest")])
    def test_each_is_one_line_that_makes_its_own_environment_from_pinned_versions(
        self, words: tuple[str, ...]
    ) -> None:
        make, install, run = (shlex.split(part) for part in command_with(*words).split("&&"))

        assert make == ["python3", "-m", "venv", ".venv"]
        assert install[:2] == [".venv/bin/pip", "install"]
        assert install[install.index("-c") + 1] == "constraints.txt"
        assert (ROOT / "constraints.txt").is_file()
        assert run[0].startswith(".venv/bin/")

    def test_the_first_starts_the_installed_script_and_the_second_what_ci_runs(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert set(project["scripts"]) == {"cockpit"}
        assert command_with("pip install", "--paper").endswith("&& .venv/bin/cockpit --paper")
        assert command_with("pip install", "pytest").endswith("-e '.[dev]' && .venv/bin/pytest")
        assert "dev" in project["optional-dependencies"]

    def test_ci_finds_exactly_the_test_command(self) -> None:
        # The rule of .ci/run, which takes the line from here.
        found = [line for line in README.splitlines() if "pytest" in line and "pip install" in line]
        assert [line.strip() for line in found] == [command_with("pip install", "pytest")]

    def test_the_two_commands_for_ib_insync_name_what_the_constraints_pin(self) -> None:
        pins = (ROOT / "constraints-insync.txt").read_text() + (ROOT / "constraints.txt").read_text()
        removed = shlex.split(command_with("pip uninstall"))[3:]
        added = shlex.split(command_with("constraints-insync.txt"))

        assert set(removed) == {"ib_async", "aeventkit"}
        assert all(re.search(rf"(?mi)^{name}==", pins.replace("-", "_")) for name in (*removed, added[-1]))


@pytest.mark.req("CARD-KEYS", "PLAN-CFG")
def test_the_tour_of_the_keys_and_the_table_of_limits_are_what_the_code_says() -> None:
    assert written(README) == README, "run: python -m tools.readme"


def test_the_exit_codes_are_those_of_the_errors() -> None:
    words = {int(code): text for code, text in table_rows("exit code")}

    assert set(words) == {0, 1, 2, 3, 4}
    for error, word in (
        (FailedError, "failed"),
        (UsageError, "wrong use"),
        (NotRunningError, "no engine"),
        (RefusedError, "refused"),
    ):
        assert word in words[error.exit_code]


def test_every_command_and_every_option_of_a_command_is_in_the_table() -> None:
    table = "\n".join(row[0] for row in table_rows("command"))
    start = next(row[0] for row in table_rows("command") if "--paper" in row[0])

    assert _options() - {"--help", "--version"} <= _words(start)
    for name in COMMANDS:
        assert f"cockpit {name}" in table
        assert _options(name) - {"--help", "--config", "--state"} <= _words(table)
    for group, name in SUBCOMMANDS:
        assert name in table
        assert _options(group, name) - {"--help", "--config", "--state"} <= _words(table)


def test_every_option_the_table_names_exists() -> None:
    known = _options().union(
        *(_options(name) for name in COMMANDS), *(_options(*names) for names in SUBCOMMANDS)
    )

    for cells in table_rows("command"):
        assert _words(cells[0]) <= known


COMMANDS = [
    *(info.name or getattr(info.callback, "__name__", "") for info in app.registered_commands),
    *(info.name or "" for info in app.registered_groups),
]
SUBCOMMANDS = [
    (group.name or "", info.name or getattr(info.callback, "__name__", ""))
    for group in app.registered_groups
    if group.typer_instance is not None
    for info in group.typer_instance.registered_commands
]


def _options(*command: str) -> set[str]:
    """The options that a command's help lists."""
    shown = CliRunner().invoke(app, [*command, "--help"])
    assert shown.exit_code == 0
    return set(re.findall(r"(?m)^ +(--[a-z-]+)", shown.output))


def _words(text: str) -> set[str]:
    return set(re.findall(r"--[a-z-]+", text))


def test_the_table_of_ways_out_has_every_key_signal_and_setting() -> None:
    rows = table_rows("way out")
    text = "\n".join(" ".join(cells) for cells in rows)

    assert all(len(cells) == 4 and all(cells) for cells in rows)
    for action in ACTIONS:
        if action.where is Where.LEAVE:
            assert f"`q` then `{action.keys}`" in text
    for word in ("SIGINT", "SIGTERM", "SIGHUP", "kill -9", "ctrl+c", "ctrl+z", "--keep", "--flatten"):
        assert word in text
    for setting in (*OnSignal, "pause-entries", "flatten-and-stop"):
        assert f"`{setting}`" in text


def test_every_file_it_links_to_is_there() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for document in documents:
        for target in re.findall(r"\]\(([^)#\s]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / unquote(target)).is_file(), f"{document.name} links to {target}"


def test_every_module_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    there = {path.name for room in PLACES for path in (ROOT / room).rglob("*.py")}

    named = {Path(name).name for name in re.findall(r"`([\w./]+\.py)`", text)}
    assert len(named) > 40
    assert named <= there


@pytest.mark.req("CARD-SQLITE")
def test_the_architecture_lists_the_tables_of_the_store() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = text.partition("| tables |")[2].partition("\n\n")[0]
    with closing(sqlite3.connect(":memory:")) as base:
        for migrate in MIGRATIONS:
            migrate(base)
        made = {name for (name,) in base.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}

    assert set(re.findall(r"`(\w+)`", listed)) == {name for name in made if not name.startswith("sqlite_")}


def test_the_picture_is_a_drawing_of_the_screen() -> None:
    picture = ET.parse(ROOT / "docs" / "cockpit.svg")
    text = "".join(picture.getroot().itertext()).replace("\N{NO-BREAK SPACE}", " ")
    for word in ("Positions", "Orders", "Health", "Confidence", "protected"):
        assert word in text
