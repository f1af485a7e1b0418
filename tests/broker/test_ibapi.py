"""One file knows the library; it can be chosen, and be imported where no event loop is."""

from __future__ import annotations

import ast
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


class _Line:
    """A client as it is right after the handshake, and what its decoder is given."""

    CONNECTED = 2

    def __init__(self, rest: bytes = b"") -> None:
        self.conn, self.decoder = SimpleNamespace(data_received=None), SimpleNamespace(interpret=self._take)
        self._data, self.connState = rest, self.CONNECTED
        self.heard: list[list[str]] = []
        self.packets = 0
        self.hangs_up_at: list[str] | None = None

    def _take(self, fields: list[str]) -> None:
        self.heard.append(fields)
        if fields == self.hangs_up_at:
            self.connState = 0

    def _tcpDataProcessed(self) -> None:
        self.packets += 1


def _message(fields: list[str]) -> bytes:
    payload = "".join(f"{field}\0" for field in fields).encode()
    return len(payload).to_bytes(4, "big") + payload


FIELD = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=5)
MESSAGES = st.lists(st.lists(FIELD, min_size=1, max_size=4), max_size=6)


@given(MESSAGES, st.lists(st.integers(1, 40), max_size=8))
def test_what_arrives_is_read_the_same_however_the_packets_cut_it(
    messages: list[list[str]], cuts: list[int]
) -> None:
    stream = b"".join(map(_message, messages))
    line = _Line(stream[:2])
    ibapi.read_directly(line)
    places = sorted({2, *(at for at in cuts if 2 < at < len(stream)), len(stream)})

    for begin, end in itertools.pairwise(places):
        line.conn.data_received(stream[begin:end])  # type: ignore[misc]  # set by `read_directly`

    assert line.heard == messages
    assert line.packets == len(places) - 1


def test_nothing_is_read_behind_the_message_in_which_we_hung_up() -> None:
    line = _Line()
    line.hangs_up_at = ["9", "1"]
    ibapi.read_directly(line)

    line.conn.data_received(_message(["9", "1"]) + _message(["9", "2"]))  # type: ignore[misc]  # as above

    assert (line.heard, line.packets) == ([["9", "1"]], 1)
