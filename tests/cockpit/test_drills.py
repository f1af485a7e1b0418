"""The drills' page: looked at by everybody, run and stopped by the screen that acts, and only as practice."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from cockpit.drill_process import ShellDrills, drill_command
from cockpit.drill_run import DrillRun
from cockpit.screens.dialog import AskDialog
from cockpit.screens.drills import DrillsDialog
from engine.api import Mode
from tests.cockpit.conftest import Desk, OpenDesk, make_app
from tests.cockpit.healthy import GATES, HEALTHY
from tests.cockpit.scripted import NOW, ScriptedHandle
from tests.cockpit.test_snapshots import settled
from tests.waiting import eventually

Compare = Callable[..., bool]
ALL = tuple(one.name for one in GATES.drills)


@dataclass
class FakeDrills:
    """Starts nothing; what a process would tell, the test tells."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    told: Callable[[str], object] = str
    ended: Callable[[int], object] = int
    stops: int = 0
    broken: bool = False
    script: tuple[str, ...] = ()
    """Told at once."""

    def start(
        self, names: Sequence[str], *, told: Callable[[str], object], ended: Callable[[int], object]
    ) -> Callable[[], None]:
        if self.broken:
            raise OSError("no memory")
        self.asked.append(tuple(names))
        self.told, self.ended = told, ended
        for line in self.script:
            told(line)
        return self._stop

    def _stop(self) -> None:
        self.stops += 1


def now_of(desk: Desk) -> list[str]:
    """The column that says where each drill stands in this run."""
    page = desk.app.screen
    assert isinstance(page, DrillsDialog)
    return [row.cells[1].text for row in page.table.rows]


async def test_all_drills_are_run_after_a_preview_and_followed_to_their_verdicts(open_desk: OpenDesk) -> None:
    drills = FakeDrills()
    async with open_desk(HEALTHY, drills=drills) as desk:
        await desk.press("D", "a")
        assert isinstance(desk.app.screen, AskDialog)
        preview = desk.text("text")
        assert "this session's account is not touched" in " ".join(preview.split())
        assert "turns no gate of --live green" in " ".join(preview.split())
        assert drills.asked == []

        await desk.press("y")
        assert drills.asked == [ALL]
        assert now_of(desk) == ["waits", "waits", "waits"]

        for told in ("drill            verdict", "link-loss: fault"):
            drills.told(told)
        await desk.pilot.pause()
        assert now_of(desk) == ["fault", "waits", "waits"]
        assert "RUNNING: 0 of 3 done" in desk.text("text")

        for told in (
            "link-loss        passed      0.06 s      5.62 s    0.00 s   8.10 s",
            "kill-9           FAILED      0.40 s           —    0.00 s  64.00 s",
            "    recovered: not within 60 s",
            "orphan: noticed",
        ):
            drills.told(told)
        drills.ended(1)
        await desk.pilot.pause()

        assert now_of(desk) == ["✓ passed", "✗ FAILED", "stopped"]
        assert "ended: not all passed, 2 of 3 done" in desk.text("text")
        assert "recovered: not within 60 s" in desk.text("text")
        assert desk.engine.commands == [], "the engine that runs has nothing to do with it"


async def test_enter_runs_the_one_under_the_cursor_and_says_what_it_does(open_desk: OpenDesk) -> None:
    drills = FakeDrills()
    async with open_desk(HEALTHY, drills=drills) as desk:
        await desk.press("D", "down", "enter")
        assert "the cockpit's process is killed" in " ".join(desk.text("text").split())
        await desk.press("escape")
        assert drills.asked == []
        assert isinstance(desk.app.screen, DrillsDialog)

        await desk.press("enter", "y")
        assert drills.asked == [("kill-9",)]


async def test_a_run_is_stopped_by_its_key_and_by_leaving_and_is_the_only_one(open_desk: OpenDesk) -> None:
    drills = FakeDrills()
    async with open_desk(HEALTHY, drills=drills) as desk:
        await desk.press("D", "x")
        assert "none runs" in desk.status
        await desk.press("a", "y", "a")
        assert "a run goes on already" in desk.status
        await desk.press("x")
        assert drills.stops == 1
        assert "STOPPING" in desk.text("text")

        drills.ended(1)
        await desk.pilot.pause()
        assert "ended: stopped by you" in desk.text("text")
        await desk.press("a", "y")
    assert drills.stops == 2, "the screen is gone"


