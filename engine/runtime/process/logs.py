"""The log: files under the state folder, every line with the run's id; never the screen's terminal.

Everything goes through the standard library's loggers, so that structlog's and other libraries' records
end up in the same file in the same form, without secrets and with accounts masked:

    2026-11-21T15:00:00.123456Z - cockpit.runtime - INFO - engine started pid=4711 run_id=…
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TextIO

from engine.config.redaction import Redactor
from engine.runtime.process.errors import FailedError
from engine.runtime.process.log_files import FOLDER, DailyFileHandler, wall_now
from engine.runtime.process.signals import leave_signals_to_main

if TYPE_CHECKING:
    from structlog.typing import Processor

MAX_QUEUED_LINES: Final = 10_000
CLOSE_S: Final = 2.0

_TRACED: Final = frozenset({"error", "critical"})
_MOST_FRAMES: Final = 8
_HEAD: Final = ("timestamp", "logger", "level", "event", "exception")


def quiet_until_set_up() -> None:
    """Keep early records from the terminal: without a handler Python would print them there."""
    logging.getLogger().addHandler(logging.NullHandler())


def set_up(
    state_dir: Path,
    *,
    run_id: str,
    level: str,
    form: str,
    to_stderr: bool,
    redactor: Redactor,
    retention_days: int,
    now: Callable[[], datetime] = wall_now,
) -> Path:
    """Send every record of this process to the log's files; returns their folder.

    Args:
        state_dir: the files are `logs/trader_YYYYMMDD.log` below it, one per Eastern day, mode 0600.
        run_id: written on every line.
        level: least severe level kept: DEBUG, INFO, WARNING, ERROR.
        form: `text` or `json`.
        to_stderr: also to standard error, for a run without a screen.
        redactor: what every line goes through last, whoever wrote it and whatever it quotes.
        retention_days: files of older days are deleted, now and with every new day.
        now: whose day it is.

    Raises FailedError where the file cannot be written.
    """
    folder = state_dir / FOLDER
    try:
        file = DailyFileHandler(folder, retention_days=retention_days, now=now)
    except OSError as err:
        raise FailedError(f"the log in {folder} cannot be written ({err.strerror}).") from err
    handlers = [QueuedHandler(file, name="log-file", hide=redactor.for_log)]
    if to_stderr:
        handlers.append(
            QueuedHandler(_TerminalHandler(sys.stderr), name="log-terminal", hide=redactor.for_log)
        )
    root = logging.getLogger()
    close(root)
    for handler, is_terminal in zip(handlers, (False, True), strict=False):
        handler.setFormatter(_formatter(run_id=run_id, form=form, traces=not is_terminal))
        root.addHandler(handler)
    root.setLevel(level)
    # At DEBUG it would write every transaction twice, whole, on the way of every order.
    logging.getLogger("aiosqlite").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_failed
    return folder


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

    def __init__(
        self, target: logging.Handler, *, name: str, hide: Callable[[str], str] = lambda line: line
    ) -> None:
        """`hide` is done on that thread, too: looking for secrets takes longer than writing a line."""
        super().__init__()
        self._target = target
        self._hide = hide
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
        self._target.handle(logging.makeLogRecord({"msg": self._hide(line)}))


def _dropped_record(count: int) -> logging.LogRecord:
    text = f"{count} lines were dropped: the log could not be written fast enough"
    return logging.makeLogRecord(
        {"name": "cockpit.log", "levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
    )


class _TerminalHandler(logging.StreamHandler[TextIO]):
    """Standard error of a run without a screen; when its terminal is gone, the file goes on alone."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """A lost terminal is not an error of the program that writes to it."""


def _formatter(*, run_id: str, form: str, traces: bool) -> logging.Formatter:
    """`traces`: false where people read along; the file has them."""
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
        _with_trace,
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
            *(() if traces else (_without_trace,)),
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


def _with_trace(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An error without an exception says where it was logged; files and lines only, no disk is read."""
    if event.get("level") in _TRACED and not event.get("exception"):
        frames = [frame for frame in traceback.walk_stack(None) if _is_telling(frame[0].f_code.co_filename)]
        lines = [
            f'  File "{frame.f_code.co_filename}", line {number}, in {frame.f_code.co_name}'
            for frame, number in reversed(frames[:_MOST_FRAMES])
        ]
        event["exception"] = "\n".join(("logged at (innermost last):", *lines))
    return event


def _without_trace(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.pop("exception", None)
    return event


def _is_telling(filename: str) -> bool:
    return "/logging/" not in filename and "/structlog/" not in filename and filename != __file__


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
