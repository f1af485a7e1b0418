"""Practising for the worst at a real shell: the drill, and the word to an engine that hangs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.terminal import Place, Terminal
from tests.process.test_kill_and_restart import FAST, idle
from tests.storm.real import RealCockpit

pytestmark = pytest.mark.slow


@pytest.fixture
def cockpit() -> Iterator[RealCockpit]:
    """A short path: a socket's may have only 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="ck-"))
    here = RealCockpit(folder)
    yield here
    here.end()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.req("247-GATE-3", "REQ-K1", "CARD-KILL")
def test_the_drill_passes_and_is_kept_and_a_hung_engine_is_halted_and_flattened_only_with_the_word(
    cockpit: RealCockpit,
) -> None:
    cockpit.configure(idle("SPY"), broker=FAST, kill={"refill_watch_s": 0.5})
    cockpit.start()
    cockpit.ready()
    cockpit.until(lambda s: s.entries_allowed, why="the drill's orders are entries")

    drilled = cockpit.run("drill", "kill")

    assert drilled.returncode == 0, drilled.stdout + drilled.stderr
    shown = cockpit.until(lambda _: True)
    assert (shown.brakes, shown.unknown_orders) == ((), 0)
    ((passed, facts),) = cockpit.rows("SELECT passed, facts FROM evidence WHERE kind = 'drill'")
    assert passed
    assert json.loads(facts)["cancel_s"] <= 10.0
    record = cockpit.record()
    assert not record.working, "nothing of the drill is left at the exchange"

    assert cockpit.process is not None
    os.kill(cockpit.process.pid, signal.SIGSTOP)
    place = Place(cockpit.folder)
    person = Terminal(place, place.command("kill", "--reason", "it hangs", module="cockpit"))
    try:
        person.expect("would close nothing", within_s=40.0)
        person.expect("type FLATTEN")
        person.send("no\n")
        assert person.exit_code() == 4
        assert "It stays halted" in person.text
    finally:
        person.close()
    assert cockpit.exit_code() == -signal.SIGKILL
    kept = cockpit.rows("SELECT kind, reason FROM brake WHERE cleared_at IS NULL")
    assert kept == [("HALT", "it hangs")], "the next start boots halted, and nothing was closed"
