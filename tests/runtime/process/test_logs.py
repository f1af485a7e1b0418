"""The log: private, one form for everything, the run's id on every line, nothing on the screen."""

from __future__ import annotations

import json
import logging
import re
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from engine.config.redaction import Redactor
from engine.runtime.process import log_files, logs
from engine.runtime.process.errors import FailedError
from engine.runtime.process.log_files import delete_before, eastern_day, file_of
from tests.logged import plain_logs
from tests.waiting import eventually

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
    plain_logs()


def written(path: Path) -> str:
    """What is in the file once everything queued has been written."""
    logs.close()
    return path.read_text()


class Wall:
    """A wall clock that a test moves."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)


def set_up(
    folder: Path,
    *,
    form: str = "text",
    level: str = "INFO",
    to_stderr: bool = False,
    redactor: Redactor | None = None,
    now: Callable[[], datetime] = lambda: NOON,
    retention_days: int = 90,
) -> Path:
    """The file of the day."""
    logs_folder = logs.set_up(
        folder,
        run_id="run-7",
        level=level,
        form=form,
        to_stderr=to_stderr,
        redactor=redactor or Redactor(),
        retention_days=retention_days,
        now=now,
    )
    return file_of(logs_folder, eastern_day(now()))


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
    monkeypatch.setattr(log_files, "MAX_BYTES", 2000)
    path = set_up(tmp_path)
    for number in range(60):
        _log.info("line %d", number)

    logs.close()
    rotated = sorted(path.parent.iterdir())
    assert 2 <= len(rotated) <= log_files.KEPT_PARTS + 1
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
            opened.wait(60.0)
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


@pytest.mark.req("REQ-LOG-002")
def test_each_eastern_day_has_its_file_and_every_line_the_documented_form(
    root: logging.Logger, tmp_path: Path
) -> None:
    clock = Wall(datetime(2026, 11, 21, 4, 59, tzinfo=UTC))  # 23:59 in New York, the 20th
    first = set_up(tmp_path, now=clock)
    _log.info("late in the evening")
    eventually(lambda: "late" in first.read_text(), why="the line of the first day")
    clock.at += timedelta(minutes=2)
    _log.info("just after midnight")
    _log.warning("and more")
    logs.close()

    names = sorted(path.name for path in first.parent.iterdir())
    assert names == ["trader_20261120.log", "trader_20261121.log"]
    form = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z - [\w.]+ - (DEBUG|INFO|WARNING|ERROR|CRITICAL) - .+")
    texts = [(first.parent / name).read_text().splitlines() for name in names]
    assert [len(lines) for lines in texts] == [1, 2]
    assert all(form.fullmatch(line) for lines in texts for line in lines)


@pytest.mark.req("REQ-LOG-002", "REQ-RET1")
def test_files_of_days_beyond_the_retention_go_at_the_start_and_with_every_new_day(
    root: logging.Logger, tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    today = eastern_day(NOON)
    for age in (30, 89, 90, 91, 400):
        file_of(folder, today - timedelta(days=age)).write_text("old")
    (folder / "trader_20200101.log.3").write_text("old")
    (folder / "notes.txt").write_text("not ours")
    clock = Wall(NOON)
    set_up(tmp_path, now=clock)

    def ages() -> list[int]:
        return [(eastern_day(clock.at) - day).days for day, _ in log_files.dated_files(folder)]

    assert ages() == [90, 89, 30, 0]
    clock.at += timedelta(days=1)
    _log.info("a new day")
    logs.close()
    assert ages() == [90, 31, 1, 0]
    assert (folder / "notes.txt").exists()


def test_files_of_a_day_can_be_deleted_on_request(tmp_path: Path) -> None:
    for age in range(3):
        file_of(tmp_path, eastern_day(NOON) - timedelta(days=age)).touch()

    gone = delete_before(tmp_path, eastern_day(NOON))

    assert [path.name for path in gone] == ["trader_20261118.log", "trader_20261119.log"]


@pytest.mark.req("REQ-SEC1", "REQ-RET1")
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_canary_gets_into_the_log_by_message_argument_field_or_traceback(
    root: logging.Logger, tmp_path: Path, form: str, capfd: pytest.CaptureFixture[str]
) -> None:
    canary = 'tgram://123456789:AAF0ken"With\\ManyLetters0123456789ab/42'
    path = set_up(tmp_path, form=form, redactor=Redactor([canary]), to_stderr=True)
    _log.info("plain %s of DU1234567", canary)
    _log.warning("mapped %(x)s", {"x": canary})
    structlog.get_logger("engine").warning("bound", url=canary, nested={"a": [canary]}, account="DU1234567")
    try:
        raise ValueError(canary) from KeyError(canary)  # noqa: TRY301 - its traceback is what is tested
    except ValueError:
        _log.exception("broke at %r", canary)
    logging.getLogger("urllib3").error("password=hunter22 at https://me:hunter22@example.org/")

    said = written(path)
    for text in (said, capfd.readouterr().err):
        assert "AAF0ken" not in text
        assert "ManyLetters" not in text
        assert "hunter22" not in text
        assert "DU1234567" not in text
        assert "DU***4567" in text
        assert text.count("***") >= 9
    if form == "json":
        assert all(json.loads(line)["run_id"] == "run-7" for line in said.splitlines())


@pytest.mark.req("REQ-LOG-002")
def test_an_error_brings_its_traceback_also_where_nothing_was_raised(
    root: logging.Logger, tmp_path: Path
) -> None:
    path = set_up(tmp_path)
    structlog.get_logger("engine").error("books and broker differ")
    _log.warning("only a warning")

    lines = written(path).splitlines()
    assert "logged at" in lines[1]
    assert any("test_an_error_brings_its_traceback" in line for line in lines)
    assert "only a warning" in lines[-1]
    assert len(lines) <= 3 + 8
