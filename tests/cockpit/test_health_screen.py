"""The health screen: every check with value, limit and age; times; counters; uptime; gates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cockpit.frame import Frame
from cockpit.panels.health import health_rows
from cockpit.panels.health_page import page_lines
from cockpit.screens.cockpit import CockpitScreen
from cockpit.screens.health import HealthScreen
from cockpit.spans import text_of, width_of
from engine.api import HealthRow, Level, Snapshot
from tests.cockpit.conftest import make_app
from tests.cockpit.healthy import HEALTHY, ILL, WELL
from tests.cockpit.scripted import NOW, ScriptedHandle, unanswered

Compare = Callable[..., bool]


def shown(snapshot: Snapshot, *, width: int = 160) -> str:
    """The page as text."""
    return "\n".join(text_of(line) for line in page_lines(Frame(snapshot, NOW), width=width))


@pytest.mark.req("CARD-SNAPSHOT", "FUT-F8", "PLAN-LOOP-COUNTERS", "PS60-NFR-REL")
@pytest.mark.parametrize("size", [(160, 45)], ids=["160x45"])
@pytest.mark.parametrize("state", ["healthy", "ill"])
def test_health_screen(snap_compare: Compare, state: str, size: tuple[int, int]) -> None:
    engine = ScriptedHandle({"healthy": HEALTHY, "ill": ILL}[state])
    engine.answer = unanswered

    assert snap_compare(make_app(engine), terminal_size=size, press=["6"])


@pytest.mark.req("PLAN-LOOP-COUNTERS", "PS60-NFR-REL", "REQ-OB1")
def test_it_says_value_limit_and_age_counters_and_uptime() -> None:
    page = shown(HEALTHY)

    assert "drift 3 ms" in page
    assert "100 ms" in page
    assert "12,480 bars processed · orders: 31 proposed, 12 approved, 12 submitted" in page
    assert "99.95 % of 5 sessions, 32.5 h up, 1 failure(s), mean time between failures 32.5 h" in page
    assert "kill_drill" in page
    assert "model" in page


def test_it_lists_drills_with_their_last_result_as_practice() -> None:
    page = shown(HEALTHY)
    assert "practice on a private gateway, turns no gate" in page
    rows = [row.split() for row in page.splitlines() if row[3:].startswith(("link-loss", "kill-9", "orphan"))]
    assert [row[:3] for row in rows] == [
        ["✓", "link-loss", "passed"],
        ["✗", "kill-9", "failed"],
        ["·", "orphan", "never"],
    ]
    assert shown(replace(HEALTHY, gates=replace(HEALTHY.gates, drills=()))).count("Drills") == 0


def test_what_blocks_stands_first_and_says_so() -> None:
    page = shown(ILL)

    assert "1 of 15 block entries" in page
    assert page.index("BLOCKS ENTRIES: the loop is 240 ms late") < page.index("competing session")
    assert "1 too slow" in page


@pytest.mark.parametrize("width", [80, 100, 160])
@pytest.mark.parametrize("snapshot", [HEALTHY, ILL], ids=["healthy", "ill"])
def test_every_line_fits(snapshot: Snapshot, width: int) -> None:
    assert max(width_of(line) for line in page_lines(Frame(snapshot, NOW), width=width)) <= width


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    evil = HealthRow("broker", Level.ERROR, "\x1b[2Jgone [bold]x[/]", "\x07", "\u202e")

    page = shown(replace(HEALTHY, health=(evil,)))

    assert not any(char in page for char in "\x1b\x07\u202e")
    assert "[bold]x[/]" in page


def test_the_panel_keeps_to_the_usual_rows_and_what_wants_attention() -> None:
    frame = Frame(ILL, NOW)

    names = [row.name for row in health_rows(frame)]

    assert names[:3] == ["loop", "entitlement", "halts"]
    assert "calendar" not in names
    assert {row.name for row in WELL} - set(names) == {
        "restart",
        "memory",
        "cpu",
        "disk",
        "calendar",
        "model",
    }


async def test_six_opens_it_and_escape_or_one_comes_back() -> None:
    engine = ScriptedHandle(HEALTHY)
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        for back in ("escape", "1"):
            await pilot.press("6")
            await pilot.pause()
            assert isinstance(app.screen, HealthScreen)
            await pilot.press("6")
            assert isinstance(app.screen, HealthScreen)
            await pilot.press(back)
            await pilot.pause()
            assert isinstance(app.screen, CockpitScreen)


@pytest.mark.req("CARD-KEYS")
async def test_halt_and_pause_work_from_it() -> None:
    engine = ScriptedHandle(HEALTHY)
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("6", "H", "p")
        await pilot.pause()
    assert [command.kind.value for command in engine.commands] == ["halt", "pause"]


async def test_it_follows_the_engine() -> None:
    engine = ScriptedHandle(HEALTHY)
    app = make_app(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("6")
        await pilot.pause()
        engine.publish(health=ILL.health)
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, HealthScreen)
        assert any("BLOCKS ENTRIES" in text_of(line) for line in screen.query_one("#health-page").lines)  # type: ignore[attr-defined]  # the page's