@pytest.mark.parametrize("why", ["watching", "none here", "live", "cannot start"])
async def test_no_drill_starts_where_it_may_not(open_desk: OpenDesk, why: str) -> None:
    drills = FakeDrills(broken=why == "cannot start")
    snapshot = replace(HEALTHY, mode=Mode.LIVE) if why == "live" else HEALTHY
    given = None if why == "none here" else drills
    async with open_desk(snapshot, acting=why != "watching", drills=given) as desk:
        await desk.press("D", "a", "y")

        assert drills.asked == []
        said = {
            "watching": "only watches",
            "none here": "in a shell",
            "live": "not beside real money",
            "cannot start": "no memory",
        }[why]
        assert said in f"{desk.status} {' '.join(desk.text('text').split())}"


async def test_the_line_runs_drills_by_the_same_words_as_a_shell(open_desk: OpenDesk) -> None:
    drills = FakeDrills()
    async with open_desk(HEALTHY, drills=drills) as desk:
        await desk.press("colon")
        await desk.type("drill run orphan link-loss")
        await desk.press("enter", "y")
        assert drills.asked == [("orphan", "link-loss")]

        await desk.press("colon")
        await desk.type("drill run nosuch")
        drills.ended(0)
        await desk.press("enter")
        assert "there is no drill nosuch" in desk.status
        await desk.press("colon")
        await desk.type("drill results")
        await desk.press("enter")
        assert isinstance(desk.app.screen, DrillsDialog)


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=["80x24", "160x45"])
def test_a_run_of_drills(snap_compare: Compare, size: tuple[int, int]) -> None:
    drills = FakeDrills(
        script=(
            "link-loss        passed      0.06 s      5.62 s    0.00 s   8.10 s",
            "kill-9: noticed",
        )
    )
    app = make_app(ScriptedHandle(HEALTHY), drills=drills)

    assert snap_compare(app, terminal_size=size, press=["D", "a", "y"], run_before=settled)


def test_a_run_reads_what_the_command_tells() -> None:
    run = DrillRun(("orphan", "reject"), NOW)

    run = run.heard("\x1b[2Jorphan took").heard("reject:").heard("reject ").heard("stray words")

    assert run.told == (" [2Jorphan took", "stray words")
    assert run.standing("reject") == ""
    assert run.standing("orphan") == "waits"
    assert run.standing("link-loss") == ""
    assert run.text(now=NOW + timedelta(seconds=9)) == "RUNNING: 0 of 2 done, 9 s"
    assert run.ended(-2).text(now=NOW) == "ended: not carried through, 0 of 2 done"


def test_the_process_is_heard_line_by_line_and_stopped_as_by_ctrl_c() -> None:
    # A process that was started in the background may have been told to ignore ctrl+c.
    hears = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    script = f"{hears}; print(sys.argv[1:], flush=True); signal.pause()"
    told: list[str] = []
    codes: list[int] = []
    over = threading.Event()

    stop = ShellDrills((sys.executable, "-c", script)).start(
        ("orphan",), told=told.append, ended=lambda code: (codes.append(code), over.set())
    )
    try:
        eventually(lambda: told, why="nothing was heard of it")
    finally:
        stop()

    assert over.wait(30.0)
    assert told[0] == "['orphan']"
    assert codes != [0]
    stop()  # nobody is left to be stopped


def test_the_command_names_the_session_whose_folder_keeps_the_results() -> None:
    words = drill_command(Path("/a/cockpit.toml"), Path("/a/state"))

    assert words[1:] == (
        "-P", "-m", "cockpit", "--config", "/a/cockpit.toml", "--state", "/a/state", "drill", "run", "--steps"
    )  # fmt: skip
    assert "--config" not in drill_command(None, Path("/a"))
