"""What runs by itself: every check in one script, weekly too, with updates and hooks switched on."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest

pytestmark = pytest.mark.req("PLAN-M1-CI")

ROOT = Path(__file__).resolve().parents[2]


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "check",
    [
        *("pytest", "ruff check", "ruff format --check", "mypy", "lint-imports", ".ci/secrets", ".ci/audit"),
        "tools.trace check",
    ],
)
def test_the_script_runs_each_check(check: str) -> None:
    commands = [line for line in _text(".ci/run").replace('"', "").splitlines() if not line.startswith("#")]

    assert any(check.replace("ruff ", "/ruff ") in line or check in line for line in commands)


def test_the_script_stops_at_the_first_failure() -> None:
    assert "set -euo pipefail" in _text(".ci/run")
    forgiven = [line for line in _text(".ci/run").splitlines() if "|| true" in line]
    assert all(line.startswith("unset ") for line in forgiven), "a variable that is not there is no failure"


@pytest.mark.parametrize(("workflow", "script"), [("ci", ".ci/run"), ("soak", ".ci/soak")])
def test_each_workflow_calls_the_same_script_and_runs_weekly(workflow: str, script: str) -> None:
    text = _text(f".github/workflows/{workflow}.yml")

    assert f"run: bash {script}" in text
    assert re.search(r'cron: "\d+ \d+ \* \* [0-6]"', text)
    assert "permissions:\n  contents: read" in text


def test_the_workflow_runs_for_every_change() -> None:
    text = _text(".github/workflows/ci.yml")

    assert "\n  push:" in text
    assert "\n  pull_request:" in text


@pytest.mark.parametrize("ecosystem", ["pip", "github-actions"])
def test_updates_of_dependencies_are_asked_for_weekly(ecosystem: str) -> None:
    text = _text(".github/dependabot.yml")

    assert f"package-ecosystem: {ecosystem}" in text
    assert text.count("interval: weekly") == text.count("package-ecosystem:")


@pytest.mark.parametrize("hook", ["ruff", "mypy"])
def test_the_hooks_run_before_a_commit(hook: str) -> None:
    assert hook in _text(".pre-commit-config.yaml")


def test_types_are_checked_strictly_and_warnings_fail_tests() -> None:
    tools = tomllib.loads(_text("pyproject.toml"))["tool"]

    assert tools["mypy"]["strict"] is True
    assert set(tools["mypy"]["packages"]) == {"cockpit", "engine"}
    assert tools["pytest"]["ini_options"]["filterwarnings"][0] == "error"


@pytest.mark.req("PS60-NFR-CPLX")
def test_no_function_may_be_more_complex_than_nine() -> None:
    lint = tomllib.loads(_text("pyproject.toml"))["tool"]["ruff"]["lint"]

    assert lint["mccabe"]["max-complexity"] == 9
    assert "C90" in lint["select"]
    assert "C90" not in str([lint["ignore"], lint["per-file-ignores"]])


@pytest.mark.req("PLAN-CTX-PY")
@pytest.mark.parametrize("workflow", ["ci", "soak"])
def test_python_3_11_is_what_the_package_asks_for_and_what_checks_it(workflow: str) -> None:
    project = tomllib.loads(_text("pyproject.toml"))["project"]

    assert project["requires-python"] == ">=3.11"
    assert 'python-version: "3.11"' in _text(f".github/workflows/{workflow}.yml")


def test_what_a_developer_installs_holds_every_extra_so_that_no_test_is_left_out() -> None:
    extras = tomllib.loads(_text("pyproject.toml"))["project"]["optional-dependencies"]

    assert {*extras["alerts"], *extras["metrics"]} <= {*extras["dev"]}


def test_every_dependency_is_pinned_by_the_constraints() -> None:
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    pinned = {
        line.partition("==")[0].lower() for line in _text("constraints.txt").splitlines() if "==" in line
    }
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {re.split(r"[\[<>=!~; ]", entry)[0].lower() for entry in wanted}

    assert {name.replace("_", "-") for name in names} <= {name.replace("_", "-") for name in pinned}
