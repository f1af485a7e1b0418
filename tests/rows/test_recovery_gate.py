"""Without a memory nothing is traded; a dry run, which sends nothing, opens all the same and says so."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest

from engine.api import EngineState, Mode
from engine.runtime.errors import FailedError
from tests.e2e.live import live
from tests.process.terminal import Place, end_all
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.req("RECOVERY-GATE")]

RUBBISH = b"this is no database " * 500


def _damage(state_dir: Path) -> Path:
    database = state_dir / "embedded-DU9000001" / "cockpit.db"
    database.parent.mkdir(mode=0o700)
    database.write_bytes(RUBBISH)
    return database


async def test_paper_trading_does_not_start_on_a_damaged_state(place: Path) -> None:
    database = _damage(place)

    with pytest.raises(FailedError, match="is damaged"):
        async with live(place):
            pass

    assert database.read_bytes() == RUBBISH, "left as it was"


async def test_a_dry_run_opens_on_a_damaged_state_and_leaves_it_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = _damage(place)
    spare = place / "spare"
    spare.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spare))

    async with live(place, mode=Mode.DRY_RUN) as here:
        shown = await here.ready()
        (alert,) = [a for a in shown.alerts if a.code == "not_kept"]
        assert "is damaged" in alert.text
        assert str(spare) in alert.text
        assert "--paper would be refused" in alert.text
        assert (await here.at_broker()).open_orders == ()

    assert database.read_bytes() == RUBBISH
    assert list(spare.glob("cockpit-dry-run-*/embedded-DU9000001/cockpit.db"))


def test_a_dry_run_opens_where_the_state_folder_cannot_be_used_and_can_be_steered(place: Path) -> None:
    here = Place(place)
    (place / "cockpit.toml").write_text('[broker]\ngateway = "embedded"\n', encoding="utf-8")
    here.state.write_text("a file is in the way")
    environ = here.environ() | {"TMPDIR": str(place)}
    engine = subprocess.Popen(
        here.command("--dry-run", "--headless", module="cockpit"),
        cwd=place,
        env=environ,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        ready = EngineState.READY.value
        eventually(lambda: (here.status() or {}).get("engine_state") == ready, within_s=40.0, why="READY")

        assert here.run("stop").returncode == 0
        _, said = engine.communicate(timeout=30.0)
        assert "DRY RUN WITHOUT STATE" in said
        assert str(here.state) in said
        assert "Traceback" not in said
        assert here.state.read_text() == "a file is in the way"
    finally:
        if engine.poll() is None:
            engine.kill()
            engine.communicate()
        end_all(here)
