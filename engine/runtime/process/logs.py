"""The log: one file under the state folder, every line with the run's id; never the screen's terminal.

Everything goes through the standard library's loggers, so that structlog's and other libraries' records
end up in the same file in the same form:

    2026-11-21T15:00:00.123456Z - cockpit.runtime - INFO - engine started pid=4711 run_id=…
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TextIO

from engine.runtime.process.errors import FailedError
from engine.runtime.process.paths import PRIVATE_DIR, PRIVATE_FILE
from engine.runtime.process.signals import leave_signals_to_main

if TYPE_CHECKING:
    from structlog.typing import Processor

LOG_NAME: Final = "cockpit.log"
MAX_QUEUED_LINES: Final = 10_000
CLOSE_S: Final = 2.0
MAX_BYTES: Final = 10 * 1024 * 1024
KEPT_FILES: Final = 9

_HEAD: Final = ("timestamp", "logger", "level", "event", "exception")


def quiet_until_set_up() -> None:
    """Keep early records from the terminal: without a handler Python would print them there."""
    logging.getLogger().addHandler(logging.NullHandler())


def set_up(state_dir: Path, *, run_id: str, level: str, form: str, to_stderr: bool) -> Path:
    """Send every record of this process to the log file; returns its path.

    Args:
        state_dir: the log is `logs/cockpit.log` below it, mode 0600, rotated at 10 MB.
        run_id: written on every line.
        level: least severe level kept: DEBUG, INFO, WARNING, ERROR.
        form: `text` or `json`.
        to_stderr: also to standard error, for a run without a screen.

    Raises FailedError where the file cannot be written.
    """
    path = state_dir / "logs" / LOG_NAME
    try:
        path.parent.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        handlers = [QueuedHandler(_PrivateRotatingHandler(path), name="log-file")]
    except OSError as err:
        raise FailedError(f"the log {path} cannot be written ({err.strerror}).") from err
    if to_stderr:
        handlers.append(QueuedHandler(_TerminalHandler(sys.stderr), name="log-terminal"))
    formatter = _formatter(run_id=run_id, form=form)
    root = logging.getLogger()
    close(root)
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_failed
    return path


def close(root: logging.Logger | None = None) -> None:
    """Write what is still queued and close the log's files."""
    root = root or logging.getLogger()
    for handler in tuple(root.handlers):
        if isinstance(handler, QueuedHandler):
            root.removeHandler(handler)
            handler.close()


class QueuedHandler(logging.Handler):
    """Writes on a thread of its own: a slow disk or a stalled terminal must never hold up an engine.

    When 10,000 lines wait, further ones are dropped and counted; the count is the next line written.
    """

    def __init__(self, target: logging.Handler, *, name: str) -> None:
        super().__init__()
        self._target = target
        self._lines: queue.Queue[str | None] = queue.Queue(MAX_QUEUED_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name=name, daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one formatted record; never waits."""
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what is queued, as far as that goes within 2 s, and close the target."""
        if self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._lines.put_nowait(None)
            self._thread.join(CLOSE_S)
        if not self._thread.is_alive():
            self._target.close()
        super().close()

    def _write(self) -> None:
        leave_signals_to_main()
        while (line := self._lines.get()) is not None:
            self._pass_on(line)
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                self._pass_on(self.format(_dropped_record(dropped)))

    def _pass_on(self, line: str) -> None:
        self._target.handle(logging.makeLogRecord({"msg": line}))


def _dropped_record(count: int) -> logging.LogRecord:
    text = f"{count} lines were dropped: the log could not be written fast enough"
    return logging.makeLogRecord(
        {"name": "cockpit.log", "levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
    )


class _PrivateRotatingHandler(RotatingFileHandler):
    """A rotating file that only its owner can read, from its first byte."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8")

    def _open(self) -> Any:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        return os.fdopen(descriptor, "a", encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """A full disk must not print tracebacks on the screen; the store raises its own alarm."""


class _TerminalHandler(logging.StreamHandler[TextIO]):
    """Standard error of a run without a screen; when its terminal is gone, the file goes on alone."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """A lost terminal is not an error of the program that writes to it."""


def _formatter(*, run_id: str, form: str) -> logging.Formatter:
    import structlog

    def with_run_id(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["run_id"] = run_id
        return event

    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _with_timestamp,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            with_run_id,  # here, not above: structlog's loggers keep what they were configured with first
            render_json if form == "json" else render_text,
        ],
    )


def timestamp() -> str:
    """This instant as the log writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _with_timestamp(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Lines that were written later than they were meant bring the time they are about."""
    event.setdefault("timestamp", timestamp())
    return event


def render_text(_: object, __: str, event: Mapping[str, Any]) -> str:
    """One event as text; a traceback becomes lines of the same form, so that each carries the run's id."""
    head = (
        f"{event.get('timestamp', '')} - {event.get('logger', '')} - {str(event.get('level', '')).upper()} - "
    )
    words = [_printable(str(event.get("event", "")))]
    words += [f"{key}={_printable(str(value))}" for key, value in event.items() if key not in _HEAD]
    lines = [head + " ".join(words)]
    tail = f"run_id={event.get('run_id', '')}"
    lines += [f"{head}| {_printable(line)} {tail}" for line in str(event.get("exception") or "").splitlines()]
    return "\n".join(lines)


def render_json(_: object, __: str, event: Mapping[str, Any]) -> str:
    """One event as one JSON object on one line."""
    return json.dumps(dict(event), default=str, ensure_ascii=True)


def _printable(text: str) -> str:
    """Text from outside must not forge a line or reach a terminal as a control sequence."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    info: tuple[type[BaseException], BaseException, TracebackType | None] | None = None
    if failed.exc_value is not None:
        info = (failed.exc_type, failed.exc_value, failed.exc_traceback)
    name = failed.thread.name if failed.thread is not None else "unknown"
    logging.getLogger("cockpit").error("thread %s failed", name, exc_info=info)
