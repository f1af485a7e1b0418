"""How the screen lives and ends: ways out, urgent calls, silence, a dead engine, a broken screen."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from cockpit.app import CockpitApp
from cockpit.exits import Exit
from cockpit.keymap import KeymapError
from cockpit.screens.leave import LeaveDialog
from engine.api import Command, CommandKind, EngineState, Outcome
from tests.cockpit.conftest import OpenDesk, make_app
from tests.cockpit.scripted import NORMAL, ScriptedHandle, ago
from tests.waiting import eventually_async


@pytest.mark.req("CARD-KEYS")
@pytest.mark.parametrize(
    ("key", "way"), [("d", Exit.DETACH), ("f", Exit.STOP_FLATTEN), ("k", Exit.STOP_KEEP)]
)
async def test_q_asks_and_each_answer_is_a_way_out(open_desk: OpenDesk, key: str, way: Exit) -> None:
    async with open_desk() as desk:
        await desk.press("q")
        assert len(desk.app.screen_stack) == 2
        assert "4 held, 4 of them with a full stop" in desk.text("text")

        await desk.press(key)
        assert desk.app.return_value is way
        assert desk.kinds == [], "carrying the way out is the caller's"


async def test_a_screen_that_is_being_taken_down_looks_no_more(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        app = desk.app

    # The engine goes on, and its call comes after the panels have gone.
    desk.engine.publish()
    app.on_urgent()

    assert app.frame.snapshot.seq < desk.engine.snapshot().seq, "it looked without a screen"


async def test_enter_and_escape_on_the_question_stay(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("q", "enter")
        assert len(desk.app.screen_stack) == 1
        await desk.press("q", "escape")
        assert len(desk.app.screen_stack) == 1
        assert desk.app.return_value is None


async def test_ctrl_c_asks_and_a_second_within_three_seconds_stops_by_the_setting(
    open_desk: OpenDesk,
) -> None:
    async with open_desk() as desk:
        await desk.press("ctrl+c")
        assert isinstance(desk.app.screen, LeaveDialog)

        desk.times["monotonic"] = 3.5
        await desk.press("ctrl+c")
        assert desk.app.return_value is None, "too late to count as the second"

        desk.times["monotonic"] = 6.0
        await desk.press("ctrl+c")
        assert desk.app.return_value is Exit.STOP_DEFAULT


async def test_ctrl_c_asks_also_while_one_types(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.press("K", "F", "ctrl+c")

        assert isinstance(desk.app.screen, LeaveDialog)


@pytest.mark.parametrize("key", ["ctrl+z", "ctrl+q", "ctrl+s"])
async def test_keys_of_the_terminal_do_nothing(open_desk: OpenDesk, key: str) -> None:
    async with open_desk() as desk:
        await desk.press(key)

        assert desk.app.return_value is None
        assert len(desk.app.screen_stack) == 1


@pytest.mark.req("CARD-APP")
async def test_an_urgent_call_from_another_thread_is_seen_without_waiting_for_the_timer(
    open_desk: OpenDesk,
) -> None:
    async with open_desk(refresh_s=3600.0) as desk:
        engine = threading.Thread(target=desk.engine.publish, kwargs={"positions": ()})
        engine.start()
        engine.join()

        await eventually_async(lambda: "Positions 0" in str(desk.app.cockpit.positions.border_title))


async def test_without_an_urgent_call_the_timer_finds_the_news(open_desk: OpenDesk) -> None:
    async with open_desk(refresh_s=0.01) as desk:
        desk.engine.publish_quietly(unknown_orders=2)

        await eventually_async(lambda: "2 unknown" in desk.text("header"))


async def test_the_subscription_ends_with_the_screen() -> None:
    engine = ScriptedHandle(NORMAL)
    app = make_app(engine)
    async with app.run_test() as pilot:
        await pilot.pause()
        assert len(engine.listeners) == 1

    assert engine.listeners == []


@pytest.mark.req("CARD-APP")
async def test_a_dead_engine_does_not_take_the_screen_with_it_and_is_named(open_desk: OpenDesk) -> None:
    async with open_desk(refresh_s=0.01) as desk:
        desk.engine.alive = False

        await eventually_async(lambda: "ENGINE GONE" in desk.text("header"))
        assert desk.app.return_value is None

        await desk.press("q")
        assert desk.app.return_value is Exit.ENGINE_STOPPED


async def test_an_engine_that_said_goodbye_ends_the_screen(open_desk: OpenDesk) -> None:
    async with open_desk(replace(NORMAL, engine_state=EngineState.STOPPED), refresh_s=0.01) as desk:
        desk.engine.alive = False

        await eventually_async(lambda: desk.app.return_value is Exit.ENGINE_STOPPED)


async def test_a_silent_engine_is_called_silent(open_desk: OpenDesk) -> None:
    async with open_desk(replace(NORMAL, as_of=ago(8.0))) as desk:
        assert "ENGINE SILENT for 8.0 s" in desk.text("header")


@pytest.mark.req("CARD-APP")
async def test_a_broken_screen_leaves_one_sentence_and_asks_nothing_of_the_engine() -> None:
    engine = ScriptedHandle(NORMAL)
    app = make_app(engine)

    async def open_and_break() -> None:
        async with app.run_test() as pilot:
            await pilot.pause()
            app.call_later(lambda: 1 // 0)
            await pilot.pause()

    with pytest.raises(ZeroDivisionError):
        await open_and_break()

    assert app.failure == "ZeroDivisionError: integer division or modulo by zero"
    assert engine.commands == []


def test_run_of_a_broken_screen_says_so_instead_of_raising(capsys: pytest.CaptureFixture[str]) -> None:
    app = make_app(ScriptedHandle(NORMAL))

    async def breaks(_pilot: object) -> None:
        app.call_later(lambda: 1 // 0)

    way = app.run(headless=True, auto_pilot=breaks)

    assert way is Exit.UI_FAILED
    assert "Traceback" not in capsys.readouterr().err


async def test_leave_makes_the_screen_go_from_another_thread(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        other = threading.Thread(target=desk.app.leave, args=(Exit.TERMINAL_LOST,))
        other.start()
        other.join()

        await eventually_async(lambda: desk.app.return_value is Exit.TERMINAL_LOST)


async def test_a_link_that_cannot_take_the_wish_is_an_outcome_too(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:

        def broken(_command: Command) -> Outcome | None:
            raise ConnectionError("link closed")

        desk.engine.answer = broken
        await desk.press("H")

        assert "halt failed" in desk.status
        assert "link closed" in desk.status


async def test_an_engine_that_fails_a_wish_is_said_with_the_error(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        desk.engine.answer = lambda _command: None
        await desk.press("H")
        desk.engine.futures[-1].set_exception(RuntimeError("loop closed"))
        await desk.pilot.pause()

        assert "halt failed" in desk.status
        assert "loop closed" in desk.status


async def test_a_late_tick_slows_the_screen_and_says_so(open_desk: OpenDesk) -> None:
    async with open_desk(refresh_s=0.01) as desk:
        desk.times["monotonic"] = 30.0

        await eventually_async(lambda: "UI throttled" in desk.text("health"))

        def time_goes_by() -> bool:
            desk.times["monotonic"] += 0.2
            return "UI throttled" not in desk.text("health")

        await eventually_async(time_goes_by)


@pytest.mark.req("CARD-KEYS")
async def test_the_operators_own_key_replaces_the_default_also_in_the_footer(open_desk: OpenDesk) -> None:
    async with open_desk(keys={"pause": "z", "halt": "f9"}) as desk:
        await desk.press("p", "H")
        assert desk.kinds == []

        await desk.press("z", "f9")
        assert desk.kinds == [CommandKind.PAUSE, CommandKind.HALT]
        assert "z pause" in desk.text("keys")
        assert "f9 halt" in desk.text("keys")


def test_clashing_keys_stop_the_app_before_it_starts() -> None:
    with pytest.raises(KeymapError, match=r"flatten and pause both want 'p'|pause and flatten both want 'p'"):
        make_app(ScriptedHandle(NORMAL), keys={"flatten": "p"})


def test_without_a_clock_of_its_own_the_app_uses_the_wall_clock() -> None:
    assert CockpitApp(ScriptedHandle(NORMAL)).frame.now > NORMAL.as_of
