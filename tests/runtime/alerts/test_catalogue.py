"""The catalogue: every alert of the engine is listed, and each has its place in the runbook."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from engine.api import EventView, Level
from engine.runtime.alerts.catalogue import CATALOGUE, AlertRule, rule_of
from engine.runtime.alerts.keeper import AlertKeeper
from engine.runtime.alerts.notices import Notices
from tests.builders import TEN
from tests.execution.rig import rig
from tests.virtual_time import pass_time, virtual

ROOT = Path(__file__).parents[3]
COMPUTED = {
    "engine/runtime/reconcile/words.py",
    "engine/runtime/guards/overdue.py",
    "engine/runtime/upkeep.py",
    "engine/runtime/guards/risk_watch.py",
    "engine/runtime/breakers/faults.py",
}
"""Where a code is an argument; the words it can be stand in the same file."""

EVENTS = {
    "crash recovered": "previous_session_crashed",
    "reconciliation mismatch": "reconcile_mismatch",
    "position open > 4 hours": "position_age",
    "forced close": "forced_close",
    "missing or rejected stop": "naked",
    "disconnection": "link_down",
    "kill-switch": "kill",
    "staleness": "staleness",
    "health": "health",
    "cap breach": "cap_breach",
    "drawdown breach": "drawdown",
    "breaker trip": "breaker_loop",
    "drift": "drift",
    "SLO violation": "slo_violation",
}


def _raises() -> Iterator[tuple[str, ast.Module, ast.Call]]:
    for path in sorted((ROOT / "engine").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "raise_alert" not in text:
            continue
        tree = ast.parse(text)
        for node in ast.walk(tree):
            called = node.func if isinstance(node, ast.Call) else None
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name == "raise_alert":
                yield path.relative_to(ROOT).as_posix(), tree, cast(ast.Call, node)


def _constant(tree: ast.Module, name: str) -> str | None:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        named = any(isinstance(t, ast.Name) and t.id == name for t in targets)
        if named and isinstance(getattr(node, "value", None), ast.Constant):
            return str(ast.literal_eval(node.value))  # type: ignore[attr-defined]  # both kinds have one
    return None


@pytest.mark.req("PS60-ALERTS")
def test_every_alert_that_the_engine_raises_is_in_the_catalogue() -> None:
    found = 0
    for place, tree, call in _raises():
        code = call.args[1]
        if isinstance(code, ast.Constant):
            name: str | None = str(code.value)
        else:
            name = _constant(tree, code.id) if isinstance(code, ast.Name) else None
            if name is None:
                assert place in COMPUTED, f"{place}:{call.lineno}: the code cannot be read from the file"
                continue
        found += 1
        assert name is not None
        assert rule_of(name) is not None, f"{place}:{call.lineno}: {name} is not in the catalogue"
    assert found > 20


COMPUTED_CODES = (
    *("orphan", "strange_order", "fraction", "upkeep_stops", "daily_loss", "drawdown"),
    *("repeated_execution", "surfaced_order", "unknown_order", "breaker_error_rate", "breaker_loop"),
)

NOT_RAISED = {"drift"}
"""There is no model yet that could drift."""


def test_codes_that_are_computed_are_in_the_catalogue_too() -> None:
    for code in COMPUTED_CODES:
        assert rule_of(code) is not None
    assert rule_of("upkeepers") is None


@pytest.mark.req("PS60-ALERTS")
def test_every_code_of_the_catalogue_is_raised_somewhere() -> None:
    raised = {"upkeep" if code.startswith("upkeep_") else code for code in COMPUTED_CODES}
    for _, tree, call in _raises():
        code = call.args[1]
        if isinstance(code, ast.Constant):
            raised.add(str(code.value))
        elif isinstance(code, ast.Name):
            raised.add(_constant(tree, code.id) or "")

    assert CATALOGUE.keys() - raised == NOT_RAISED


@pytest.mark.parametrize("rule", CATALOGUE.values(), ids=lambda rule: rule.code)
def test_every_alert_has_its_place_in_the_runbook_and_says_what_to_do(rule: AlertRule) -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")

    assert runbook.count(f'<a id="{rule.anchor}"></a>') == 1
    assert rule.to_do
    assert rule.level in (Level.WARNING, Level.ERROR, Level.CRITICAL)


@pytest.mark.req("PS60-ALERTS")
@pytest.mark.parametrize("code", EVENTS.values(), ids=EVENTS.keys())
@virtual
async def test_each_event_is_exactly_one_alert_in_table_snapshot_and_log(code: str, tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        log: list[EventView] = []
        notices = Notices(now=lambda: TEN, monotonic=it.desk.clock.monotonic, log=log.append)
        await AlertKeeper(notices, store=it.store, spawn=it.spawn).round()
        level = CATALOGUE[code].level
        notices.raise_alert(level, code, "what happened", symbol="SPY")
        await pass_time(0.5)

        (alert,) = notices.alerts
        assert (alert.level, alert.code, alert.symbol, alert.text, alert.at) == (
            *(level, code, "SPY", "what happened"),
            TEN,
        )
        assert alert.to_do
        assert [(e.kind, e.level, e.symbol, e.text) for e in log] == [
            ("alert", level, "SPY", "what happened")
        ]
        rows = await it.rows("SELECT id, level, code, symbol, text FROM alert")
        assert rows == [(alert.alert_id, level.value, code, "SPY", "what happened")]
        assert notices.acknowledge(alert.alert_id) is not None
