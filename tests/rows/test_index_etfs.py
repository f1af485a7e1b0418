"""US index ETFs are traded by configuration alone: the sample names them, no code does."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from engine.config import load
from engine.runtime import catalogue

ROOT = Path(__file__).parents[2]
ETFS = {"SPY", "QQQ", "DIA", "IWM"}


@pytest.mark.req("PLAN-CTX-MKT")
def test_the_sample_names_the_index_etfs_loads_and_the_paper_exchange_lists_them(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    samples = re.findall(r"```toml\n(\[strategies\..*?)```", text, flags=re.DOTALL)
    (sample,) = (one for one in samples if "DIA" in one)
    file = tmp_path / "cockpit.toml"
    file.write_text(sample, encoding="utf-8")
    loaded = load(path=file, environ={}, cwd=tmp_path)
    catalogue.check(loaded)
    assert {s for section in loaded.config.strategies.values() for s in section.symbols} == ETFS

    listed = tomllib.loads((ROOT / "engine/gateway/data/instruments.toml").read_text(encoding="utf-8"))
    assert set(listed["stock"]) >= ETFS


@pytest.mark.req("PLAN-CTX-MKT")
def test_no_code_that_decides_names_a_symbol() -> None:
    rooms = ("domain", "ledger", "risk", "strategy", "market", "execution", "runtime", "broker")
    trees = {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for room in rooms
        for path in sorted((ROOT / "engine" / room).rglob("*.py"))
    }
    named = [
        (name, node.value)
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in ETFS
    ]
    assert named == []
