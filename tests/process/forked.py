"""Runs the cockpit and its commands as processes that need not import all of it anew: most of what they cost.

One interpreter per test process has loaded the command line and the engine and forks for each of them. One
has a pid, a folder, an environment and outputs of its own, and ends as one that a shell started; that a shell
can start it is shown by the tests that do so (tests/process/test_whole_cockpit.py).
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn, Protocol

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("engine.config", "engine.runtime.boot", "engine.runtime.process.remote", "engine.store")
"""What a whole cockpit and most commands load besides the command line."""
GATEWAY = "engine.gateway"
"""A module that has an interpreter of its own: a gateway shares nothing with the engine."""
_LARGEST_BYTES = 1 << 16
_FDS = 3
_FDS_MAX = 64
"""Above what the interpreter that forks has open."""


class Ended(Protocol):
    """What the tests use of a process, whoever started it (`subprocess.Popen` is one)."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class Forked:
    """A process that was forked for us."""

    def __init__(self, line: socket.socket, what: str) -> None:
        self._told = line.makefile("r")
        self._what = what
        self._code: int | None = None
        self.pid = int(self._told.readline())
        """Its own."""
        self._alive = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        """Its exit code, -9 where a signal ended it; None while it runs."""
        return self._code if self._ends_within(0.0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; its exit code. Raises subprocess.TimeoutExpired."""
        if not self._ends_within(timeout):
            raise subprocess.TimeoutExpired(self._what, timeout or 0.0)
        assert self._code is not None
        return self._code

    def send_signal(self, sig: int) -> None:
        """Send it a signal; nothing where it has ended."""
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._alive, sig)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9."""
        self.send_signal(signal.SIGKILL)

    def _ends_within(self, seconds: float | None) -> bool:
        if self._code is None and select.select([self._alive], [], [], seconds)[0]:
            last = self._told.readline()
            self._code = int(last) if last else -signal.SIGKILL
            self._told.close()
            os.close(self._alive)
        return self._code is not None


@cache
def _loaded(what: str) -> socket.socket:
    """The line to the interpreter that forks, with that loaded; it ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        words = [sys.executable, "-P", "-m", __name__, str(theirs.fileno()), what]
        kept = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG"}}
        environ = {**kept, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        quiet = subprocess.DEVNULL
        server = subprocess.Popen(
            words, env=environ, stdin=quiet, stdout=quiet, stderr=quiet, pass_fds=[theirs.fileno()]
        )

    def end() -> None:
        ours.close()
        server.terminate()
        server.wait(10.0)

    atexit.register(end)
    return ours


def start(
    arguments: Sequence[str],
    *,
    folder: Path,
    environ: Mapping[str, str],
    output: IO[bytes],
    errors: IO[bytes],
    module: str = "cockpit",
) -> Forked:
    """Start `python -m MODULE ARGUMENTS`."""
    asked = {"module": module, "arguments": list(arguments), "folder": str(folder), "environ": dict(environ)}
    return _ask(asked, output.fileno(), errors.fileno())


def start_at_a_terminal(
    arguments: Sequence[str],
    *,
    folder: Path,
    environ: Mapping[str, str],
    line: int,
    module: str = "cockpit",
    prompt: str,
) -> Forked:
    """Start the leader of a session on that tty, which runs `python -m MODULE ARGUMENTS` as a shell would.

    After it comes the prompt with the exit code; the leader lives until a line is typed, or it is hung up.
    Without a module it is `/bin/sh -c ARGUMENTS` itself.
    """
    asked = {"module": module, "arguments": list(arguments), "folder": str(folder), "environ": dict(environ)}
    return _ask({**asked, "prompt": prompt}, line, line)


def _ask(asked: Mapping[str, object], output: int, errors: int) -> Forked:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        what = GATEWAY if asked["module"] == GATEWAY else "cockpit"
        socket.send_fds(_loaded(what), [json.dumps(asked).encode()], [output, errors, theirs.fileno()])
        theirs.close()
        return Forked(ours, str(asked["arguments"]))


def run(
    arguments: Sequence[str],
    *,
    folder: Path,
    environ: Mapping[str, str],
    timeout_s: float,
    module: str = "cockpit",
) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE ARGUMENTS` to its end. Raises subprocess.TimeoutExpired after `timeout_s`."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        running = start(
            arguments, folder=folder, environ=environ, output=output, errors=errors, module=module
        )
        try:
            code = running.wait(timeout_s)
        except subprocess.TimeoutExpired:
            running.kill()
            raise
        return subprocess.CompletedProcess(list(arguments), code, _text(output), _text(errors))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


# --- in the interpreter that forks ----------------------------------------------------------------------


def _serve(line: socket.socket) -> None:
    """Fork for each command until nobody can ask for another."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asked, fds, _flags, _address = socket.recv_fds(line, _LARGEST_BYTES, _FDS)
        if not asked:
            return
        if os.fork() == 0:
            line.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _become(json.loads(asked), *fds)
        for fd in fds:
            os.close(fd)


def _become(asked: Mapping[str, Any], output: int, errors: int, answer: int) -> NoReturn:
    """Be `python -P -m` that module with these arguments, or the shell that runs it; never returns."""
    code = 1
    os.set_inheritable(answer, False)  # what it starts may outlive it, and is not it
    try:
        os.write(answer, b"%d\n" % os.getpid())
        os.dup2(output, 1)
        os.dup2(errors, 2)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environ"])
        sys.argv = [asked["module"], *asked["arguments"]]
        code = _shell(asked["module"], asked["prompt"]) if "prompt" in asked else _ended(asked["module"])
    finally:
        with contextlib.suppress(OSError):  # nobody asks any more
            os.write(answer, b"%d\n" % code)
        os._exit(code)


def _shell(module: str, prompt: str) -> int:
    """Lead a session on the tty that is our output: run it there, and read a line after the prompt."""
    os.dup2(1, 0)
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # Under `nohup` it would be ignored here and in every child, and the cockpit would respect that.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if not module:
        os.execv("/bin/sh", ["sh", "-c", *sys.argv[1:]])
    if os.fork() == 0:
        code = 1
        try:
            os.closerange(3, _FDS_MAX)
            code = _ended(module)
        finally:
            os._exit(code)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    code = os.waitstatus_to_exitcode(os.wait()[1])
    os.write(1, f"{prompt} {code if code >= 0 else 128 - code}\r\n".encode())
    with contextlib.suppress(OSError):  # hung up
        os.read(0, _LARGEST_BYTES)
    return 0


def _ended(module: str) -> int:
    """Run it to the end of its process, as the interpreter would; its exit code."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for its threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _load(what: str) -> None:
    """Import the gateway; or the command line, the engine and what else is needed."""
    if what == GATEWAY:
        importlib.import_module("engine.gateway.process")
        return
    commands = (f"cockpit.{found.name}" for found in pkgutil.iter_modules([str(ROOT / "cockpit")]))
    for name in (*NEEDED, *(name for name in commands if name.startswith("cockpit.cli"))):
        importlib.import_module(name)


if __name__ == "__main__":
    _load(sys.argv[2])
    gc.freeze()  # a fork's collector leaves alone, and so shares, what is loaded
    _serve(socket.socket(fileno=int(sys.argv[1])))
