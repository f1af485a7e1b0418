"""What a soak day is judged by: an error counts unless a drill of that moment announces it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engine.api_recovery import RecoveryChoice, RecoveryKind, RecoveryRow
from engine.runtime.alerts.catalogue import rule_of
from tests.soak_day.drills import DRILLS
from tests.soak_day.market import write_tape
from tests.soak_day.operator import verb_for
from tests.soak_day.verdict import Alerted, Drilled, ErrorLine, error_lines, unannounced

LINK_LOSS = next(drill for drill in DRILLS if drill.name == "link-loss")
WENT = Drilled(LINK_LOSS, "cut for 1 s", began=1000.0, ended=1012.0)
ALERTS = (Alerted("link_down", "", "line to the broker: lost"), Alerted("naked", "Z001", "Z001: no stop"))


def line(text: str, *, at: float = 1001.0, kind: str = "alert", symbol: str = "") -> ErrorLine:
    """A line at ERROR."""
    return ErrorLine(at, "error", kind, symbol, text)


@pytest.mark.parametrize(
    "said",
    [
        line("line to the broker: lost"),
        line("line to the broker: lost (alert 1 stands, 2 times so far)", at=1020.0),
        line("exit not done: Z001: cancel not confirmed", kind="strategy"),
    ],
)
def test_what_a_drill_announces_is_no_error_of_the_day(said: ErrorLine) -> None:
    assert unannounced([said], [WENT], ALERTS) == []


@pytest.mark.parametrize(
    "said",
    [
        line("line to the broker: lost", at=990.0),
        line("line to the broker: lost", at=1030.0),
        line("Z001: no stop", symbol="Z001"),
        line("line to the broker: lost", kind="None"),
        line("bar.failed ZeroDivisionError", kind="None"),
    ],
)
def test_whatever_else_is_logged_as_an_error_fails_the_day(said: ErrorLine) -> None:
    assert unannounced([said], [WENT], ALERTS) == [said]


def test_only_lines_of_error_and_worse_are_read_from_the_log_oldest_first(tmp_path: Path) -> None:
    written = [
        {"timestamp": "2026-11-22T05:00:02.000000Z", "level": "critical", "event": "b", "kind": "order"},
        {"timestamp": "2026-11-22T05:00:01.000000Z", "level": "error", "event": "a", "error": "why"},
        {"timestamp": "2026-11-22T05:00:00.000000Z", "level": "warning", "event": "no"},
    ]
    (tmp_path / "day.log").write_text("\n".join(map(json.dumps, written)), encoding="utf-8")

    assert [(e.level, e.text) for e in error_lines(tmp_path)] == [("error", "a why"), ("critical", "b")]


def test_every_announced_code_is_one_that_the_engine_has() -> None:
    assert [code for drill in DRILLS for code in drill.announces if rule_of(code) is None] == []


def test_an_order_of_unknown_fate_is_cancelled_only_where_it_works() -> None:
    row = RecoveryRow(
        row_id="ref ck-1-stop",
        kind=RecoveryKind.UNKNOWN_ORDER,
        symbol="Z001",
        ours=None,
        ours_text="",
        broker=None,
        broker_text="",
        difference="fate unknown",
        since=None,
        last_order="",
        unrealized_usd=None,
        choices=(RecoveryChoice.CANCEL, RecoveryChoice.NOT_SENT),
        proposal="",
    )
    dice = random.Random(1)

    assert verb_for(row, [{"ref": "ck-1-stop"}], dice) == "cancel"
    assert verb_for(row, [{"ref": "ck-2-stop"}, {"ref": ""}], dice) == "not-sent"


def test_the_same_seed_writes_the_same_day(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_tape(tmp_path / name, 2, seed=7)

    one, two = (pq.read_table(tmp_path / name / "day_quote.parquet") for name in ("one", "two"))
    assert one.equals(two)
    assert one.column("bid").to_pylist()[0] > 0
