"""No instrument stands in the learned trader: what it trades is found, how it trades is learnt."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = [*(ROOT / "engine/learning").glob("*.py"), *(ROOT / "engine/strategy").glob("learned*.py")]


def words(file: Path) -> Iterator[str]:
    """Every string that the code itself uses; what is told to readers and types is not."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.req("FUT-GOAL")
def test_no_root_or_exchange_of_a_future_is_written_into_it() -> None:
    known = tomllib.loads((ROOT / "engine/market/data/futures_roots.toml").read_text())
    names = set(_names(known))
    assert "ES" in names
    assert len(CODE) > 20
    assert [(file.name, word) for file in CODE for word in words(file) if word in names] == []


def _names(table: object) -> Iterator[str]:
    """Roots and exchanges, wherever the file puts them."""
    if isinstance(table, dict):
        for key, value in table.items():
            if key.isupper():
                yield key
            yield from _names(value)
    elif isinstance(table, list):
        for one in table:
            yield from _names(one)
    elif isinstance(table, str) and table.isupper():
        yield table
