"""The contract survives the wire: whatever goes in comes out."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.api import Command, Outcome, Snapshot
from engine.api_recovery import RecoveryChoice, RecoveryKind, RecoveryRow, RecoveryView
from engine.runtime.process import wire
from engine.runtime.shell.status import document, farewell, text
from tests.examples import examples
from tests.runtime.small_core import SPY, first_snapshot

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
st.register_type_strategy(datetime, MOMENTS)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))

SLOW = settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(st.from_type(Snapshot))
def test_a_snapshot_comes_back_as_it_was(snapshot: Snapshot) -> None:
    line = wire.encode("snapshot", data=wire.dump(snapshot))

    assert wire.load_snapshot(wire.decode(line)["data"]) == snapshot
    assert line.count(b"\n") == 1


@SLOW
@given(st.from_type(Command))
def test_a_command_comes_back_as_it_was(command: Command) -> None:
    assert wire.load_command(wire.decode(wire.encode("command", data=wire.dump(command)))["data"]) == command


@SLOW
@given(st.from_type(Outcome))
def test_an_outcome_comes_back_as_it_was(outcome: Outcome) -> None:
    assert wire.load_outcome(wire.decode(wire.encode("outcome", data=wire.dump(outcome)))["data"]) == outcome


def test_a_number_that_is_none_still_arrives() -> None:
    odd = replace(first_snapshot(), positions=(replace(SPY, last=math.nan, exposure_usd=math.inf),))

    back = wire.load_snapshot(wire.decode(wire.encode("snapshot", data=wire.dump(odd)))["data"])

    assert math.isnan(back.positions[0].last or 0.0)
    assert back.positions[0].exposure_usd == math.inf


@given(st.binary(max_size=200))
def test_no_line_of_bytes_does_more_than_raise_its_own_error(line: bytes) -> None:
    try:
        message = wire.decode(line)
    except wire.WireError:
        return
    for load in (wire.load_snapshot, wire.load_command, wire.load_outcome):
        with pytest.raises(wire.WireError):
            load(message)


@SLOW
@given(st.from_type(Snapshot))
def test_status_tells_every_snapshot_without_control_characters(snapshot: Snapshot) -> None:
    shown = [text(snapshot), *farewell(snapshot)]

    assert all(line.isprintable() for part in shown for line in part.split("\n"))
    assert document(snapshot)["positions"] == [] or snapshot.positions


@pytest.mark.req("CARD-CLI")
def test_status_as_json_has_the_names_that_programs_rely_on() -> None:
    found = document(first_snapshot())

    assert {"engine_state", "mode", "gateway", "account", "clock", "brakes", "orders", "pnl"} <= found.keys()
    assert found["health"]["loop_lag_max_ms"] == 0.0
    assert {"symbol", "quantity", "avg_price", "protected_quantity", "owner"} <= found["positions"][0].keys()


@pytest.mark.req("CARD-CLI", "CARD-ORPHANS")
def test_status_says_what_waits_for_a_decision_and_what_nobody_has_verified() -> None:
    waits = RecoveryRow(
        row_id="position 1",
        kind=RecoveryKind.ORPHAN,
        symbol="META",
        ours=0,
        ours_text="nothing",
        broker=-30.0,
        broker_text="30 short",
        difference="orphan",
        since=None,
        last_order="",
        unrealized_usd=None,
        choices=(RecoveryChoice.ADOPT, RecoveryChoice.CLOSE),
        proposal="adopt",
    )
    snapshot = replace(
        first_snapshot(),
        recovery=RecoveryView(rows=(waits,), crashed=True),
        positions=(replace(SPY, is_verified=False),),
    )

    found, told = document(snapshot)["recovery"], text(snapshot)

    assert (found["waiting"], found["unverified"], found["crashed"]) == (1, 1, True)
    assert found["rows"][0]["choices"] == ["adopt", "close"]
    assert "1 waiting for a decision: cockpit attach, then O" in told
    assert "META     we knew nothing, broker has 30 short: orphan · adopt, close" in told
    assert "UNVERIFIED" in told
    assert "waiting" not in text(first_snapshot())
