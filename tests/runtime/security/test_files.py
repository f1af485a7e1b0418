"""What lies in the state folder is its owner's alone; what others put there is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runtime.security.files import make_private, open_to_others
from engine.store.connection import make_private_file


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def put(path: Path, *, open_to_all: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    path.chmod(0o644 if open_to_all else 0o600)
    return path


@pytest.mark.req("REQ-SEC1")
def test_a_start_takes_files_and_folders_from_others(tmp_path: Path) -> None:
    state = tmp_path / "state"
    files = [
        put(state / "logs" / "trader_20261120.log"),
        put(state / "tws-DU1" / "cockpit.db"),
        put(state / "tws-DU1" / "backups" / "b.db"),
        put(state / "overrides-tws.toml"),
        put(state / "KILL.taken-20261120T100000Z"),
    ]
    keep = put(state / ".gitkeep")
    state.chmod(0o755)

    changed = make_private(state)

    assert state in changed
    assert {mode(path) for path in files} == {0o600}
    assert {mode(path.parent) for path in files} == {0o700}
    assert mode(keep) == 0o644
    assert list(open_to_others(state)) == []


def test_a_folder_that_is_shared_with_others_is_not_closed_and_their_files_stay(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    theirs = put(tmp_path / "thesis.txt")
    ours = put(tmp_path / "logs" / "trader_20261120.log")

    make_private(tmp_path)

    assert (mode(tmp_path), mode(theirs), mode(ours)) == (0o755, 0o644, 0o600)


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside" / "file")
    state = tmp_path / "state"
    (state / "logs").mkdir(parents=True)
    (state / "logs" / "trader_20261120.log").symlink_to(outside)
    (state / "tws-DU1").symlink_to(outside.parent)

    make_private(state)

    assert mode(outside) == 0o644


@pytest.mark.req("REQ-SEC1")
def test_a_database_that_others_could_read_is_closed_before_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "cockpit.db"
    path.touch()
    path.chmod(0o644)

    make_private_file(path)

    assert path.stat().st_mode & 0o777 == 0o600
