"""The documents say what the program takes: every command in them is parsed by the real command line."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
import typer
from typer.testing import CliRunner

from cockpit import cli_parts
from cockpit.action import Where
from cockpit.actions import ACTIONS
from cockpit.cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DOCUMENTS = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
STEPS = 7
COMMAND: Any = typer.main.get_command(app)
WrongUse: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")
"""Of whichever click the installed typer stands on: newer ones bring their own."""
FILLED = {
    "N": "1",
    "ID": "1",
    "DAYS": "30",
    "PRICE": "1.5",
    "PERCENT": "30",
    "VALUE": "1",
    "DATE": "2026-11-20",
    "TRAIN:TEST": "504:126",
    "KEY=A,B,C…": "strategies.x.fast=5,10",
}
"""What stands in usage lines for a value that is parsed; any word will do for the others."""


class Told(NamedTuple):
    """A line of a document that somebody may type."""

    document: str
    line: str

    def __str__(self) -> str:
        return f"{self.document}: {self.line}"


def _blocks(text: str) -> Iterator[str]:
    """Lines of code blocks, indented or fenced, without their comments."""
    is_fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            is_fenced = not is_fenced
        elif is_fenced or line.startswith("    "):
            yield line.strip().partition("  #")[0].strip()


def _spans(text: str) -> Iterator[str]:
    """What stands between backticks in a sentence or a table."""
    for line in re.findall(r"`([^`]+)`", re.sub(r"(?ms)^```.*?^```$", "", text)):
        yield " ".join(line.replace("\\|", "|").split())


def _commands(line: str) -> Iterator[list[str]]:
    """The words after `cockpit` of each command in a line: after &&, and what tmux is told to run."""
    try:
        parts = [list(words) for words in _split(shlex.split(line))]
    except ValueError:
        return  # a sentence, not a command
    for words in parts:
        while words and re.match(r"[A-Z_]+=|export$", words[0]):
            words.pop(0)
        if words and words[0].removeprefix(".venv/bin/") == "cockpit":
            yield words[1:]
        if words and words[0] == "tmux":
            yield from (told for word in words if " " in word for told in _commands(word))


def _split(words: list[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for word in words:
        if word in {"&&", ";"}:
            yield part
            part = []
        else:
            part.append(word)
    yield part


def parse(words: list[str]) -> None:
    """Have the real command line read these words; nothing is run. Raises WrongUse."""
    command, name, parent = COMMAND, "cockpit", None
    while True:
        try:
            context = command.make_context(name, list(words), parent=parent)
        except typer.Exit:
            return  # --help, --version, a group alone
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        if not rest or not hasattr(command, "resolve_command"):
            return
        name, command, words = command.resolve_command(context, rest)
        parent = context


def variants(usage: str) -> Iterator[str]:
    """A usage line as somebody would type it: with each option of its own, the first of what is to choose."""
    usage = re.sub(r"<[^>]+>", "X", usage)
    options = re.findall(r"\[([^\]]+)\]", usage)
    bare = re.sub(r"\[[^\]]+\]", "", usage)
    yield bare
    for option in options:
        for one in option.split("|") if option.startswith("--") and " " not in option else [option]:
            yield f"{bare} {one}"


def _typed(usage: str) -> list[str]:
    words = []
    for word in usage.split():
        first = word.split("|")[0]
        words.append(FILLED.get(first, first.rstrip("…")))
        if "|" in usage and first == "|":
            break
    return [word for word in words if word]


BLOCKS = [
    Told(path.name, line)
    for path in DOCUMENTS
    for line in _blocks(path.read_text(encoding="utf-8"))
    if "   " not in line and any(True for _ in _commands(line))  # a table of figures is no command
]
SPANS = sorted(
    {
        Told(path.name, line)
        for path in DOCUMENTS
        for line in _spans(path.read_text(encoding="utf-8"))
        if re.match(r"([A-Z_]+=\S+ )?cockpit [a-z-]", line)
    }
)


@pytest.mark.req("PLAN-M4-RUNBOOK")
@pytest.mark.parametrize("told", BLOCKS, ids=str)
def test_every_command_of_a_code_block_is_taken_by_the_command_line(told: Told) -> None:
    for words in _commands(told.line):
        parse(words)


@pytest.mark.req("PLAN-M4-RUNBOOK")
@pytest.mark.parametrize("told", SPANS, ids=str)
def test_every_command_that_a_sentence_or_a_table_names_is_taken_with_each_of_its_options(told: Told) -> None:
    for one in variants(told.line.partition("cockpit ")[2]):
        words = _typed(one)
        wrong = _complaint(words)
        # A sentence may name a command alone; what it takes stands elsewhere.
        is_alone = "Missing" in wrong and words[-1].islower()
        assert not wrong or is_alone, f"{told}: {wrong}"


def _complaint(words: list[str]) -> str:
    try:
        parse(words)
    except WrongUse as err:
        return f"{type(err).__name__} {err}"
    return ""


def test_there_is_enough_to_read() -> None:
    assert len(BLOCKS) > 40
    assert len(SPANS) > 60


@pytest.mark.parametrize("words", [["nonsense"], ["stop", "--nonsense"], ["data", "fetch"], ["--speed", "x"]])
def test_a_command_that_does_not_exist_would_be_found(words: list[str]) -> None:
    with pytest.raises(WrongUse):
        parse(words)


def test_every_module_that_a_document_runs_is_there() -> None:
    named = {
        name
        for path in DOCUMENTS
        for name in re.findall(r"python -m ([\w.]+)", path.read_text(encoding="utf-8"))
        if name not in {"venv", "pip"}
    }
    assert len(named) > 8
    for name in named:
        assert importlib.util.find_spec(name.rstrip(".")) is not None, name


def test_every_extra_that_a_document_installs_is_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    named = {
        one for text in texts for found in re.findall(r"'\.\[([a-z,]+)\]'", text) for one in found.split(",")
    }

    assert len(named) > 3
    assert named <= extras.keys()


@pytest.mark.req("PLAN-M4-RUNBOOK")
def test_the_runbook_has_the_seven_steps_with_commands_and_the_four_crashes() -> None:
    text = (DOCS / "runbook.md").read_text(encoding="utf-8")
    part = text.partition("seven steps\n")[2].partition("\n## ")[0]
    steps = re.split(r"(?m)^(?=\d\. )", part)[1:]

    assert len(steps) == STEPS
    assert all(any(True for line in _blocks(step) for _ in _commands(line)) for step in steps)
    crashes = text.partition("Four crashes")[2].partition("\n\nFrom a shell")[0]
    assert crashes.count("\n| ") == 1 + 4, "a heading and four rows"
    assert "A restart" not in crashes


@pytest.mark.req("PLAN-NFR-PORT")
def test_the_readme_says_how_a_gateway_on_windows_is_reached_from_wsl2() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    part = text.partition("## On Windows: WSL2")[2].partition("\n## ")[0]

    assert "IB_HOST=" in part
    assert "docs/install.md#windows-wsl2" in part
    assert "## Windows: WSL2" in (DOCS / "install.md").read_text(encoding="utf-8")


@pytest.mark.req("PLAN-NFR-PORT")
@pytest.mark.parametrize("words", [["--paper"], ["status"], ["data", "fetch", "SPY"]])
def test_on_another_system_every_command_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(cli_parts, "SYSTEM", "win32")

    said = CliRunner().invoke(app, words)

    assert said.exit_code == 4
    assert "WSL2" in said.output


def test_the_index_lists_every_page() -> None:
    listed = set(re.findall(r"\]\((\w+\.md)\)", (DOCS / "README.md").read_text(encoding="utf-8")))

    assert listed == {path.name for path in DOCS.glob("*.md")} - {"README.md"}


def test_every_screen_that_a_digit_opens_has_its_picture_and_each_picture_is_a_snapshot() -> None:
    text = (DOCS / "screens.md").read_text(encoding="utf-8")
    parts = {part[0]: part for part in re.split(r"(?m)^## ", text)[1:]}
    digits = {action.keys for action in ACTIONS if action.where is Where.SCREENS and action.keys.isdigit()}

    assert digits <= parts.keys(), "a screen without a part"
    for digit in digits:
        assert "![" in parts[digit], f"screen {digit} has no picture"
    for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text):
        assert (DOCS / unquote(target)).resolve().is_relative_to(ROOT / "tests" / "cockpit" / "__snapshots__")
        assert (DOCS / unquote(target)).is_file(), target
