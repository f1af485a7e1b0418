"""One sitting at the terminal: runs the app over a handle and can be ended from anywhere."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from cockpit.app import CockpitApp
from cockpit.exits import Exit
from cockpit.settings import UiSettings
from cockpit.terminal import TerminalOutput, driver_for
from engine.api_handle import EngineHandle

LEAVE_S: Final = 1.0
"""How long a terminal may hold up leaving it; a stalled one is then given up as it is."""

_log = logging.getLogger("cockpit.screen")


class TerminalSession:
    """Runs on the main thread; `leave` may be called from any thread and from a signal handler."""

    def __init__(
        self,
        handle: EngineHandle,
        *,
        settings: UiSettings,
        descriptor: int,
        on_first_frame: Callable[[], None] | None = None,
        app: CockpitApp | None = None,
    ) -> None:
        """`app` is another one than the cockpit on a live engine."""
        self._output = TerminalOutput(descriptor)
        self._drawn = threading.Event()
        self._on_first_frame = on_first_frame
        self._wanted: Exit | None = None
        self._output.on_first_frame = self._first_frame
        self._app = app or CockpitApp(handle, settings=settings)
        self._app.driver_class = driver_for(self._output, on_lost=self._lost)

    def run(self) -> Exit:
        """Show the screen until it is left; says how it was left."""
        result = Exit.UI_FAILED
        try:
            result = self._app.run() or self._wanted or Exit.UI_FAILED
        except Exception:  # noqa: BLE001 - a broken screen is reported; the engine must not notice it
            _log.exception("the screen failed")
        finally:
            self._output.close()
        if self._app.failure:
            _log.error("the screen failed: %s", self._app.failure)
        return self._wanted if self._wanted is not None else result

    @property
    def left_in_order(self) -> bool:
        """Whether the terminal took everything that puts it back as it was."""
        return not self._output.gave_up

    def leave(self, how: Exit) -> None:
        """End the sitting. The first reason wins."""
        if self._wanted is None:
            self._wanted = how
        self._output.give_up_after(LEAVE_S)
        self._apply()

    def _lost(self) -> None:
        _log.warning("the terminal is gone")
        self.leave(Exit.TERMINAL_LOST)

    def _first_frame(self) -> None:
        self._drawn.set()
        if self._on_first_frame is not None:
            self._on_first_frame()
        if self._wanted is not None:
            self._apply()

    def _apply(self) -> None:
        # Not App.call_from_thread: that waits for an app which may be stuck behind a stalled terminal.
        loop = self._app._loop
        if loop is not None and self._wanted is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._app.leave, self._wanted)
