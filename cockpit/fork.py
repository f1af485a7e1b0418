"""Puts the cockpit into a process that can leave its terminal and trade on.

The parent forks first, before any thread or loop, and waits in the terminal; the child is the cockpit. On
detach the child lets go of the terminal and the parent ends, so that the prompt comes back while the same
process trades on. The child has a session of its own: no shell can stop or hang it up by accident, and
whatever happens to the terminal reaches it as news, not as an end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import termios
import threading
from collections.abc import Callable
from typing import Any, Final, NoReturn

DETACHED: Final = b"D"
"""The child's word to its parent: the operator has left, I trade on without you."""

SCREEN_FAILED: Final = b"F"
"""The same, but because the screen broke."""

SAY_S: Final = 1.0

FORWARDED: Final = (signal.SIGWINCH, signal.SIGHUP, signal.SIGTERM, signal.SIGINT)

UNRESTORED: Final = b"U"
"""The child gave the terminal up before putting it in order: the parent does, when it takes text again."""

RESTORE: Final = (
    "\x18\x1b[<u\x1b[?1049l\x1b[?25h"
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l\x1b[?7h\x1b[0m\r\n"
)
"""Ends a sequence cut short, leaves the alternate screen, shows the cursor; ends mouse, focus and paste
reports and key protocols."""


class Parent:
    """The child's view of the process that waits in the terminal."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._released = threading.Event()

    def watch(self, on_gone: Callable[[], None]) -> None:
        """Call `on_gone`, from a thread of its own, if the parent dies before it is released."""

        def wait() -> None:
            keep_signals_for_main()
            with contextlib.suppress(OSError):
                self._link.recv(1)
            if not self._released.is_set():
                on_gone()

        threading.Thread(target=wait, name="parent-watch", daemon=True).start()

    def put_terminal_in_order(self) -> None:
        """Leave the restoring to the parent, which may wait for a stalled terminal."""
        with contextlib.suppress(OSError):
            self._link.sendall(UNRESTORED)

    def release(self, word: bytes = DETACHED) -> None:
        """Let it go: it says how to come back and ends."""
        self._released.set()
        with contextlib.suppress(OSError):
            self._link.sendall(word)


def in_child(body: Callable[[Parent], int]) -> int:
    """Run `body` in a forked child and wait for it in the terminal; returns the process exit code.

    Must be called before any thread or event loop exists. Returns only in the parent.
    """
    saved = _terminal_state()
    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _become(body, theirs)
    theirs.close()
    return _wait(pid, ours, saved=saved)


def keep_signals_for_main() -> None:
    """Called first in a thread: a signal it took would wait until the main thread happens to wake up."""
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)


def leave_terminal() -> None:
    """Point the standard descriptors at nothing: the terminal belongs to the shell again."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)


def _become(body: Callable[[Parent], int], link: socket.socket) -> NoReturn:
    code = 1
    try:
        os.setsid()
        code = body(Parent(link))
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException as err:  # noqa: BLE001 - the last line of the process: a sentence, never a traceback
        say(f"cockpit: failed unexpectedly ({type(err).__name__}: {_without_secrets(str(err))}).")
    finally:
        # Not sys.exit: what the parent registered for its own end must not run twice.
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _without_secrets(text: str) -> str:
    # Imported here: the parent has no use for it, and what failed may be anything.
    from engine.config.redaction import Redactor  # noqa: PLC0415

    return Redactor.of_environment(os.environ)(text)


def _wait(pid: int, link: socket.socket, *, saved: list[Any] | None) -> int:
    for number in FORWARDED:
        signal.signal(number, lambda received, _frame: _forward(pid, received))
    for number in (signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(number, signal.SIG_IGN)
    with link:
        word = link.recv(1)
        unrestored = word == UNRESTORED
        if unrestored:
            word = link.recv(1)
    if unrestored:
        _restore(saved)
    if word in {DETACHED, SCREEN_FAILED}:
        say(f"cockpit: detached, process {pid} trades on. Come back with `cockpit attach`.")
        return 0 if word == DETACHED else 1
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code
    _restore(saved)
    say(
        f"cockpit: process {pid} was ended by {signal.Signals(-code).name}. Orders and stops at the broker "
        "stay as they were; start it again with the same command and it restores its state."
    )
    return 1


def _forward(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _terminal_state() -> list[Any] | None:
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None


def _restore(saved: list[Any] | None) -> None:
    with contextlib.suppress(OSError):
        os.write(1 if os.isatty(1) else 2, RESTORE.encode())
    if saved is not None:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(0, termios.TCSANOW, saved)


def say(sentence: str) -> None:
    """A line for the person at the terminal; one that takes nothing for a second is let go."""
    writer = threading.Thread(target=_write, args=(f"{sentence}\n",), name="say", daemon=True)
    writer.start()
    writer.join(SAY_S)
    if writer.is_alive():
        leave_terminal()


def _write(text: str) -> None:
    keep_signals_for_main()
    with contextlib.suppress(OSError):
        os.write(2, text.encode("utf-8", "replace"))
