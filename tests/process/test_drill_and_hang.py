"""A bad hour at a real shell: the drill, a halt and its alert, and the word to an engine that hangs."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.process.terminal import Place, Terminal
from tests.process.test_kill_and_restart import FAST, idle
from tests.storm.real import RealCockpit

pytestmark = pytest.mark.slow


@pytest.mark.req("247-GATE-3", "REQ-K1", "CARD-KILL", "PS60-ALERTS")
def test_the_drill_passes_an_alert_is_answered_and_a_hung_engine_is_flattened_only_with_the_word(
    cockpit: RealCockpit,
) -> None:
    cockpit.configure(idle("SPY"), broker=FAST, kill={"refill_watch_s": 0.5})
    cockpit.start()
    cockpit.ready()
    cockpit.until(lambda s: s.entries_allowed, why="the drill's orders are entries")

    drilled = cockpit.run("drill", "kill")

    assert drilled.returncode == 0, drilled.stdout + drilled.stderr
    cockpit.until(lambda s: (s.brakes, s.unknown_orders) == ((), 0), why="the drill lifts its own brake")
    ((passed, facts),) = cockpit.rows("SELECT passed, facts FROM evidence WHERE kind = 'drill'")
    assert passed
    assert json.loads(facts)["cancel_s"] <= 10.0
    record = cockpit.record()
    assert not record.working, "nothing of the drill is left at the exchange"

    _halt_and_answer(cockpit)

    assert cockpit.process is not None
    os.kill(cockpit.process.pid, signal.SIGSTOP)
    place = Place(cockpit.folder)
    person = Terminal(place, "kill", "--reason", "it hangs", module="cockpit")
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
    modes = {path: path.stat().st_mode & 0o077 for path in cockpit.state.rglob("*")}
    assert not [path for path, mode in modes.items() if mode], "all of it is its owner's alone"
    assert ("HALT", "it hangs") in kept, "the next start boots halted"
    assert all(kind == "HALT" for kind, _ in kept), "nothing was closed"


def _halt_and_answer(cockpit: RealCockpit) -> None:
    """`halt`, `alerts list`, `ack`: the alert says what is true, and an answer is kept."""
    assert cockpit.run("halt", "--symbol", "SPY", "--reason", "odd prices").returncode == 0
    listed = cockpit.run("alerts", "list")
    (line,) = [row for row in listed.stdout.splitlines() if "[halt]" in row]
    number = line.split()[1]
    assert "nothing that adds risk works" in line

    assert cockpit.run("ack", "999").returncode == 4, "there is none"
    assert cockpit.run("ack", number).returncode == 0

    # The snapshot of the moment may be from just before.
    cockpit.until(lambda s: any(a.code == "halt" and a.acknowledged for a in s.alerts))
    rows = cockpit.rows(f"SELECT acknowledged_by FROM alert WHERE id = {number}")
    assert rows[0][0], "who answered is kept"
