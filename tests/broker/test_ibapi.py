"""One file knows the library; it can be chosen, and be imported where no event loop is."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.broker import ibapi

ROOT = Path(__file__).parents[2]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_no_other_file_of_the_product_imports_a_broker_library() -> None:
    wanted = re.compile(r"^\s*(?:from|import)\s+(?:ib_async|ib_insync|ibapi|eventkit)\b", re.MULTILINE)
    by_name = re.compile(r"import_module\(.*ib_")
    knowing = [
        path.relative_to(ROOT).as_posix()
        for room in ("engine", "cockpit")
        for path in (ROOT / room).rglob("*.py")
        if path.name != "ibapi.py" and (wanted.search(path.read_text()) or by_name.search(path.read_text()))
    ]

    assert knowing == []


@pytest.mark.req("FUT-DO-1")
def test_the_adapter_calls_nothing_that_blocks_the_loop() -> None:
    blocking = {"sleep", "run_until_complete", "run", "connect", "recv", "send"}
    allowed = {("asyncio", "sleep")}
    found = [
        f"{path.name}:{call.lineno}"
        for path in (ROOT / "engine" / "broker").glob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in blocking
        and (ast.unparse(call.func.value), call.func.attr) not in allowed
    ]

    assert found == []


def test_a_library_that_is_not_known_is_refused_by_name() -> None:
    outcome = run("import engine.broker.ibapi", COCKPIT_IB_LIBRARY="os")

    assert outcome.returncode != 0
    assert "ib_async or ib_insync" in outcome.stderr


@pytest.mark.req("FUT-F1")
def test_it_can_be_imported_in_a_thread_without_an_event_loop() -> None:
    code = (
        "import threading\n"
        "def load():\n"
        "    from engine.broker import ibapi\n"
        "    print(ibapi.LIB, ibapi.VERSION)\n"
        "thread = threading.Thread(target=load)\n"
        "thread.start(); thread.join()\n"
    )

    outcome = run(code)

    assert outcome.stdout.split() == [ibapi.LIB, ibapi.VERSION], outcome.stderr


def test_nothing_of_the_library_reaches_the_root_logger() -> None:
    code = (
        "import logging\n"
        "from engine.broker import ibapi\n"
        "logging.getLogger(ibapi.LIB + '.client').error('account U1234567')\n"
        "logging.getLogger('eventkit').error('U1234567')\n"
    )

    assert "U1234567" not in run(code).stderr
