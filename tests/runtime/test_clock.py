"""Two clocks that never mix, and an embedded exchange's time read from its status file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.runtime.clock import GatewayClock, SystemClock, ToldClock, VirtualClock

EPOCH = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


class Hand:
    """A monotonic source moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def publish(path: Path, *, epoch: datetime, monotonic: float, speed: float) -> None:
    status = {"epoch": epoch.timestamp(), "monotonic_anchor": monotonic, "speed": speed}
    path.with_suffix(".new").write_text(json.dumps(status))
    path.with_suffix(".new").replace(path)


def test_exchange_time_runs_at_the_published_speed(tmp_path: Path) -> None:
    hand = Hand()
    publish(tmp_path / "status.json", epoch=EPOCH, monotonic=90.0, speed=60.0)
    clock = GatewayClock(tmp_path / "status.json", monotonic=hand)

    assert clock.now() == EPOCH + timedelta(seconds=600)
    hand.now_s += 1.0
    assert clock.now() == EPOCH + timedelta(seconds=660)
    assert clock.speed == 60.0
    assert clock.monotonic() == hand.now_s


def test_a_changed_status_is_followed(tmp_path: Path) -> None:
    hand = Hand()
    path = tmp_path / "status.json"
    publish(path, epoch=EPOCH, monotonic=100.0, speed=1.0)
    clock = GatewayClock(path, monotonic=hand)
    assert clock.now() == EPOCH

    publish(path, epoch=EPOCH + timedelta(days=3), monotonic=101.0, speed=0.0)
    hand.now_s = 102.0

    assert clock.now() == EPOCH + timedelta(days=3)
    assert clock.speed == 0.0


def test_a_broken_or_missing_status_leaves_the_last_good_time_in_force(tmp_path: Path) -> None:
    hand = Hand()
    path = tmp_path / "status.json"
    publish(path, epoch=EPOCH, monotonic=100.0, speed=2.0)
    clock = GatewayClock(path, monotonic=hand)
    clock.now()

    for broken in ('{"epoch": 1', "[]", '{"epoch": "x"}'):
        path.write_text(broken)
        hand.now_s += 1.0
        assert clock.now() == EPOCH + timedelta(seconds=2 * (hand.now_s - 100.0))
    path.unlink()
    hand.now_s += 1.0
    assert clock.now() == EPOCH + timedelta(seconds=8)


def test_without_any_status_it_is_the_machines_time(tmp_path: Path) -> None:
    clock = GatewayClock(tmp_path / "none.json")

    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5.0
    assert SystemClock().now().tzinfo is UTC
    assert SystemClock().speed == clock.speed == 1.0


def test_a_virtual_clock_moves_both_times_and_only_when_told() -> None:
    clock = VirtualClock(EPOCH, speed=10.0)
    clock.advance(2.0)

    assert clock.now() == EPOCH + timedelta(seconds=20)
    assert clock.monotonic() == 2.0


def test_a_time_told_once_goes_on_with_real_time() -> None:
    hand = Hand()
    clock = ToldClock(EPOCH, monotonic=hand)

    hand.now_s += 2.5
    assert clock.now() == EPOCH + timedelta(seconds=2.5)
    assert (clock.speed, clock.monotonic()) == (1.0, hand.now_s)
