"""Names the program that runs by its own files, so that a proof of other code is no proof of this one."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import engine

PACKAGES = ("cockpit", "engine")


@cache
def code_id() -> str:
    """Digest of every source file of the program; reads some hundred files, so call it off the loop."""
    return digest_of(Path(engine.__file__).parents[1])


def digest_of(root: Path) -> str:
    """SHA-256 over path and content of the packages' Python files below `root`, in order of their paths."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
