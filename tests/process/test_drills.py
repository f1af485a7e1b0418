"""One drill from the shell to its result, with real processes; all of them run in `.ci/soak`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from engine.runtime.drills.catalogue import DRILLS
from engine.runtime.drills.place import Place
from engine.runtime.drills.run import run_drill

pytestmark = pytest.mark.slow


def test_a_cut_line_is_drilled_to_its_verdict_and_nothing_of_the_place_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COCKPIT_STATE__DIR", str(tmp_path / "persons"))
    folder = Path(tempfile.mkdtemp(prefix="ckt-"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    place = Place.make({})
    told: list[str] = []

    result = run_drill(DRILLS["link-loss"], tell=told.append, place=place)

    assert result.passed, result.failures
    assert told == ["starts", "fault", "noticed", "recovered", "ends"]
    assert result.account.startswith("DU")
    assert result.detected_s is not None
    assert result.recovered_s is not None
    assert result.detected_s < result.recovered_s
    assert not list(folder.iterdir())
    assert not (tmp_path / "persons").exists(), "the person's own state is not touched"
    folder.rmdir()
