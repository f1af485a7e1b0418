"""No coroutine of the product calls what blocks its loop: searched for in the source, not hoped for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.req("FUT-DO-1")

ROOT = Path(__file__).resolve().parents[2]
BLOCKING = frozenset(
    {
        "time.sleep",
        "sqlite3.connect",
        "requests.get",
        "requests.post",
        "urllib.request.urlopen",
        "socket.create_connection",
        "subprocess.run",
        "subprocess.call",
        "subprocess.check_call",
        "subprocess.check_output",
        "os.system",
        "os.fsync",
        "shutil.rmtree",
        "shutil.copyfile",
        "input",
        "open",
        "asyncio.run",
        "util.sleep",
        "ib.sleep",
        "ib.connect",
        "ib.run",
        "client.connect",
    }
)


def _own_nodes(function: ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """What runs on the loop: not the functions defined inside, which may be meant for a thread."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _blocking(source: str) -> list[str]:
    if "async def" not in source:
        return []  # reading it would be most of the search
    return [
        f"{function.name}:{node.lineno} {ast.unparse(node.func)}"
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.AsyncFunctionDef)
        for node in _own_nodes(function)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in BLOCKING
    ]


@pytest.mark.parametrize("room", ["engine", "cockpit"])
def test_no_coroutine_calls_what_blocks(room: str) -> None:
    found = {
        path.relative_to(ROOT).as_posix(): calls
        for path in (ROOT / room).rglob("*.py")
        if (calls := _blocking(path.read_text(encoding="utf-8")))
    }

    assert found == {}


def test_the_search_finds_what_it_looks_for() -> None:
    source = "async def a():\n    os.system('x')\n    def b():\n        open('x')\n    sqlite3.connect('y')\n"

    assert sorted(_blocking(source)) == ["a:2 os.system", "a:5 sqlite3.connect"]


@pytest.mark.parametrize("library", ["requests", "nest_asyncio", "urllib.request", "http.client"])
def test_no_file_imports_a_library_that_only_blocks(library: str) -> None:
    importing = [
        path.relative_to(ROOT).as_posix()
        for room in ("engine", "cockpit")
        for path in (ROOT / room).rglob("*.py")
        if library.rpartition(".")[2] in (source := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Import) and library in {name.name for name in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module == library)
    ]

    assert importing == []
