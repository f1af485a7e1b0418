"""The first frame waits for no screen that only a key opens, and later no key waits for one."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import cockpit.screens
from cockpit.later import LATER

SEEN_AT_ONCE = {"cockpit", "dialog"}


def test_every_screen_is_imported_before_the_first_frame_or_right_after_it() -> None:
    script = "import sys, cockpit.app; print(*(n for n in sys.modules if n.startswith('cockpit.screens.')))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert {name.rpartition(".")[2] for name in loaded.split()} == SEEN_AT_ONCE

    there = {module.name for module in pkgutil.iter_modules(cockpit.screens.__path__)}
    parts = {"table_dialog"}
    assert there - SEEN_AT_ONCE - parts == set(LATER)
