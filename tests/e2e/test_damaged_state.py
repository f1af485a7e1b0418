"""A damaged state file under the real engine: halted on its backup, protected, re-armed by a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import BrakeKind, CommandKind, OutcomeStatus
from engine.store.backup_names import backups_of
from tests.e2e.live import Live, live

pytestmark = pytest.mark.slow


async def in_position(here: Live) -> None:
    await here.ready()
    await here.until(
        lambda s: any(p.protected_quantity == abs(p.quantity) for p in s.positions),
        why="no protected position",
    )


@pytest.mark.req("RECOVERY-RISK-1", "RECOVERY-GATE")
async def test_a_damaged_state_starts_halted_on_its_backup_and_a_person_re_arms_it(tmp_path: Path) -> None:
    async with live(tmp_path) as here:
        await in_position(here)
        database = next(tmp_path.glob("*/cockpit.db"))
    assert backups_of(database)
    database.write_bytes(b"spilt coffee" * 1000)

    async with live(tmp_path) as here:
        snapshot = await here.ready()
        (brake,) = snapshot.brakes
        assert (brake.kind, brake.who) == (BrakeKind.HALT, "engine")
        assert [p.symbol for p in snapshot.positions] == ["SPY"], "the backup knew the position"
        assert "state_damaged" in {a.code for a in snapshot.alerts}
        assert list(database.parent.glob("corrupt-*/cockpit.db"))

        account = snapshot.account
        lifted = await here.command(CommandKind.RESUME, reason="looked at it", typed=account)
        assert lifted.status is OutcomeStatus.DONE, lifted.text
        await here.until(lambda s: not s.brakes, why="the HALT was not lifted")
