"""A whole session: no error in its log, no secret in any file, every file private, every order traceable."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
import tomli_w

from engine.api import Command, CommandKind, EngineState, Mode
from engine.config import load
from engine.runtime.process.log_files import eastern_day, file_of, wall_now
from engine.runtime.process.session import EngineSession, RunRequest
from engine.runtime.security.files import open_to_others
from engine.runtime.security.rotation import record, utc_today
from engine.store.order_audit import audit_order
from tests.e2e import scripted
from tests.e2e.live import ONE_STOCK, PATIENT
from tests.waiting import eventually

__all__ = ["scripted"]

pytestmark = pytest.mark.slow

CANARY = "json://canaryuser:CanaryPass0123456789@127.0.0.1:9/CanaryPath0123456789"


def _session(place: Path) -> EngineSession:
    config = place / "cockpit.toml"
    config.write_text(tomli_w.dumps({"alerts": {"channels": ["phone"]}, "strategies": {"script": ONE_STOCK}}))
    wanted = {"broker.speed": 5.0, "broker.seed": 11, "health.heartbeat_log_s": 1.0, "log.level": "DEBUG"}
    overrides = {"state.dir": str(place / "state"), **wanted, **PATIENT}
    loaded = load(path=config, overrides=overrides, environ={}, cwd=place, mode="PAPER")
    environ = {"XDG_RUNTIME_DIR": str(place), "COCKPIT_ALERT_PHONE": CANARY}
    return EngineSession(loaded, RunRequest(Mode.PAPER, headless=True, version="0", environ=environ))


def _say_it_everywhere(session: EngineSession, place: Path) -> None:
    """Secrets typed by mistake: as a reason, as a target, in the kill file."""
    for kind, target in ((CommandKind.PAUSE, ""), (CommandKind.CANCEL_ORDER, CANARY)):
        command = Command(uuid.uuid4().hex, kind, target=target, reason=f"told {CANARY}", confirmed=True)
        session.handle.submit(command).result(20.0)
    (place / "state" / "KILL").write_text(f"because {CANARY}")
    eventually(
        lambda: len(session.handle.snapshot().brakes) >= 2,
        within_s=20.0,
        why="the kill file was not taken",
    )


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]


@pytest.mark.req("PS60-ACC-7", "REQ-SEC1", "REQ-RET1", "PLAN-PRIN")
def test_a_clean_session_logs_no_error_keeps_no_secret_and_can_be_traced(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COCKPIT_ALERT_PHONE", CANARY)
    state = place / "state"
    state.mkdir()
    # One alert that is no error, so that the channel is used.
    record(state, "alert-phone", utc_today() - timedelta(days=400))
    session = _session(place)
    session.open()
    try:
        eventually(
            lambda: (
                session.handle.snapshot().engine_state is EngineState.READY
                and session.handle.snapshot().positions
            ),
            within_s=40.0,
            why="it never entered",
        )
        account = session.handle.snapshot().account
        log = file_of(state / "logs", eastern_day(wall_now()))
        clean = log.read_text()
        _say_it_everywhere(session, place)
    finally:
        session.stop("keep")
        session.wait(40.0)
        session.close()

    assert re.findall(r" - (?:ERROR|CRITICAL) - .*", clean) == []
    assert capfd.readouterr().out == ""
    _no_canary(place)
    assert [path for path in open_to_others(state) if not path.name.startswith("KILL")] == []
    assert account not in "".join(path.read_text() for path in _files(state / "logs"))
    _traced(state, log.read_text())


def _no_canary(place: Path) -> None:
    """In no file at all that we wrote: log, database, backups, reports, the gateway's own."""
    files = [path for path in _files(place) if not path.name.startswith("KILL")]  # that one a person wrote
    assert {"cockpit.db", "gateway.log"} <= {path.name for path in files}
    for path in files:
        found = path.read_bytes()
        for part in (b"canaryuser", b"CanaryPass", b"CanaryPath"):
            assert part not in found, path
    assert any(b"***" in path.read_bytes() for path in files if path.suffix == ".log")


def _traced(state: Path, log: str) -> None:
    """From the signal over the verdict and the submission to the fill, in the database and in the log."""
    found = audit_order(next(state.glob("*/cockpit.db")), "-entry")
    intent = found.order.intent
    assert found.ticket is not None
    assert [step.status for step in found.steps][:2] == ["pending", "sending"]
    assert found.fills
    lines = [line for line in log.splitlines() if intent.signal_id in line or intent.ref in line]
    for told in (r"DEBUG - decision ", r"BUY \d+ at [\d.]+", r"sending", r"@ [\d.]+"):
        assert any(re.search(told, line) for line in lines), (told, lines)
