"""The machine's clock: what the kernel's figures mean; trading on a real gateway needs a good one."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import Mode
from engine.config import Config
from engine.health.machine import ClockSync
from engine.runtime.clock import SystemClock
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.health.clock_sync import judged, read_clock_sync, refuse_bad_clock
from engine.runtime.process.errors import RefusedError
from engine.runtime.process.options import GatewayEndpoint, GatewayKind, RunOptions

UNSYNCED, NANOSECONDS = 0x40, 0x2000


@pytest.mark.req("REQ-TIME1")
@pytest.mark.parametrize(
    ("answer", "status", "offset", "esterror", "found"),
    [
        (0, 0, 99_000, 2_000, ClockSync(synced=True, drift_ms=99.0)),
        (0, NANOSECONDS, -99_000_000, 2_000, ClockSync(synced=True, drift_ms=99.0)),
        (0, NANOSECONDS, 1_000, 120_000, ClockSync(synced=True, drift_ms=120.0)),
        (5, 0, 0, 0, ClockSync(synced=False)),
        (0, UNSYNCED, 0, 0, ClockSync(synced=False)),
    ],
)
def test_the_kernels_figures(answer: int, status: int, offset: int, esterror: int, found: ClockSync) -> None:
    assert judged(answer, status=status, offset=offset, esterror_us=esterror) == found


def test_this_machine_says_something() -> None:
    sync = read_clock_sync()

    assert sync.synced is not True or (sync.drift_ms is not None and sync.drift_ms >= 0)


def options(kind: GatewayKind, mode: Mode) -> RunOptions:
    """A run on that gateway."""
    gateway = GatewayEndpoint(kind, "127.0.0.1", 7497, "DU1")
    return RunOptions(mode, False, "run", Path(), gateway, SystemClock(), LoopLagProbe(), "0")


@pytest.mark.req("REQ-TIME1")
@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.LIVE])
@pytest.mark.parametrize(
    ("sync", "words"),
    [
        (ClockSync(synced=True, drift_ms=100.0), "drift of 100 ms"),
        (ClockSync(synced=False), "not synchronised"),
        (ClockSync(synced=None), "cannot be found out"),
    ],
)
def test_a_start_on_a_real_gateway_is_refused_with_the_reason(
    mode: Mode, sync: ClockSync, words: str
) -> None:
    with pytest.raises(RefusedError, match=words) as refused:
        refuse_bad_clock(Config(), options("tws", mode), read=lambda: sync)

    assert refused.value.exit_code == 4


@pytest.mark.req("REQ-TIME1")
@pytest.mark.parametrize(
    ("kind", "mode", "sync"),
    [
        ("tws", Mode.PAPER, ClockSync(synced=True, drift_ms=99.0)),
        ("tws", Mode.DRY_RUN, ClockSync(synced=None)),
        ("embedded", Mode.PAPER, ClockSync(synced=False)),
    ],
)
def test_a_good_clock_starts_and_a_dry_run_and_a_simulation_go_without(
    kind: GatewayKind, mode: Mode, sync: ClockSync
) -> None:
    refuse_bad_clock(Config(), options(kind, mode), read=lambda: sync)
