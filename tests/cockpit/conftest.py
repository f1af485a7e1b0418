"""The same screen on every machine: no NO_COLOR from outside, still clocks, no blinking cursor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from cockpit.app import CockpitApp
from cockpit.exits import Exit
from cockpit.settings import UiSettings
from cockpit.spans import Tone, text_of
from cockpit.widgets.lines_view import LinesView
from engine.api import Command, CommandKind, EngineState, Snapshot
from engine.api_handle import Departure, SeatView
from tests.cockpit.painting import painted_at_the_end
from tests.cockpit.scripted import NORMAL, NOW, ScriptedHandle
from tests.waiting import eventually_async

QUESTIONS = frozenset({CommandKind.JUDGE_ORDER, CommandKind.LOOK_BACK})


@pytest.fixture(autouse=True)
def _same_terminal_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TEXTUAL_THEME", "COLORTERM"):
        # Set and deleted: so what a test, or an app in it, leaves there goes with the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(Input, "_toggle_cursor", lambda _self: None)


@dataclass
class Desk:
    """An open cockpit, the scripted engine behind it and clocks that only the test moves."""

    app: CockpitApp
    pilot: Pilot[Exit]
    engine: ScriptedHandle
    times: dict[str, float] = field(default_factory=lambda: {"monotonic": 0.0})

    @property
    def kinds(self) -> list[CommandKind]:
        """What the engine was told to do, in order; questions of previews aside."""
        return [command.kind for command in self.engine.commands if command.kind not in QUESTIONS]

    @property
    def last(self) -> Command:
        """The latest command."""
        return self.engine.commands[-1]

    async def press(self, *keys: str) -> None:
        """Press keys and let the screen settle."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type text into whatever has the focus."""
        await self.press(*("space" if char == " " else char for char in text))

    async def publish(self, **changes: Any) -> None:
        """The engine publishes; the screen looks."""
        self.engine.publish(**changes)
        await self.pilot.pause()

    @property
    def status(self) -> str:
        """The status line of the screen below all dialogs."""
        screen = self.app.recovery_screen or self.app.cockpit
        return "".join(text_of(line) for line in screen.status.lines).strip()

    def tones(self, name: str) -> set[Tone]:
        """What the lines of a panel, or of the dialog on top, mean."""
        screen = self.app.screen if name == "text" else self.app.cockpit
        return {span.tone for line in screen.query_one(f"#{name}", LinesView).lines for span in line}

    def text(self, name: str) -> str:
        """The lines of a panel, or of the dialog on top."""
        screen = self.app.screen if name == "text" else self.app.cockpit
        return "\n".join(text_of(line) for line in screen.query_one(f"#{name}", LinesView).lines)


OpenDesk = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def open_desk() -> OpenDesk:
    """A function that opens a cockpit on a scripted engine."""

    @asynccontextmanager
    async def opened(
        snapshot: Snapshot = NORMAL,
        *,
        size: tuple[int, int] = (120, 40),
        acting: bool = True,
        left: Departure | None = None,
        **settings: Any,
    ) -> AsyncIterator[Desk]:
        engine = ScriptedHandle(snapshot)
        engine.seated = SeatView() if acting else SeatView(acting=False, holder_pid=4711, watchers=1)
        engine.left = left
        times = {"monotonic": 0.0}
        app = make_app(engine, times=times, **settings)
        async with painted_at_the_end(app, size=size) as pilot:
            await pilot.pause()
            if snapshot.engine_state is EngineState.ORPHANS:
                # The recovery screen opens by itself, a moment later: keys pressed before go to the cockpit.
                await eventually_async(lambda: shows_rows(app), why="the recovery screen never opened")
            yield Desk(app, pilot, engine, times)

    return opened


def shows_rows(app: CockpitApp) -> bool:
    """The recovery screen is open, with what there is to decide."""
    return app.recovery_screen is not None and bool(app.recovery_screen.table.rows)


def make_app(engine: ScriptedHandle, *, times: dict[str, float] | None = None, **settings: Any) -> CockpitApp:
    """A cockpit with still clocks and counted command ids."""
    moments = times if times is not None else {"monotonic": 0.0}
    ids = iter(range(1, 10_000))
    return CockpitApp(
        engine,
        settings=UiSettings(freeze_gc=False, **settings),
        clock=lambda: NOW,
        monotonic=lambda: moments["monotonic"],
        new_id=lambda: f"c{next(ids)}",
    )
