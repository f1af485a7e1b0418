"""What each way of starting does, and what each way of leaving leads to.

The engine must survive its screen: whichever way the screen ends, this file decides whether the engine
is stopped or trades on, and says so in a sentence.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from cockpit.exits import Exit
from cockpit.fork import DETACHED, SCREEN_FAILED, Parent, in_child, leave_terminal, say
from cockpit.tty import screen_descriptor

if TYPE_CHECKING:
    from cockpit.settings import UiSettings
    from cockpit.terminal_session import TerminalSession
    from engine.api_replay import ReplayHandle
    from engine.config import Loaded
    from engine.runtime.process.handle import DirectHandle
    from engine.runtime.process.link import Role
    from engine.runtime.process.lock import Holder
    from engine.runtime.process.session import Build, EngineSession

STOP_ANSWER_S: Final = 120.0

_STOP_TARGET: Final = {Exit.STOP_FLATTEN: "flatten", Exit.STOP_KEEP: "keep", Exit.STOP_DEFAULT: ""}

_log = logging.getLogger("cockpit.launcher")


@dataclass(frozen=True, slots=True)
class Start:
    """What the command line asked for."""

    mode: str
    """`DRY_RUN`, `PAPER` or `LIVE`."""
    headless: bool = False
    config: Path | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)
    """Dotted configuration keys given as options."""
    version: str = ""
    typed_account: str = ""
    """Account id that a person typed for `--live`."""


def start(asked: Start, *, build: Build | None = None) -> int:
    """Start the cockpit, or attach to the engine that already runs; returns the process exit code."""
    if asked.headless:
        return _guarded(lambda: _headless(asked, build))
    if screen_descriptor() is None:
        say("cockpit: the screen needs a terminal for keys and drawing; without one use --headless.")
        return 2
    return in_child(lambda parent: _guarded(lambda: _with_screen(asked, parent, build)))


def draw_first() -> None:
    """Look for no garbage until the first frame is drawn; called before what it needs is imported.

    Hardly anything of that is garbage, and looking for it is 5 % of the first frame. The screen's first look
    and the engine's boot switch it on again.
    """
    gc.disable()


def attach(socket: Path, loaded: Loaded, *, role: Role = "screen") -> int:
    """Open the screen on a running engine; returns the process exit code."""
    if screen_descriptor() is None:
        say("cockpit: attach needs a terminal for keys and drawing; try `cockpit status`.")
        return 2
    return _guarded(lambda: _attached(socket, settings_of(loaded), None, _Signals(), role=role))


def replay(player: ReplayHandle, loaded: Loaded) -> int:
    """Show a past session on this terminal; returns the process exit code."""
    if screen_descriptor() is None:
        say("cockpit: a replay needs a terminal for keys and drawing.")
        return 2
    return _guarded(lambda: _replayed(player, settings_of(loaded), _Signals()))


def _replayed(player: ReplayHandle, settings: UiSettings, signals: _Signals) -> int:
    from cockpit.replaying import ReplayApp
    from cockpit.terminal_session import TerminalSession

    app = ReplayApp(player, settings=settings)
    screen = TerminalSession(player, settings=settings, descriptor=screen_descriptor() or 1, app=app)
    signals.stop = lambda _name: screen.leave(Exit.DETACH)
    signals.hang_up = lambda: screen.leave(Exit.TERMINAL_LOST)
    how = screen.run()
    if not screen.left_in_order:
        leave_terminal()
    return 1 if how is Exit.UI_FAILED else 0


class _Signals:
    """What a signal does now; before anything runs it simply ends the process.

    Plain `signal.signal`, not the loop's handlers: a loop that waits for a stalled terminal would run
    those too late.
    """

    def __init__(self) -> None:
        self.stop: Callable[[str], None] = _leave_process
        self.hang_up: Callable[[], None] = lambda: _leave_process("SIGHUP")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asked for silence
            signal.signal(signal.SIGHUP, self._on_hang_up)

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        self.stop(signal.Signals(number).name)

    def _on_hang_up(self, _number: int, _frame: FrameType | None) -> None:
        self.hang_up()


def _leave_process(_name: str) -> None:
    raise SystemExit(1)


def _guarded(body: Callable[[], int]) -> int:
    """Turn every expected failure into a sentence and an exit code."""
    from engine.config import ConfigError
    from engine.runtime.process.errors import StartError

    try:
        return body()
    except ConfigError as err:
        say(f"cockpit: {err}")
        return 2
    except StartError as err:
        say(f"cockpit: {err}")
        return err.exit_code


def _load(asked: Start) -> Loaded:
    from engine.config import load

    return load(
        path=asked.config, overrides=asked.overrides, environ=os.environ, cwd=Path.cwd(), mode=asked.mode
    )


def _open(asked: Start, build: Build | None) -> tuple[Loaded, EngineSession]:
    from engine.api import Mode
    from engine.runtime.process.logs import quiet_until_set_up
    from engine.runtime.process.session import EngineSession, RunRequest

    quiet_until_set_up()
    loaded = _load(asked)
    request = RunRequest(
        mode=Mode(asked.mode),
        headless=asked.headless,
        version=asked.version,
        typed_account=asked.typed_account,
    )
    return loaded, EngineSession(loaded, request, build=build)


def _headless(asked: Start, build: Build | None) -> int:
    from engine.runtime.process.errors import RefusedError
    from engine.runtime.process.lock import LockHeldError

    signals = _Signals()
    _, session = _open(asked, build)
    try:
        session.open()
    except LockHeldError as held:
        raise RefusedError(
            f"{held} Stop it first with `cockpit stop`, or look with `cockpit attach`."
        ) from held
    signals.stop = lambda name: _ask_stop(session, name)
    signals.hang_up = lambda: _ignore(session.detached(lost=True))
    say(f"cockpit: engine running without a screen, process {os.getpid()}. End it with `cockpit stop`.")
    session.wait()
    return _finish(session)


def _with_screen(asked: Start, parent: Parent, build: Build | None) -> int:
    from engine.runtime.process.lock import LockHeldError

    draw_first()
    signals = _Signals()
    loaded, session = _open(asked, build)
    settings = settings_of(loaded)
    try:
        session.open()
    except LockHeldError as held:
        return _join(loaded, asked, held, parent, signals)
    handle = session.sit_down()
    screen = _screen(session, handle, settings)
    signals.stop = lambda name: _stop_and_leave(session, screen, name)
    signals.hang_up = lambda: _lose(session, screen)
    parent.watch(lambda: _lose(session, screen))
    session.on_end(lambda: _engine_ended(session, screen))
    how = screen.run()
    acted = session.get_up(handle)
    _log.info("screen left: %s", how.value)
    if not screen.left_in_order:
        leave_terminal()
        parent.put_terminal_in_order()
    signals.hang_up = lambda: None
    signals.stop = lambda name: _ask_stop(session, name)
    return _after_screen(session, parent, how, acted=acted)


def _screen(session: EngineSession, handle: DirectHandle, settings: UiSettings) -> TerminalSession:
    from cockpit.terminal_session import TerminalSession

    return TerminalSession(
        handle,
        settings=settings,
        descriptor=screen_descriptor() or 1,
        on_first_frame=session.screen_drawn,
    )


def _after_screen(session: EngineSession, parent: Parent, how: Exit, *, acted: bool) -> int:
    if not session.handle.is_alive:
        how = Exit.ENGINE_STOPPED  # whatever was asked for: nothing trades on
    if how in _STOP_TARGET:
        say("cockpit: stopping …")
        session.stop(_STOP_TARGET[how])
        _tell_progress(session)
        return _finish(session)
    if how is Exit.ENGINE_STOPPED:
        session.wait()
        return _finish(session)
    if how is Exit.UI_FAILED:
        say("cockpit: the screen failed; the engine does not depend on it. The reason is in the log.")
    # Where another screen acts by now, nobody has lost anything.
    session.detached(lost=acted and how is not Exit.DETACH)
    leave_terminal()
    parent.release(SCREEN_FAILED if how is Exit.UI_FAILED else DETACHED)
    session.wait()
    return _finish(session)


def _tell_progress(session: EngineSession) -> None:
    told = ""
    while not session.wait(0.1):
        reason = session.handle.snapshot().state_reason
        if reason and reason != told:
            told = reason
            say(f"cockpit: {_printable(reason)}")


def _finish(session: EngineSession) -> int:
    """Say how the engine ended and give everything back."""
    from engine.runtime.shell.status import farewell

    failure = session.failure
    lines = farewell(session.handle.snapshot())
    for line in lines if failure is None else (_reason_of(failure), *lines[1:]):
        say(f"cockpit: {line}")
    return session.close()


def _reason_of(failure: BaseException) -> str:
    from engine.config.redaction import Redactor
    from engine.runtime.process.errors import StartError

    if isinstance(failure, StartError):
        return str(failure)
    name = type(failure).__name__
    text = _printable(Redactor.of_environment(os.environ)(str(failure)))
    return f"the engine failed ({name}: {text}); its log says more. Orders at the broker stay."


def _join(loaded: Loaded, asked: Start, held: object, parent: Parent, signals: _Signals) -> int:
    """An engine already runs here: attach where it is the one asked for, refuse where it is another."""
    from engine.runtime.process.errors import RefusedError

    holder: Holder | None = getattr(held, "holder", None)
    if holder is None:
        raise RefusedError(f"{held} Try again in a moment.")
    difference = _difference(loaded, asked, holder)
    if difference:
        raise RefusedError(
            f"an engine already runs for this state folder: pid {holder.pid}, {difference}. "
            "Attach to it with `cockpit attach`, or end it first with `cockpit stop`."
        )
    return _attached(Path(holder.socket), settings_of(loaded), parent, signals)


def _difference(loaded: Loaded, asked: Start, holder: Holder) -> str:
    """What the running engine was started with that this start asks otherwise; empty where nothing."""
    from engine.runtime.process.session import effective_flags

    if holder.mode != asked.mode:
        return f"mode {holder.mode} instead of {asked.mode}"
    given = {key.rpartition(".")[2] for key, value in asked.overrides.items() if value is not None}
    for name, value in effective_flags(loaded).items():
        if name in given and holder.flags.get(name, "") != value:
            return f"{name} {holder.flags.get(name) or 'none'} instead of {value or 'none'}"
    return ""


def _attached(
    socket: Path,
    settings: UiSettings,
    parent: Parent | None,
    signals: _Signals,
    *,
    role: Role = "screen",
) -> int:
    from cockpit.terminal_session import TerminalSession
    from engine.runtime.process.link import SocketHandle

    handle = SocketHandle.connect(socket, role=role)
    screen = TerminalSession(handle, settings=settings, descriptor=screen_descriptor() or 1)
    signals.stop = lambda _name: screen.leave(Exit.DETACH)
    signals.hang_up = lambda: screen.leave(Exit.TERMINAL_LOST)
    if parent is not None:
        parent.watch(lambda: screen.leave(Exit.TERMINAL_LOST))
    how = screen.run()
    signals.stop, signals.hang_up = _leave_process, lambda: None
    if not screen.left_in_order:
        leave_terminal()
        if parent is not None:
            parent.put_terminal_in_order()
    pid = handle.snapshot().pid
    if how in _STOP_TARGET:
        from engine.runtime.process.remote import stop_and_wait

        return stop_and_wait(handle, _STOP_TARGET[how], say=say)
    handle.close(asked=how is Exit.DETACH)
    if how is Exit.ENGINE_STOPPED:
        say(f"cockpit: the engine (process {pid}) has ended: {_printable(handle.snapshot().state_reason)}")
        stopped = handle.snapshot().engine_state == "STOPPED"
        return handle.exit_code if handle.exit_code is not None else 0 if stopped else 1
    say(f"cockpit: left; process {pid} trades on. Come back with `cockpit attach`.")
    return 1 if how is Exit.UI_FAILED else 0


def _ask_stop(session: EngineSession, name: str) -> None:
    session.stop("", who=f"signal {name}")


def _stop_and_leave(session: EngineSession, screen: TerminalSession, name: str) -> None:
    _ask_stop(session, name)
    screen.leave(Exit.STOP_DEFAULT)


def _lose(session: EngineSession, screen: TerminalSession) -> None:
    screen.leave(Exit.TERMINAL_LOST)


def _engine_ended(session: EngineSession, screen: TerminalSession) -> None:
    """An engine that stopped or could not start closes the screen; one that broke is left to be seen."""
    from engine.runtime.process.errors import StartError

    if session.failure is None or isinstance(session.failure, StartError):
        screen.leave(Exit.ENGINE_STOPPED)


def settings_of(loaded: Loaded) -> UiSettings:
    """What the screen is told. Raises UsageError for keys that cannot be, before anything is started."""
    from cockpit.drill_process import ShellDrills, drill_command
    from cockpit.keymap import KeymapError, checked_keymap
    from cockpit.settings import UiSettings
    from engine.api import Level
    from engine.config.values import BellLevel
    from engine.runtime.process.errors import UsageError

    ui = loaded.config.ui
    try:
        checked_keymap(ui.keys)
    except KeymapError as err:
        raise UsageError(f"ui.keys: {err}") from err
    bell = None if ui.bell is BellLevel.OFF else Level(ui.bell.value.lower())
    return UiSettings(
        theme=ui.theme.value,
        refresh_s=ui.refresh_s,
        keys=ui.keys,
        bell=bell,
        history=loaded.state_dir / "line_history",
        drills=ShellDrills(drill_command(loaded.path, loaded.state_dir)),
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _ignore(_result: object) -> None:
    """For callbacks whose result nobody waits for."""
