"""Keeps what lies in the state folder to its owner: 0700 for folders, 0600 for files."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from engine.runtime.process.paths import PRIVATE_DIR, PRIVATE_FILE

OURS: Final = (
    *("cockpit.lock", "logs", "gateway-embedded", "embedded-*", "tws-*", "overrides-*.toml"),
    *("alert-channels.json", "secret-rotations.json", "KILL*"),
)
"""What the cockpit puts into a state folder. Whatever else lies there is none of its business."""

_BESIDE: Final = (".gitkeep", "cockpit.toml", ".env")
_OTHERS: Final = 0o077


def open_to_others(folder: Path) -> Iterator[Path]:
    """Everything of ours in a state folder that others may use; links are not followed.

    The folder itself counts where nothing else lies in it: one shared with others is not ours to close.
    """
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    ours = [entry for entry in entries if _is_one_of(entry, OURS) and not entry.is_symlink()]
    if all(_is_one_of(entry, (*OURS, *_BESIDE)) for entry in entries) and _is_open(folder):
        yield folder
    for entry in ours:
        yield from (path for path in (entry, *sorted(entry.rglob("*"))) if _is_open(path))


def make_private(folder: Path) -> tuple[Path, ...]:
    """Take what is ours from others; returns what was open and is not any more.

    What belongs to another user stays as it is: only its owner may change it.
    """
    changed = []
    for path in tuple(open_to_others(folder)):
        try:
            path.chmod(PRIVATE_DIR if path.is_dir() else PRIVATE_FILE)
        except OSError:
            continue
        changed.append(path)
    return tuple(changed)


def _is_one_of(path: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(path.name, pattern) for pattern in patterns)


def _is_open(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False  # gone meanwhile: temporary files come and go
    return not stat.S_ISLNK(mode) and bool(stat.S_IMODE(mode) & _OTHERS)
