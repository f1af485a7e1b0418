"""When each secret was last changed, and which are due: a day per name is kept, never a secret."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, NamedTuple

from engine.config import Config
from engine.config.atomic import write_atomically
from engine.runtime.security.vault import names_in_use

RECORD: Final = "secret-rotations.json"
"""In the state folder: name -> day of the last change."""

GATEWAY: Final = "gateway"
"""The login of TWS or IB Gateway. It lies there and not here; only the day of its change is kept."""


class Standing(NamedTuple):
    """How old one secret is."""

    name: str
    on: date | None
    """Day of its last change; None where none was recorded."""
    age_days: int | None
    rotation_days: int

    @property
    def is_overdue(self) -> bool:
        """True where it is known to be older than it may be."""
        return self.age_days is not None and self.age_days > self.rotation_days

    def __str__(self) -> str:
        if self.on is None:
            return f"{self.name}: no change recorded (cockpit secrets rotated {self.name})"
        text = f"{self.name}: changed {self.on.isoformat()}, {self.age_days} days ago"
        return f"{text}, due after {self.rotation_days}" if self.is_overdue else text


def standings(
    names: Iterable[str], recorded: Mapping[str, date], *, today: date, rotation_days: int
) -> tuple[Standing, ...]:
    """How old each of these secrets is. Pure."""
    found = []
    for name in dict.fromkeys(names):
        on = recorded.get(name)
        # A day in the future proves nothing: it counts as not recorded.
        if on is not None and on > today:
            on = None
        found.append(Standing(name, on, None if on is None else (today - on).days, rotation_days))
    return tuple(found)


def live_refusals(found: Iterable[Standing]) -> tuple[str, ...]:
    """Why LIVE may not begin; empty where every secret is known to be young enough. Pure."""
    return tuple(str(one) for one in found if one.is_overdue or one.on is None)


def of_config(config: Config, state_dir: Path, *, today: date) -> tuple[Standing, ...]:
    """Every secret this configuration needs, and the gateway's login. Reads the record."""
    return standings(
        (*names_in_use(config), GATEWAY),
        read(state_dir),
        today=today,
        rotation_days=config.security.rotation_days,
    )


def read(state_dir: Path) -> dict[str, date]:
    """The record; nothing is known where there is none that can be read."""
    try:
        found = json.loads((state_dir / RECORD).read_text(encoding="utf-8"))
        return {str(name): date.fromisoformat(on) for name, on in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def record(state_dir: Path, name: str, on: date) -> None:
    """Remember that this secret was changed on this day. Raises OSError."""
    kept = read(state_dir) | {name: on}
    text = json.dumps({key: day.isoformat() for key, day in sorted(kept.items())}, indent=2)
    write_atomically(state_dir / RECORD, text + "\n")


def utc_today() -> date:
    """The day of the wall clock: secrets age by it, whatever a simulated exchange says."""
    return datetime.now(UTC).date()
