"""What is on the screen: nothing essential cut off, keys listed once, foreign text harmless."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from textual.widgets import Button

from cockpit.action import Where
from cockpit.actions import ACTIONS
from cockpit.keymap import shown_keys
from cockpit.palette import offered
from cockpit.screens.pages import help_lines
from cockpit.spans import text_of, width_of
from cockpit.themes import THEME_NAMES
from cockpit.widgets.lines_view import LinesView
from engine.api import AlertView, BrakeKind, EventView, Level, Scope, ScopeKind
from tests.cockpit.conftest import OpenDesk, make_app
from tests.cockpit.scripted import (
    HALTED,
    NORMAL,
    NOW,
    ORDERS,
    STATES,
    ScriptedHandle,
    ago,
    brake,
    order,
    position,
)

HOSTILE = "[@click=app.bell]X[/] \x1b[31mred\x1b]0;title\x07 \u202egnp.exe\x00"


@pytest.mark.req("CARD-PANELS")
@pytest.mark.parametrize("state", STATES)
async def test_at_80_columns_mode_state_brakes_and_the_kill_key_are_there(
    open_desk: OpenDesk, state: str
) -> None:
    async with open_desk(STATES[state], size=(80, 24)) as desk:
        header, keys = desk.text("header"), desk.text("keys")
        first = header.splitlines()[0]

        assert "PAPER · simulated prices" in first[:80]
        assert STATES[state].engine_state.value in first[:80]
        word = {"paused": "PAUSED", "halted": "HALTED", "killed": "KILLED"}.get(state)
        assert word is None or word in first[:80]
        assert "K kill" in keys
        assert "H halt" in keys
        assert "p pause" in keys
        assert "day" in header


@pytest.mark.req("CARD-PANELS")
async def test_a_long_block_does_not_push_the_brake_off_a_narrow_header(open_desk: OpenDesk) -> None:
    crowded = replace(
        HALTED,
        gateway_text="IBKR DU1234567890",
        account="DU1234567890",
        state_reason="reconciling " * 12,
        entries_text="something very long " * 8,
    )
    async with open_desk(crowded, size=(80, 24)) as desk:
        assert "HALTED" in desk.text("header").splitlines()[0][:80]


@pytest.mark.req("CARD-PANELS")
@pytest.mark.parametrize(
    ("panel", "words"),
    [
        ("orders", "Orders"),
        ("pnl", "P&L"),
        ("health", "Health"),
        ("why", "Why no trade"),
        ("confidence", "Confidence"),
    ],
)
async def test_on_a_small_screen_tab_brings_up_every_panel(
    open_desk: OpenDesk, panel: str, words: str
) -> None:
    async with open_desk(size=(80, 24)) as desk:
        for _step in range(6):
            await desk.press("tab")
            if desk.app.cockpit.focused is not None and desk.app.cockpit.focused.id == panel:
                break

        shown = desk.app.cockpit.query_one(f"#{panel}")
        assert shown.has_focus
        assert shown.size.height >= 3
        assert words in str(shown.border_title)


async def test_digit_one_and_shift_tab_move_the_focus(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("tab")
        assert desk.app.cockpit.orders.has_focus
        await desk.press("1")
        assert desk.app.cockpit.positions.has_focus
        await desk.press("shift+tab")
        assert desk.app.cockpit.query_one("#events").has_focus


async def test_a_resize_changes_the_layout_and_keeps_the_cursor(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("down", "down")
        await desk.pilot.resize_terminal(80, 24)
        await desk.pilot.pause()
        assert desk.app.cockpit.has_class("-small")
        assert desk.app.cockpit.positions.cursor_key == "ESH6"

        await desk.pilot.resize_terminal(200, 60)
        await desk.pilot.pause()
        assert not desk.app.cockpit.has_class("-small")
        assert desk.app.cockpit.positions.cursor_key == "ESH6"


@pytest.mark.req("CARD-KEYS")
def test_every_action_is_in_the_help_with_its_keys_and_text() -> None:
    page = " ".join(" ".join(text_of(line) for line in help_lines({})).split())

    for action in ACTIONS:
        assert f"{shown_keys(action, overrides={})} {action.title}" in page
        assert action.help.split(".")[0] in page


@pytest.mark.req("CARD-KEYS")
async def test_the_palette_offers_the_same_actions_and_runs_them(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("ctrl+p")
        await desk.type("pause or")
        await desk.press("down", "enter")
        await desk.pilot.pause()

        # All but what opens the palette itself, leaves in a hurry, or hides a report.
        here = {Where.EVERYWHERE, Where.SCREENS, Where.SCREEN}
        missing = {action.id for action in ACTIONS if action.where in here} - {one.id for one in offered()}
        assert missing == {"command_palette", "interrupt", "hide_report"}
        assert [command.kind.value for command in desk.engine.commands] == ["pause"]


@pytest.mark.req("CARD-KEYS")
async def test_hints_name_the_keys_that_the_operator_chose(open_desk: OpenDesk) -> None:
    keys = {
        "dismiss": "f9",
        "halt": "f7",
        "kill": "f8",
        "confirm": "n",
        "detach": "D",
        "resume": "u",
        "leave": "Q",
    }
    async with open_desk(HALTED, keys=keys) as desk:
        assert "u resume" in desk.text("header")

        await desk.press("Q")
        assert str(desk.app.screen.query_one("#dialog").border_subtitle).startswith(
            "f9 closes · f7 and f8 act"
        )
        assert "D detach" in desk.text("text")
        await desk.press("f9", "f")
        assert "(n)" in str(desk.app.screen.query_one("#yes", Button).label)
        await desk.press("n")

        assert [command.kind.value for command in desk.engine.commands] == ["flatten"]


@pytest.mark.req("CARD-PANELS")
async def test_on_80_columns_no_line_of_the_help_is_cut(open_desk: OpenDesk) -> None:
    async with open_desk(size=(80, 24)) as desk:
        await desk.press("question_mark")
        text = desk.app.screen.query_one("#text", LinesView)

        assert max(width_of(line) for line in text.lines) <= text.size.width


@pytest.mark.req("CARD-PANELS")
async def test_a_line_that_does_not_fit_says_that_it_was_cut(open_desk: OpenDesk) -> None:
    long = EventView(1, NOW, Level.INFO, "strategy", "AMD", "AMD enter: " + "x" * 90 + " BUY 100 at 164.20")
    async with open_desk(replace(NORMAL, events=(long,)), size=(80, 24)) as desk:
        painted = desk.app.cockpit.query_one("#news", LinesView).render_line(0)

        assert painted.text.endswith("x…")
        assert painted.cell_length == 80


@pytest.mark.req("CARD-PANELS")
async def test_on_a_small_screen_banners_leave_three_positions_in_sight(open_desk: OpenDesk) -> None:
    crowded = replace(
        STATES["disconnected"],
        brakes=(brake(BrakeKind.KILL), brake(BrakeKind.HALT, scope=Scope(ScopeKind.SYMBOL, "TSLA"))),
    )
    async with open_desk(crowded, size=(80, 24)) as desk:
        assert len(desk.text("header").splitlines()) == 4
        assert desk.app.cockpit.positions.size.height >= 4, "the titles and three rows"


async def test_help_opens_and_escape_closes_it(open_desk: OpenDesk) -> None:
    async with open_desk(size=(80, 24)) as desk:
        await desk.press("question_mark")
        assert "Flatten every position" in desk.text("text")
        await desk.press("escape")
        assert len(desk.app.screen_stack) == 1


async def test_foreign_text_is_neither_markup_nor_an_escape_sequence(open_desk: OpenDesk) -> None:
    hostile = replace(
        NORMAL,
        positions=(position(HOSTILE),),
        orders=(order(HOSTILE, message=HOSTILE, order_ref=HOSTILE),),
        account=HOSTILE,
        events=(EventView(1, NOW, Level.ERROR, "order", HOSTILE, HOSTILE),),
        alerts=(AlertView(1, Level.CRITICAL, "code", HOSTILE, HOSTILE, ago(1)),),
        brakes=(brake(BrakeKind.HALT, reason=HOSTILE, who=HOSTILE),),
    )
    async with open_desk(hostile) as desk:
        for keys in (
            ["f"],
            ["escape", "enter"],
            ["escape", "tab", "x"],
            ["escape", "enter"],
            ["escape", "p"],
            ["K"],
        ):
            await desk.press(*keys)
            painted = "".join(
                segment.text for strip in desk.app.screen._compositor.render_strips() for segment in strip
            )
            assert "\x1b" not in painted
            assert "\x07" not in painted
            assert "\u202e" not in painted
        await desk.press("escape")
        painted = "".join(
            segment.text for strip in desk.app.screen._compositor.render_strips() for segment in strip
        )
        assert "[@click=app.bell]" in painted
        links = [
            segment.style.meta
            for strip in desk.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None and segment.style.meta.get("@click")
        ]
        assert links == []


async def test_a_hostile_outcome_is_harmless_in_the_toast(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:

        def nasty(command: object) -> None:
            raise RuntimeError(HOSTILE)

        desk.engine.answer = nasty
        await desk.press("H")

        assert "[@click=app.bell]X[/]" in desk.status


@pytest.mark.parametrize("theme", THEME_NAMES)
@pytest.mark.parametrize("no_color", [False, True])
async def test_every_theme_paints_with_and_without_colour(
    monkeypatch: pytest.MonkeyPatch, theme: str, no_color: bool
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(ScriptedHandle(STATES["disconnected"]), theme=theme)
    async with app.run_test(size=(120, 40)) as pilot:
        for keys in (["question_mark"], ["escape", "K"], ["escape", "r"], ["escape", "t"]):
            await pilot.press(*keys)
            await pilot.pause()
        assert app.no_color is no_color
        assert app.is_running


async def test_t_goes_round_all_themes(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        seen = []
        for _step in THEME_NAMES:
            await desk.press("t")
            seen.append(desk.app.theme)

        assert sorted(seen) == sorted(THEME_NAMES)


@pytest.mark.req("CARD-TESTABLE")
def test_the_screen_imports_no_broker_and_no_heavy_library() -> None:
    code = (
        "import sys, cockpit.app\n"
        "heavy = {'river', 'pandas', 'pyarrow', 'ib_async', 'numpy', 'aiosqlite', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_orders_of_others_say_so() -> None:
    from cockpit.panels.orders import order_row

    row = order_row(replace(ORDERS[0], is_ours=False), snapshot=NORMAL)

    assert "not ours" in [cell.text for cell in row.cells]
