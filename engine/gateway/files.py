"""Small files that are whole or absent: written aside, renamed, private to the user.

Not synced: they tell the living about a running process and mean nothing after a power cut.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PRIVATE_MODE: Final = 0o600


def write_atomically(path: Path, text: str) -> None:
    """Replace the file's content in one step; a reader never sees half of it. Raises OSError."""
    aside = path.with_name(path.name + ".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_MODE)
    try:
        os.write(descriptor, text.encode("utf-8"))
    finally:
        os.close(descriptor)
    aside.replace(path)
