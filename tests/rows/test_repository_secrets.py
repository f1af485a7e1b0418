"""Nothing that is kept under version control looks like a secret, by the same looks as a configuration."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.config.secrecy import LOOKS

ROOT = Path(__file__).parents[2]
BY_NAME = LOOKS[-1]
"""A name, a sign, a value: in code that is any assignment."""


@pytest.mark.req("REQ-SEC1")
def test_no_tracked_file_holds_a_secret() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    # The tests hold canaries on purpose: what they must find.
    names = [name for name in listed.stdout.split("\n") if name and not name.startswith("tests/")]
    found = []
    for name in names:
        path = ROOT / name
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        looks = [look for look in LOOKS if look is not BY_NAME or path.suffix != ".py"]
        found += [name for look in looks if look.pattern.search(text)]

    assert len(names) > 300
    assert found == []
