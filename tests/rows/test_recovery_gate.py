"""Without a memory nothing is traded; a dry run, which sends nothing, opens all the same and says so."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.api import BrakeKind, EngineState, Mode
from engine.domain.reasons import Reason
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


@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.DRY_RUN])
async def test_on_a_damaged_state_without_a_backup_nothing_is_entered_until_a_person_says_so(
    place: Path, mode: Mode
) -> None:
    database = _damage(place)

    async with live(place, mode=mode) as here:
        shown = await here.ready()
        (brake,) = shown.brakes
        assert (brake.kind, brake.who) == (BrakeKind.HALT, "engine")
        assert "damaged" in brake.reason
        bars = here.engine.parts.trading.running[0]
        await here.until(lambda _: bars.warm == bars.keys, why="never warm")
        await here.until(
            lambda s: any(w.code == Reason.HALTED for w in s.why_not), why="the entry was not refused"
        )
        assert (await here.at_broker()).open_orders == ()

    (aside,) = database.parent.glob("corrupt-*/cockpit.db")
    assert aside.read_bytes() == RUBBISH, "nothing of it may be lost"


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
        # Its state is elsewhere: only the command knows where.
        ready = f'"engine_state": "{EngineState.READY}"'
        eventually(lambda: ready in here.run("status", "--json").stdout, within_s=60.0, why="READY")

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
