"""Positions have one holder: nobody else keeps, changes or makes them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOLDER = frozenset({"engine/ledger/positions.py", "engine/ledger/track.py"})
MAKER = "engine/ledger/changes.py"
"""Where a leg is turned into the position the others read."""
CHANGING = frozenset({"pop", "popitem", "update", "setdefault", "clear", "append", "remove", "__setitem__"})


def sources(*words: str) -> Iterator[tuple[str, ast.Module]]:
    """Modules with one of the words; not the paper gateway, which plays the broker and shares nothing."""
    for room in ("engine", "cockpit"):
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith("engine/gateway/") and name not in HOLDER:
                text = path.read_text(encoding="utf-8")
                if any(word in text for word in words):
                    yield name, ast.parse(text)


def is_positions(node: ast.expr) -> bool:
    """True for `positions`, `self._positions`, `x.positions` …"""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.lstrip("_") in {"positions", "open_positions", "position_by_key"}


def changes_of_positions(tree: ast.Module) -> Iterator[int]:
    """Lines that assign to, delete from or change a mapping of positions in place."""
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = list(node.targets)
        elif isinstance(node, ast.AugAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Subscript) and is_positions(target.value):
                yield target.lineno
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in CHANGING and is_positions(called.value):
            yield called.lineno


def makes_a_position(tree: ast.Module) -> Iterator[int]:
    """Lines that call a constructor of positions, or have one made."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        has_it = any(isinstance(one, ast.Name) and one.id == "Position" for one in node.args)
        if node.func.id == "Position" or (node.func.id == "maker" and has_it):
            yield node.lineno


@pytest.mark.req("REQ-ARCH-001", "REQ-POS-001")
def test_nobody_but_the_position_manager_changes_a_mapping_of_positions():
    told = sources("positions", "position_by_key")
    assert {name: lines for name, tree in told if (lines := list(changes_of_positions(tree)))} == {}


@pytest.mark.req("REQ-ARCH-001", "REQ-POS-001")
def test_nobody_but_the_ledger_makes_a_position():
    makers = {name for name, tree in sources("Position") if list(makes_a_position(tree))}
    assert makers == {MAKER}


@pytest.mark.parametrize(
    "line",
    ["self._positions['SPY'] = x", "del positions[key]", "a.positions.pop('SPY')", "positions['X'] += 1"],
)
def test_the_scan_would_see_one(line):
    assert list(changes_of_positions(ast.parse(line))) == [1]
