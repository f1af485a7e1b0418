"""The first frame waits for no screen that only a key opens, and later no key waits for one."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import cockpit.screens
from cockpit.later import LATER

SEEN_AT_ONCE = {"cockpit", "dialog"}


NOT_YET = {
    "structlog",
    "pygments",
    "attr",
    "ib_async",
    "numpy",
    "pandas",
    "markdown_it",
    "tree_sitter",
    "jinja2",
}
"""Libraries that some way from here leads to; together they cost more than drawing."""


def test_every_screen_is_imported_before_the_first_frame_or_right_after_it() -> None:
    ways = "cockpit.app, cockpit.launcher, cockpit.terminal_session, engine.config"
    processes = "engine.runtime.process.session, engine.runtime.process.link, engine.runtime.process.remote"
    script = f"import sys, {ways}, {processes}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    screens = {name for name in loaded if name.startswith("cockpit.screens.")}
    assert {name.rpartition(".")[2] for name in screens} == SEEN_AT_ONCE
    assert {name.partition(".")[0] for name in loaded} & NOT_YET == set()
    assert "rich.traceback" not in loaded

    there = {module.name for module in pkgutil.iter_modules(cockpit.screens.__path__)}
    parts = {"table_dialog"}
    assert there - SEEN_AT_ONCE - parts == set(LATER)
