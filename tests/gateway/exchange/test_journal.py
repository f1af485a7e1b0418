"""The journal: nothing acknowledged is lost, nothing damaged is trusted."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.gateway.journal import Journal, JournalError
from engine.gateway.model import Executed
from tests.gateway.exchange.world import World, at


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("journal-*.jsonl"))


def reopened(folder: Path) -> list[dict[str, object]]:
    journal = Journal(folder)
    journal.close()
    return journal.records


def written(folder: Path, *numbers: int) -> Path:
    journal = Journal(folder)
    for number in numbers:
        journal.append({"value": number}, at=float(number))
    journal.close()
    return segments(folder)[-1]


def test_what_was_appended_comes_back_in_order(tmp_path: Path) -> None:
    written(tmp_path, 1, 2)
    written(tmp_path, 3)

    assert [r["value"] for r in reopened(tmp_path)] == [1, 2, 3]


def test_a_line_is_on_disk_before_append_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append({"value": 1}, at=1.0)

    assert b'"value":1' in segments(tmp_path)[0].read_bytes()
    assert segments(tmp_path)[0].stat().st_mode & 0o077 == 0
    journal.close()


def test_every_append_is_synced_and_the_clock_at_least_every_five_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, wall = os.fsync, [0.0]
    synced: list[int] = []

    def counting(handle: int) -> None:
        synced.append(handle)
        real(handle)

    monkeypatch.setattr(os, "fsync", counting)
    journal = Journal(tmp_path, monotonic=lambda: wall[0])

    def syncs_of(act: Callable[[], None]) -> int:
        before = len(synced)
        act()
        return len(synced) - before

    assert syncs_of(lambda: journal.append({"value": 1}, at=1.0)) == 1
    assert syncs_of(lambda: journal.mark_clock(2.0)) == 0
    wall[0] = 5.0
    assert syncs_of(lambda: journal.mark_clock(3.0)) == 1
    journal.close()


@pytest.mark.parametrize("lost", [1, 2, 10, 25])
def test_a_torn_last_line_is_cut_off_and_said_so(tmp_path: Path, lost: int) -> None:
    path = written(tmp_path, 1, 2, 3)
    os.truncate(path, path.stat().st_size - lost)

    journal = Journal(tmp_path)
    journal.append({"value": 4}, at=4.0)
    journal.close()

    assert "line 3" in journal.repaired
    assert [r["value"] for r in reopened(tmp_path)] == [1, 2, 4]


def test_damage_before_the_end_names_the_file_and_the_line(tmp_path: Path) -> None:
    path = written(tmp_path, 1, 2, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"value":2', b'"value":7')
    path.write_bytes(b"".join(lines))

    with pytest.raises(JournalError, match=rf"{path.name} is damaged at line 2"):
        Journal(tmp_path)
    assert path.read_bytes() == b"".join(lines)


def test_a_missing_record_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, 1, 2, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])

    with pytest.raises(JournalError, match="record 2 is missing"):
        Journal(tmp_path)


def test_a_damaged_snapshot_is_an_error(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append({"value": 1}, at=1.0)
    journal.compact({"value": 1})
    journal.close()
    snapshot = tmp_path / "snapshot.json"
    snapshot.write_bytes(snapshot.read_bytes().replace(b'"value":1', b'"value":2'))

    with pytest.raises(JournalError, match=r"snapshot\.json is damaged"):
        Journal(tmp_path)


def test_compaction_leaves_a_snapshot_and_an_empty_segment(tmp_path: Path) -> None:
    journal = Journal(tmp_path, compact_bytes=100)
    for number in range(5):
        journal.append({"value": number}, at=float(number))
    full = journal.wants_compaction

    journal.compact({"sum": 10})
    journal.append({"value": 5}, at=5.0)
    journal.close()

    assert (full, journal.wants_compaction) == (True, False)
    assert len(segments(tmp_path)) == 1
    first, second = reopened(tmp_path)
    assert first == {"snapshot": {"sum": 10}}
    assert second["value"] == 5


def test_a_crash_between_snapshot_and_clean_up_repeats_nothing(tmp_path: Path) -> None:
    old = written(tmp_path, 1, 2)
    kept = old.read_bytes()
    journal = Journal(tmp_path)
    journal.compact({"sum": 3})
    journal.close()
    old.write_bytes(kept)

    assert reopened(tmp_path) == [{"snapshot": {"sum": 3}}]


def test_the_clock_comes_back_as_far_as_it_was_marked(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append({"value": 1}, at=50.0)
    journal.mark_clock(70.0)
    journal.close()

    again = Journal(tmp_path)
    again.close()

    assert again.clock == 70.0
    assert len(again.records) == 1


def test_a_full_disk_is_an_error_and_loses_only_what_was_not_acknowledged(tmp_path: Path) -> None:
    path = written(tmp_path, 1)
    journal = Journal(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
    try:
        with pytest.raises(JournalError, match="cannot be written"):
            journal.append({"value": 2}, at=2.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with pytest.raises(JournalError, match="takes no further orders"):
        journal.append({"value": 3}, at=3.0)
    journal.close()
    assert path.exists()
    assert [r["value"] for r in reopened(tmp_path)] == [1]


def test_an_unusable_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(JournalError, match="cannot be read"):
        Journal(tmp_path / "file")


def test_an_exchange_comes_back_exactly(world: World) -> None:
    world.buy(100, "LMT", limit_price=100.01, transmit=False)
    world.sell(100, "LMT", limit_price=102.0, parent_id=1, transmit=False, tif="GTC")
    world.sell(100, "TRAIL", aux_price=0.5, parent_id=1, tif="GTC")
    world.buy(40_000)
    world.sell(2, con_id=2)
    world.print(101.0)
    before = world.exchange.dump()

    world.restart()

    assert world.exchange.dump() == before
    assert world.exchange.next_order_id(7) == 6
    assert world.order(3).stop_price == 100.5


def test_ids_stay_unique_over_restarts(world: World) -> None:
    seen = set()
    for _ in range(3):
        for event in world.buy(10):
            if isinstance(event, Executed):
                seen.add((event.order.perm_id, event.execution.exec_id))
        world.restart()

    perm_ids, exec_ids = zip(*sorted(seen), strict=True)
    assert len(set(perm_ids)) == len(set(exec_ids)) == 3
    assert exec_ids[0] == "0000e0d5.00000001.01.01"


def test_a_snapshot_holds_all_that_the_lines_held(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.quote(99.99, 100.01, size=500)
    world.buy(100)
    world.buy(100, "LMT", limit_price=99.0)
    before = world.exchange.dump()
    world.journal.compact(before)
    world.restart()

    assert world.exchange.dump() == before
    assert len(segments(tmp_path)) == 1
    world.close()


def test_the_journal_stays_small_over_many_days(tmp_path: Path) -> None:
    world = World(tmp_path, compact_bytes=20_000)
    for day in (4, 5, 6, 7, 8):
        world.go(at(day, 10))
        for step in range(20):
            world.quote(99.99, 100.01, size=200 + step)
            world.buy(1)
            world.sell(1)
    world.close()

    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 80_000


def test_a_journal_of_another_account_is_refused(world: World) -> None:
    world.buy(100)
    world.close()

    world.account = "DU2"
    with pytest.raises(JournalError, match="belongs to account DU1, not DU2"):
        world.open()


_WRITER = """
import sys
from pathlib import Path
from tests.gateway.exchange.world import World

