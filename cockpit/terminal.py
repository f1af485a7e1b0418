"""The screen's terminal: drawn on without ever being waited for, and given up calmly when it is gone.

Textual's own driver writes with blocking calls and reads until something raises. A terminal that stalls
(a sleeping laptop) would then hold its threads for ever, and one that hangs up would end in a traceback
or a spinning thread. Here every write can be abandoned, and end of input means: the terminal is lost.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from cockpit.fork import keep_signals_for_main

if TYPE_CHECKING:
    from textual.app import App

FIRST_FRAME_BYTES: Final = 1500
"""More than the escape sequences of setting up, less than any frame of the smallest screen."""

_POLL_MS: Final = 100
_CHUNK_BYTES: Final = 4096
_BLOCKING_CHUNK_BYTES: Final = 256
"""So little that a terminal which `select` calls writable takes it without waiting."""


class TerminalOutput:
    """A text file over a terminal whose writes end when told to; bytes for a lost terminal are dropped."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._is_own = _unblocking(descriptor)
        self._chunk_bytes = _CHUNK_BYTES if self._is_own else _BLOCKING_CHUNK_BYTES
        self._pending: list[str] = []
        self._written = 0
        self._deadline_s = float("inf")
        self._lost = threading.Event()
        self.on_lost: Callable[[], None] = _nothing
        """Called once, from the writing thread, when the terminal is gone."""
        self.on_first_frame: Callable[[], None] = _nothing
        """Called once, from the writing thread, when the first frame has been written."""

    def write(self, text: str) -> int:
        """Take text for the next flush."""
        self._pending.append(text)
        return len(text)

    def flush(self) -> None:
        """Write what was taken; returns when the terminal has it, or has been given up."""
        if not self._written:
            keep_signals_for_main()  # this is Textual's writing thread
        data = memoryview("".join(self._pending).encode("utf-8", "replace"))
        self._pending.clear()
        while data and not self._lost.is_set():
            data = data[self._write_some(data) :]
        if self._written - FIRST_FRAME_BYTES >= 0:
            callback, self.on_first_frame = self.on_first_frame, _nothing
            callback()

    @property
    def gave_up(self) -> bool:
        """Whether bytes were dropped: the terminal hung up, or was not waited for."""
        return self._lost.is_set()

    def fileno(self) -> int:
        """The terminal's descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """It is one."""
        return True

    def give_up_after(self, seconds: float) -> None:
        """Stop waiting for the terminal `seconds` from now, whatever is still to be written."""
        self._deadline_s = min(self._deadline_s, time.monotonic() + seconds)

    def close(self) -> None:
        """Close the descriptor that was opened here."""
        if self._is_own:
            self._is_own = False
            os.close(self._descriptor)

    def _write_some(self, data: memoryview) -> int:
        try:
            _, ready, _ = select.select((), (self._descriptor,), (), _POLL_MS / 1000)
            if ready:
                count = os.write(self._descriptor, data[: self._chunk_bytes])
                self._written += count
                return count
        except BlockingIOError:
            # "Writable" only means some room; a whole chunk did not fit. Look again in a moment.
            self._lost.wait(_POLL_MS / 1000 / 10)
        except (OSError, ValueError):
            self._lose()
        if time.monotonic() > self._deadline_s:
            self._lost.set()
        return 0

    def _lose(self) -> None:
        self._lost.set()
        callback, self.on_lost = self.on_lost, _nothing
        callback()


class TerminalDriver(LinuxDriver):
    """Textual's driver over a terminal that may stall or vanish."""

    output: TerminalOutput
    """Where it draws; set on the class made by `driver_for`."""
    on_lost: Callable[[], None]
    """Called, from the input thread, when the terminal hangs up."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        # Suspending would stop the engine too: it lives in this process.
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        signal.signal(signal.SIGCONT, signal.SIG_DFL)
        self._file = self.output  # type: ignore[assignment]  # all that is asked of it: write, flush, fileno

    @property
    def can_suspend(self) -> bool:
        """Never: the engine would stand still."""
        return False

    def run_input_thread(self) -> None:
        """Read keys until told to stop or until the terminal is gone."""
        keep_signals_for_main()
        parser = XTermParser(self._debug)
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        while not self.exit_event.is_set():
            if poll.poll(_POLL_MS):
                data = self._read()
                if not data:
                    self.on_lost()
                    return
                for message in parser.feed(decoder.decode(data)):
                    self.process_message(message)
            for message in parser.tick():
                self.process_message(message)
        with contextlib.suppress(EOFError, ParseError):
            for _ in parser.feed(""):
                pass

    def _read(self) -> bytes:
        """What was typed; empty where the terminal hung up."""
        try:
            return os.read(self.fileno, _CHUNK_BYTES)
        except OSError:
            return b""


def driver_for(output: TerminalOutput, *, on_lost: Callable[[], None]) -> type[TerminalDriver]:
    """A driver class bound to one terminal, in the form Textual wants: a class."""

    class BoundDriver(TerminalDriver):
        """Drawn on one terminal."""

    BoundDriver.output = output
    BoundDriver.on_lost = staticmethod(on_lost)
    output.on_lost = on_lost
    return BoundDriver


def _unblocking(descriptor: int) -> tuple[int, bool]:
    """A descriptor of the same terminal that never blocks.

    Opened afresh, because O_NONBLOCK on the inherited one would also hit the shell that shares it. Where
    that is not allowed (another user's terminal after `su`), the inherited one has to do: its writes are
    small and come after a `select`.
    """
    with contextlib.suppress(OSError):
        flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(os.ttyname(descriptor), flags), True
    return descriptor, False


def _nothing() -> None:
    """Nobody has asked to be told."""
