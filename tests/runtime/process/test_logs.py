"""The log: private, one form for everything, the run's id on every line, nothing on the screen."""

from __future__ import annotations

import json
import logging
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from engine.runtime.process import logs
from engine.runtime.process.errors import FailedError

_log = logging.getLogger("cockpit.test")


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, given back as it was."""
    root = logging.getLogger()
    level, hook = root.level, threading.excepthook
    yield root
    logs.close(root)
    root.setLevel(level)
    threading.excepthook = hook
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def written(path: Path) -> str:
    """What is in the file once everything queued has been written."""
    logs.close()
    return path.read_text()


def set_up(folder: Path, *, form: str = "text", level: str = "INFO", to_stderr: bool = False) -> Path:
    return logs.set_up(folder, run_id="run-7", level=level, form=form, to_stderr=to_stderr)


@pytest.mark.req("PLAN-M1-LOGGING")
def test_every_line_of_text_carries_the_runs_id_even_of_a_traceback(
    root: logging.Logger, tmp_path: Path
) -> None:
    path = set_up(tmp_path)
    _log.info("plain %s", "words", extra={"symbol": "SPY"})
    structlog.get_logger("engine").warning("order.rejected", order_ref="ck-1", code=201)
    try:
        int("deep")
    except ValueError:
        _log.exception("broke")

    lines = written(path).splitlines()
    assert len(lines) > 5
    assert all(line.endswith("run_id=run-7") for line in lines)
    assert "- cockpit.test - INFO - plain words symbol=SPY" in lines[0]
    assert "- engine - WARNING - order.rejected order_ref=ck-1 code=201" in lines[1]
    assert any("Traceback" in line for line in lines)


@pytest.mark.req("PLAN-M1-LOGGING")
def test_as_json_every_line_is_one_object_with_the_runs_id(root: logging.Logger, tmp_path: Path) -> None:
    path = set_up(tmp_path, form="json")
    structlog.get_logger("engine").info("bar.closed", symbol="ESZ6", interval="5s")
    _log.error("broke", exc_info=ValueError("x\ny"))

    events = [json.loads(line) for line in written(path).splitlines()]
    assert [event["run_id"] for event in events] == ["run-7", "run-7"]
    assert (events[0]["event"], events[0]["symbol"], events[0]["interval"]) == ("bar.closed", "ESZ6", "5s")


def test_text_from_outside_cannot_forge_a_line_or_send_an_escape_sequence(
    root: logging.Logger, tmp_path: Path
) -> None:
    path = set_up(tmp_path)
    structlog.get_logger("engine").warning("notice", text="a\n2026 - engine - INFO - forged\x1b[2J")
    _log.warning("b\nforged too \x07")

    text = written(path)
    assert len(text.splitlines()) == 2
    assert "\x1b" not in text
    assert "\x07" not in text


def test_the_level_is_respected_and_the_file_is_private(root: logging.Logger, tmp_path: Path) -> None:
    path = set_up(tmp_path, level="WARNING")
    _log.info("quiet")
    structlog.get_logger("engine").debug("quieter")

    assert written(path) == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_it_rotates_and_the_new_file_is_private_too(
    root: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 2000)
    path = set_up(tmp_path)
    for number in range(60):
        _log.info("line %d", number)

    logs.close()
    rotated = sorted(path.parent.iterdir())
    assert 2 <= len(rotated) <= logs.KEPT_FILES + 1
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in rotated)


def test_nothing_goes_to_the_terminal_unless_asked(
    root: logging.Logger, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    set_up(tmp_path)
    _log.critical("for the file")
    logs.close()
    assert capfd.readouterr() == ("", "")

    set_up(tmp_path, to_stderr=True)
    _log.critical("for both")
    logs.close()
    assert "for both" in capfd.readouterr().err


def test_a_thread_that_dies_is_in_the_log_not_on_the_screen(
    root: logging.Logger, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = set_up(tmp_path)

    def die() -> None:
        raise KeyError("lost")

    thread = threading.Thread(target=die, name="worker")
    thread.start()
    thread.join()

    assert "thread worker failed" in written(path)
    assert capfd.readouterr().err == ""


def test_a_log_that_cannot_be_written_is_a_sentence(root: logging.Logger, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")

    with pytest.raises(FailedError, match="cannot be written"):
        set_up(tmp_path)


def test_a_target_that_blocks_holds_up_nobody_who_logs(root: logging.Logger) -> None:
    opened, writes = threading.Event(), []

    class Stalled(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            opened.wait(10.0)
            writes.append(record.getMessage())

    handler = logs.QueuedHandler(Stalled(), name="stalled")
    root.addHandler(handler)
    root.setLevel("INFO")
    for number in range(logs.MAX_QUEUED_LINES + 50):
        _log.info("%d", number)
    opened.set()
    logs.close()

    assert writes[0] == "0"
    assert any("lines were dropped" in line for line in writes)