world = World(Path(sys.argv[1]))
step = 0
while True:
    step += 1
    world.quote(99.99, 100.01, size=200 + step % 7)
    world.buy(1)
    world.sell(1, "LMT", limit_price=99.99)
    dump = world.exchange.dump()
    print(len(dump["orders"]["fills"]), dump["account"]["cash"], flush=True)
"""


@pytest.mark.slow
def test_what_a_killed_process_acknowledged_is_there(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(20)][-1]
    process.kill()
    rest = process.stdout.read().splitlines()
    process.stdout.close()
    process.wait()
    acknowledged = int((rest[-1] if rest else told).split()[0])

    world = World(tmp_path)
    dump = world.exchange.dump()
    world.close()

    fills = dump["orders"]["fills"]
    assert acknowledged <= len(fills) <= acknowledged + 2
    assert len({fill[0] for fill in fills}) == len(fills)
    held = sum(row[1] for row in dump["account"]["holdings"])
    assert held in (0, 1)


def test_a_child_that_ended_yesterday_is_forgotten_with_its_parent_and_not_only_by_a_restart(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.quote(100.00, 100.02)
    world.buy(10, "LMT", limit_price=99.00, tif="GTC", transmit=False)
    world.sell(10, "LMT", limit_price=101.00, tif="DAY", parent_id=1, transmit=True)
    world.go(at(5, 10))
    world.cancel(1)
    before = world.exchange.dump()
    world.journal.compact(before)
    world.restart()

    assert world.exchange.dump() == before
    assert [o.request.order_id for o in world.exchange.completed_orders()] == [1]
    world.close()
