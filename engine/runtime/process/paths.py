"""Where a running engine can be found: the user's runtime folder and the sockets in it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from engine.runtime.process.errors import FailedError

SOCKET_PATH_LIMIT: Final = 107
"""Bytes of a unix socket's path that the kernel takes."""

DATABASE: Final = "cockpit.db"
"""Name of each (gateway, account) database in its own folder of the state."""

PRIVATE_DIR: Final = 0o700
PRIVATE_FILE: Final = 0o600


def runtime_dir(environ: Mapping[str, str]) -> Path:
    """The folder for sockets and registrations, made private to this user; `XDG_RUNTIME_DIR` or /tmp.

    Raises FailedError where it is not ours alone: whoever can write there could answer in our name.
    """
    base = environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(base) / "cockpit" if base and Path(base).is_dir() else short_runtime_dir()
    return _made_private(folder)


def short_runtime_dir() -> Path:
    """The folder that is always short enough for a socket."""
    return Path(f"/tmp/cockpit-{os.getuid()}")  # noqa: S108 - created 0700, its owner is checked before use


def socket_path(runtime: Path, state_dir: Path) -> Path:
    """The socket of the engine of this state folder; in the short folder where the path gets too long.

    Raises FailedError like `runtime_dir`.
    """
    name = f"{state_key(state_dir)}.sock"
    wanted = runtime / name
    if len(os.fsencode(wanted)) <= SOCKET_PATH_LIMIT:
        return wanted
    return _made_private(short_runtime_dir()) / name


def state_key(state_dir: Path) -> str:
    """A short name that stands for one state folder."""
    return hashlib.sha256(os.fsencode(state_dir.resolve())).hexdigest()[:12]


def private_state_dir(state_dir: Path) -> Path:
    """The state folder, made if needed. Raises FailedError where nothing can be kept there."""
    try:
        state_dir.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    except OSError as err:
        raise FailedError(
            f"the state folder {state_dir} cannot be made ({err.strerror}); nothing was started. "
            "Choose another with --state DIR or state.dir."
        ) from err
    if not state_dir.is_dir() or not os.access(state_dir, os.W_OK | os.X_OK):
        raise FailedError(
            f"the state folder {state_dir} cannot be written; nothing was started. "
            "Make it yours (chown, chmod u+rwx) or choose another with --state DIR."
        )
    return state_dir


def _made_private(folder: Path) -> Path:
    try:
        folder.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as err:
        raise FailedError(f"the runtime folder {folder} cannot be used ({err.strerror}).") from err
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise FailedError(
            f"the runtime folder {folder} belongs to someone else or is no folder; "
            "remove it, or set XDG_RUNTIME_DIR to a folder of your own."
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(PRIVATE_DIR)
    return folder
