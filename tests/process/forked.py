"""Runs commands of the cockpit as processes that need not import all of it anew: most of what they cost.

One interpreter per test process has loaded the command line and forks for each command. A command has a pid,
a folder, an environment and outputs of its own, and ends as one that a shell started; that a shell can start
it is shown by the tests that do so (tests/process/test_whole_cockpit.py).
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("engine.config", "engine.runtime.process.remote", "engine.store")
"""What most commands load besides the command line."""
_LARGEST_BYTES = 1 << 16
_FDS = 3


@cache
def _loaded() -> socket.socket:
    """The line to the interpreter that forks; it ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        words = [sys.executable, "-P", "-m", __name__, str(theirs.fileno())]
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


def run(
    arguments: Sequence[str], *, folder: Path, environ: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run `cockpit ARGUMENTS` to its end. Raises subprocess.TimeoutExpired where it takes too long."""
    asked = json.dumps({"arguments": list(arguments), "folder": str(folder), "environ": dict(environ)})
    ours, theirs = socket.socketpair()
    with ours, theirs, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        socket.send_fds(_loaded(), [asked.encode()], [output.fileno(), errors.fileno(), theirs.fileno()])
        theirs.close()
        code = _code_of(ours, arguments, timeout_s)
        return subprocess.CompletedProcess(list(arguments), code, _text(output), _text(errors))


def _code_of(line: socket.socket, arguments: Sequence[str], timeout_s: float) -> int:
    """The command tells its pid when it begins and its code when it ends; none where a signal ended it."""
    line.settimeout(timeout_s)
    with line.makefile("r") as told:
        pid = int(told.readline())
        try:
            last = told.readline()
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(list(arguments), timeout_s) from None
    return int(last) if last else -signal.SIGKILL


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
    """Be `python -P -m cockpit` with these arguments; never returns."""
    code = 1
    try:
        os.write(answer, b"%d\n" % os.getpid())
        os.dup2(output, 1)
        os.dup2(errors, 2)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environ"])
        sys.argv = ["cockpit", *asked["arguments"]]
        code = _ended()
    finally:
        os.write(answer, b"%d\n" % code)
        os._exit(code)


def _ended() -> int:
    """Run it to the end of its process, as the interpreter would; its exit code."""
    try:
        runpy.run_module("cockpit", run_name="__main__", alter_sys=True)
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


def _load() -> None:
    """Import the command line and what its commands need."""
    commands = (f"cockpit.{found.name}" for found in pkgutil.iter_modules([str(ROOT / "cockpit")]))
    for name in (*NEEDED, *(name for name in commands if name.startswith("cockpit.cli"))):
        importlib.import_module(name)


if __name__ == "__main__":
    _load()
    _serve(socket.socket(fileno=int(sys.argv[1])))
