"""Verdicts on the machine and the engine's pace: what is well, what warns, what blocks, at the very limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.reasons import Reason
from engine.health.machine import (
    ClockSync,
    LoopLag,
    Share,
    StorePace,
    clock_problem,
    judge_clock,
    judge_cpu,
    judge_disk,
    judge_loop,
    judge_memory,
    judge_store,
)
from engine.health.verdicts import State, Verdict


@pytest.mark.req("FUT-QA-HEALTH-34")
@pytest.mark.parametrize(
    ("own", "machine", "state"),
    [(3.0, 79.0, State.OK), (79.0, 3.0, State.OK), (3.0, 81.0, State.BAD), (81.0, 3.0, State.BAD)],
)
def test_memory_up_to_its_limit_is_well_and_above_it_blocks(own: float, machine: float, state: State) -> None:
    verdict = judge_memory(Share(own, machine), max_pct=80.0)

    assert verdict.state is state
    assert verdict.reason is (Reason.MEMORY if state is State.BAD else None)


@pytest.mark.req("FUT-QA-HEALTH-34")
@pytest.mark.parametrize(
    ("own", "machine", "state"),
    [(79.0, 79.0, State.OK), (81.0, 81.0, State.BAD), (5.0, 99.0, State.WARN), (None, None, State.NOTE)],
)
def test_our_share_of_the_processors_blocks_and_a_busy_machine_only_warns(
    own: float | None, machine: float | None, state: State
) -> None:
    assert judge_cpu(Share(own, machine), max_pct=80.0).state is state


@pytest.mark.req("REQ-TIME1")
@pytest.mark.parametrize(
    ("sync", "problem"),
    [
        (ClockSync(synced=True, drift_ms=99.0), ""),
        (ClockSync(synced=True, drift_ms=100.0), "a drift of 100 ms"),
        (ClockSync(synced=True, drift_ms=-100.0), "a drift of -100 ms"),
        (ClockSync(synced=True), "an unknown drift"),
        (ClockSync(synced=True, drift_ms=float("nan")), "drift"),
        (ClockSync(synced=False), "not synchronised"),
        (ClockSync(synced=None), "cannot be found out"),
    ],
)
def test_a_clock_is_trusted_only_where_it_is_synchronised_and_drifts_less_than_the_limit(
    sync: ClockSync, problem: str
) -> None:
    found = clock_problem(sync, max_drift_ms=100.0)

    assert problem in found
    assert bool(found) == bool(problem)


@pytest.mark.req("REQ-TIME1")
@pytest.mark.parametrize("sync", [ClockSync(synced=False), ClockSync(synced=None)])
def test_a_clock_that_cannot_be_trusted_blocks_on_a_real_gateway_and_is_told_elsewhere(
    sync: ClockSync,
) -> None:
    strict = judge_clock(sync, max_drift_ms=100.0, strict=True, speed=1.0)
    embedded = judge_clock(sync, max_drift_ms=100.0, strict=False, speed=5.0, simulated=True)
    dry = judge_clock(sync, max_drift_ms=100.0, strict=False, speed=1.0)

    assert dry.state is State.WARN
    assert (strict.state, strict.reason) == (State.BAD, Reason.CLOCK_UNSYNCED)
    assert embedded.state is State.NOTE
    assert "5x real time" in embedded.text


def test_an_exchange_clock_that_stands_is_told() -> None:
    standing = judge_clock(ClockSync(synced=True, drift_ms=1.0), max_drift_ms=100.0, strict=False, speed=0.0)

    assert (standing.state, standing.text) == (State.WARN, "exchange clock stands")


@pytest.mark.parametrize(
    ("lag", "state"),
    [
        (LoopLag(100.0, 100.0), State.OK),
        (LoopLag(900.0, 0.0), State.WARN),
        (LoopLag(900.0, 101.0), State.BAD),
    ],
)
def test_one_stall_of_the_loop_warns_and_a_loop_that_stays_late_blocks(lag: LoopLag, state: State) -> None:
    assert judge_loop(lag, max_ms=100.0).state is state


@pytest.mark.parametrize(
    ("pace", "state", "reason"),
    [
        (StorePace(True, None, None), State.OK, None),
        (StorePace(True, 1.0, 2.0), State.OK, None),
        (StorePace(True, 1.0, 300.0), State.WARN, None),
        (StorePace(True, 1001.0, 2000.0), State.BAD, Reason.STORE_SLOW),
        (StorePace(True, 1.0, 2.0, waiting_ms=1001.0), State.BAD, Reason.STORE_SLOW),
        (StorePace(False, 1.0, 2.0), State.BAD, Reason.STORE_DOWN),
    ],
)
def test_a_store_that_takes_too_long_blocks(pace: StorePace, state: State, reason: Reason | None) -> None:
    verdict = judge_store(pace, max_ms=1000.0)

    assert (verdict.state, verdict.reason) == (state, reason)


@pytest.mark.parametrize(
    ("free_mb", "state"),
    [(None, State.WARN), (199.0, State.BAD), (201.0, State.WARN), (401.0, State.OK), (80_000.0, State.OK)],
)
def test_a_disk_without_room_blocks(free_mb: float | None, state: State) -> None:
    assert judge_disk(free_mb, min_mb=200.0).state is state


@given(
    own=st.none() | st.floats(allow_nan=False, min_value=0, max_value=1000),
    limit=st.floats(min_value=1, max_value=100),
)
def test_what_blocks_always_names_its_reason_value_and_limit(own: float | None, limit: float) -> None:
    verdicts: list[Verdict] = [
        judge_memory(Share(own, None), max_pct=limit),
        judge_cpu(Share(own, None), max_pct=limit),
        judge_disk(own, min_mb=limit),
    ]

    for verdict in verdicts:
        blocks = verdict.state is State.BAD
        assert (verdict.reason is not None) == blocks
        assert not blocks or (verdict.value and verdict.limit)
