"""The commands from another terminal, against a running engine: what they say and their exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.forked import Forked
from tests.process.terminal import SMALL, Place, Terminal, terminal
from tests.waiting import eventually

pytestmark = pytest.mark.slow


@contextmanager
def headless(place: Place, *arguments: str, state: Path | None = None) -> Iterator[Forked]:
    """An engine without a screen."""
    with place.headless(*arguments, module=SMALL) as engine:
        eventually(lambda: (place.status(state=state) or {}).get("engine_state") == "READY", within_s=60.0)
        yield engine


def test_without_an_engine_every_command_says_so_with_exit_code_3(place: Place) -> None:
    for command in (
        ["status"],
        ["pause"],
        ["halt"],
        ["kill", "--yes"],
        ["resume", "--reason", "x"],
        ["stop"],
        ["attach"],
    ):
        done = place.run(*command)
        assert done.returncode == 3, command
        assert "no engine" in done.stderr


def test_status_finds_the_engine_from_any_directory(place: Place, tmp_path: Path) -> None:
    with headless(place):
        elsewhere = subprocess.run(
            place.command("status", "--json", module="cockpit"),
            cwd=tmp_path,
            env=place.environ(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(elsewhere.stdout)["mode"] == "PAPER"


def test_brakes_go_on_with_a_scope_and_come_off_with_a_reason(place: Place) -> None:
    with headless(place):
        assert place.run("pause", "--symbol", "spy", "--reason", "earnings").returncode == 0
        status = place.status()
        assert status is not None
        (brake,) = status["brakes"]
        assert (brake["kind"], brake["scope"], brake["name"], brake["reason"]) == (
            "PAUSE",
            "symbol",
            "SPY",
            "earnings",
        )

        assert place.run("resume").returncode == 2, "a reason is needed"
        assert place.run("resume", "--reason", "report is out").returncode == 0
        assert (place.status() or {})["brakes"] == []


def test_two_scopes_at_once_are_wrong_use(place: Place) -> None:
    done = place.run("halt", "--symbol", "SPY", "--strategy", "cross")

    assert done.returncode == 2
    assert "one of" in done.stderr


def test_kill_without_a_terminal_halts_and_goes_no_further_without_yes(place: Place) -> None:
    with headless(place):
        done = place.run("kill", "--reason", "smoke")
        assert done.returncode == 4
        assert "--yes" in done.stdout
        assert [brake["kind"] for brake in (place.status() or {})["brakes"]] == ["HALT"]

        assert place.run("kill", "--yes").returncode == 0
        assert [brake["kind"] for brake in (place.status() or {})["brakes"]][-1:] == ["KILL"]


@pytest.mark.parametrize(("word", "code", "kinds"), [("FLATTEN", 0, ["HALT", "KILL"]), ("no", 4, ["HALT"])])
def test_kill_at_a_terminal_asks_for_the_word(place: Place, word: str, code: int, kinds: list[str]) -> None:
    with headless(place):
        person = Terminal(place, "kill", module="cockpit")
        try:
            person.expect("type FLATTEN")
            person.send(f"{word}\n")
            assert person.exit_code() == code
        finally:
            person.close()
        found = [brake["kind"] for brake in (place.status() or {})["brakes"]]
        assert found[-1] == kinds[-1]


def test_resume_after_a_halt_wants_the_account_typed(place: Place) -> None:
    with headless(place):
        place.run("halt")
        refused = place.run("resume", "--reason", "calm again")
        assert (refused.returncode, "account" in refused.stdout) == (4, True)

        person = Terminal(place, "resume", "--reason", "calm again", module="cockpit")
        try:
            person.expect("account id to resume")
            person.send("DU9000001\n")
            assert person.exit_code() == 0
        finally:
            person.close()


@pytest.mark.parametrize("option", [[], ["--keep"], ["--flatten"]])
def test_stop_waits_for_the_end_and_the_process_leaves_with_the_engines_code(
    place: Place, option: list[str]
) -> None:
    with headless(place) as engine:
        done = place.run("stop", *option)

        assert done.returncode == 0
        assert "stopped" in done.stdout
        assert engine.wait(60.0) == 0


def test_stop_from_elsewhere_closes_the_screen_and_says_how_it_ended(place: Place) -> None:
    with terminal(place, "--paper") as screen:
        screen.expect("READY")
        assert place.run("stop").returncode == 0

        assert screen.exit_code() == 0
        assert "stopped" in screen.text


def test_an_engine_that_hangs_is_said_to_hang_within_seconds_with_what_to_do(place: Place) -> None:
    with headless(place) as engine:
        os.kill(engine.pid, signal.SIGSTOP)
        try:
            done = place.run("halt", timeout_s=10.0)
        finally:
            os.kill(engine.pid, signal.SIGCONT)

        assert done.returncode == 1
        assert "did not answer within 2 s" in done.stderr
        assert "`cockpit kill` ends it" in done.stderr
        assert f"kill -9 {engine.pid}" in done.stderr


def test_headless_goes_on_after_a_hangup_and_ends_on_a_signal(place: Place) -> None:
    with headless(place) as engine:
        engine.send_signal(signal.SIGHUP)
        eventually(place.status, why="it to go on")
        engine.send_signal(signal.SIGTERM)

        assert engine.wait(60.0) == 0


def test_a_stop_signal_that_finds_the_process_suspended_acts_when_it_goes_on(place: Place) -> None:
    with headless(place) as engine:
        for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGCONT):
            engine.send_signal(number)

        assert engine.wait(60.0) == 0


def test_headless_beside_a_running_engine_is_refused_naming_it(place: Place) -> None:
    with headless(place) as engine:
        done = place.run("--paper", "--headless", module=SMALL)

        assert done.returncode == 4
        assert f"pid {engine.pid}" in done.stderr


@pytest.mark.req("REQ-M1")
def test_live_is_refused_and_says_what_is_missing(place: Place) -> None:
    done = place.run("--live")

    assert done.returncode == 4
    assert "mode.live_enabled" in done.stderr
    assert "(kill_drill)" in done.stderr
    assert not place.state.exists()

    gates = place.run("gates", "--json")
    assert gates.returncode == 1
    assert json.loads(gates.stdout)["green"] is False


def test_a_wrong_configuration_is_exit_code_2_with_key_line_and_nearest_key(place: Place) -> None:
    (place.folder / "cockpit.toml").write_text("[risk]\nmax_position = 3\n")

    for command in (["--paper", "--headless"], ["status"], ["config", "show"], ["stop"]):
        done = place.run(*command)
        assert done.returncode == 2, command
        assert "max_positions" in done.stderr
        assert "cockpit.toml:2" in done.stderr
        assert "Traceback" not in done.stderr


def test_an_unwritable_state_folder_is_a_sentence(place: Place) -> None:
    place.state.write_text("a file is in the way")

    done = place.run("--paper", "--headless")

    assert done.returncode == 1
    assert str(place.state) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.req("PLAN-M1-CLI")
@pytest.mark.parametrize("start", [[], ["--paper"], ["status"]])
def test_help_is_there_for_the_whole_and_for_each_command(place: Place, start: list[str]) -> None:
    done = place.run(*start, "--help")

    assert done.returncode == 0
    if start != ["status"]:
        for command in (
            "attach",
            "status",
            "pause",
            "halt",
            "kill",
            "resume",
            "stop",
            "doctor",
            "config",
            "strategies",
        ):
            assert f"\n  {command} " in done.stdout


def test_help_loads_neither_the_screen_nor_the_engine(place: Place) -> None:
    script = (
        "import sys\nfrom cockpit import cli\nsys.argv = ['cockpit', '--help']\ncli.run()\n"
        "heavy = {'textual', 'pydantic', 'ib_async', 'asyncio', 'engine'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [*place.command()[:2], "-c", script], env=place.environ(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_strategies_and_configuration_can_be_listed_without_an_engine(place: Place) -> None:
    assert "ma_crossover" in place.run("strategies").stdout
    shown = place.run("config", "show").stdout
    assert "broker.gateway" in shown
    assert "risk.max_positions" in shown


def test_the_doctor_names_what_fails_and_leaves_with_1(place: Place) -> None:
    (place.folder / "cockpit.toml").write_text('[broker]\ngateway = "embedded"\n')
    well = place.run("doctor")
    assert well.returncode == 0, well.stdout
    assert "\nok    state folder" in well.stdout

    (place.folder / "cockpit.toml").write_text(f'[broker]\ntape = "{place.folder}/nowhere"\n')
    ill = place.run("doctor")
    assert ill.returncode == 1
    assert "\nfail  market data" in ill.stdout
    assert "nowhere" in ill.stdout


def test_what_is_typed_before_the_commands_name_counts_as_after_it(place: Place) -> None:
    with headless(place, "--state", str(place.folder / "own"), state=place.folder / "own"):
        assert place.run("--state", str(place.folder / "own"), "status").returncode == 0
        assert place.run("status", "--state", str(place.folder / "own")).returncode == 0
        assert place.run("status", "--state", str(place.folder / "other")).returncode == 3
