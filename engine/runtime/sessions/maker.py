"""Makes calendars in a process of its own: their library brings pandas, for which no order may wait.

`python -m engine.runtime.sessions.maker FIRST LAST NAME…` prints them as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final

from engine.config.redaction import without_secrets
from engine.domain.instrument import SessionHours
from engine.domain.market import utc
from engine.market.sessions import Calendar, SessionDay

PATIENCE_S: Final = 120.0
"""Longest it may take; two seconds are ordinary."""


class MakerError(Exception):
    """No calendars were made; the text says why."""


def made_elsewhere(
    names: Sequence[str], first: date, last: date, *, environ: Mapping[str, str]
) -> dict[str, Calendar]:
    """Calendars by name, made by another process. Blocks. Raises MakerError."""
    command = [sys.executable, "-P", "-m", __name__, first.isoformat(), last.isoformat(), *names]
    kept = without_secrets(environ)
    # The path is explicit: a folder called `engine` where the operator stands must not be run instead.
    root = str(Path(__file__).resolve().parents[3])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (root, kept.get("PYTHONPATH", ""))))
    try:
        done = subprocess.run(  # noqa: S603 - our own module, and names from our own table
            command,
            env=kept,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        )
        return read(done.stdout)
    except subprocess.CalledProcessError as err:
        words = str(err.stderr).strip().splitlines()
        raise MakerError(words[-1] if words else f"it ended with code {err.returncode}") from err
    except (OSError, subprocess.TimeoutExpired, ValueError) as err:
        raise MakerError(str(err)) from err


def written(calendars: Iterable[Calendar]) -> str:
    """Calendars as JSON: name -> rows of a session date and the epoch seconds of its parts."""
    return json.dumps(
        {
            calendar.name: [
                [day.day.isoformat(), [[_epoch(part.open), _epoch(part.close)] for part in day.parts]]
                for day in calendar.days
            ]
            for calendar in calendars
        }
    )


def read(text: str) -> dict[str, Calendar]:
    """What `written` wrote. Raises ValueError."""
    try:
        return {
            name: Calendar(name, (_day(day, parts) for day, parts in rows))
            for name, rows in json.loads(text).items()
        }
    except (TypeError, AttributeError) as err:
        raise ValueError(f"no calendars: {err}") from err


def _day(day: str, parts: Sequence[tuple[float, float]]) -> SessionDay:
    stretches = tuple(SessionHours(utc(opens), utc(closes)) for opens, closes in parts)
    return SessionDay(date.fromisoformat(day), stretches)


def _epoch(at: datetime) -> float:
    return at.timestamp()


def main(arguments: Sequence[str]) -> None:
    """Print the calendars named on the command line."""
    from engine.market.calendar_source import make_calendars

    os.nice(15)  # it shares the machine with an engine that trades
    first, last, *names = arguments
    made = make_calendars(names, first=date.fromisoformat(first), last=date.fromisoformat(last))
    sys.stdout.write(written(made.values()))


if __name__ == "__main__":
    main(sys.argv[1:])
