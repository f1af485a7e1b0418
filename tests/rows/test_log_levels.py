"""Each kind of event has one level in the log, and an error brings its traceback."""

from __future__ import annotations

import logging
import threading
from functools import partial
from pathlib import Path

import pytest

from engine.api import EngineState, Level
from engine.config.redaction import Redactor
from engine.domain.order import Role
from engine.runtime.alerts.assembly import _log_event
from engine.runtime.alerts.catalogue import CATALOGUE
from engine.runtime.inbox import tell_changes
from engine.runtime.process import logs
from engine.runtime.process.late_log import LateLog
from tests.logged import plain_logs
from tests.runtime.kept import kept
from tests.virtual_time import pass_time, virtual


def _set_up(folder: Path, level: str) -> Path:
    return logs.set_up(
        folder,
        run_id="r",
        level=level,
        form="text",
        to_stderr=False,
        redactor=Redactor(),
        retention_days=90,
    )


@pytest.mark.req("REQ-LOG-001", "REQ-LOG-002")
@virtual
async def test_entry_partial_refusal_and_exception_are_logged_once_at_their_level(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root, hook = logging.getLogger(), threading.excepthook
    level_before = root.level
    folder = _set_up(tmp_path / "log", "INFO")
    try:
        async with kept(tmp_path / "state") as it:
            late = LateLog(later_s=0.0)
            it.here.books.on_changes(partial(tell_changes, it.here.desk, late))
            await it.here.enter()
            await it.here.reduce()
            await it.here.close()
            it.here.broker.refuse = {Role.ENTRY}
            it.here.without_cooldowns()
            await it.here.enter(40, filled=0)
            it.breaks.append(RuntimeError("torn"))
            it.kill_file.write_text("stop")
            await pass_time(2.5)
            it.here.desk.state = EngineState.READY
            logging.getLogger("engine").debug("quiet=%d", 1)
            for event in it.here.desk.notices.events:
                _log_event(late, event)
            late.flush()
    finally:
        logs.close(root)
        root.setLevel(level_before)
        threading.excepthook = hook
        logging.captureWarnings(capture=False)
        plain_logs()
    lines = next(folder.iterdir()).read_text().splitlines()

    def levels(text: str) -> list[str]:
        return [line.split(" - ")[2] for line in lines if text in line and " - | " not in line]

    assert levels("SPY: entry BUY 100 @") == ["INFO"]
    assert levels("SPY: exit SELL 50 @") == ["INFO", "INFO"], "a partial, and the rest"
    assert levels("SPY: entry BUY 40 sending → rejected") == ["WARNING"]
    assert set(levels("failed and is tried again: RuntimeError: torn")) == {"ERROR"}
    assert any("Traceback" in line and " - ERROR - " in line for line in lines)
    assert not any(" - DEBUG - " in line for line in lines)


@pytest.mark.req("REQ-LOG-001")
@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("orphan", Level.WARNING),
        ("reconcile_mismatch", Level.ERROR),
        ("position_age", Level.ERROR),
        ("link_down", Level.ERROR),
        ("link_given_up", Level.CRITICAL),
        ("engine_failed", Level.CRITICAL),
        ("not_stored", Level.CRITICAL),
    ],
)
def test_the_worst_level_of_each_alert_is_the_documented_one(code: str, level: Level) -> None:
    assert CATALOGUE[code].level is level
