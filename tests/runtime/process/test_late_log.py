"""Late lines come in order, with their own time, and none is lost at the end."""

from __future__ import annotations

from pathlib import Path

import structlog

from engine.config.redaction import Redactor
from engine.runtime.process import logs
from engine.runtime.process.late_log import LateLog
from engine.runtime.process.logs import timestamp
from tests.waiting import eventually_async

Line = tuple[str, dict[str, object]]


class Written:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def info(self, text: str, **fields: object) -> None:
        self.lines.append((text, fields))


async def test_a_line_is_not_written_before_the_act_that_caused_it_is_through() -> None:
    written, late = Written(), LateLog(later_s=0.0)

    late.add(written.info, "first", ref="ck-1")
    late.add(written.info, "second")

    assert written.lines == []
    await eventually_async(lambda: len(written.lines) == 2)
    assert [text for text, _ in written.lines] == ["first", "second"]
    assert written.lines[0][1]["ref"] == "ck-1"


async def test_a_flush_writes_everything_at_once_and_only_once() -> None:
    written, late = Written(), LateLog(later_s=3600.0)
    late.add(written.info, "waits")

    late.flush()
    late.flush()

    assert [text for text, _ in written.lines] == ["waits"]


async def test_a_late_line_tells_when_it_happened_not_when_it_was_written() -> None:
    written, late = Written(), LateLog(later_s=3600.0)

    before = timestamp()
    late.add(written.info, "happened")
    after = timestamp()
    late.flush()

    assert before <= str(written.lines[0][1]["timestamp"]) <= after


def test_the_log_file_keeps_the_time_a_line_brings(tmp_path: Path) -> None:
    folder = logs.set_up(
        tmp_path,
        run_id="r1",
        level="INFO",
        form="text",
        to_stderr=False,
        redactor=Redactor(),
        retention_days=90,
    )
    structlog.get_logger("engine").info("ordered", timestamp="2026-11-20T15:00:00.000001Z")
    logs.close()

    (path,) = folder.iterdir()
    assert path.read_text(encoding="utf-8").startswith(
        "2026-11-20T15:00:00.000001Z - engine - INFO - ordered"
    )
