"""Remembers how things stood when a screen left, per origin, so that its next visit begins with the news."""

from __future__ import annotations

import getpass
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from engine.api import Snapshot
from engine.api_handle import Departure

MOST_ORIGINS: Final = 32
"""Origins remembered; the one that was away longest is forgotten first."""
MOST_ORIGIN_CHARS: Final = 120


class Departures:
    """In memory: after a restart of the engine its restart report tells the same. Safe from any thread."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, Snapshot] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, origin: str, snapshot: Snapshot) -> None:
        """A screen of `origin` left while the engine showed this."""
        with self._lock:
            self._left[origin] = snapshot  # looked at when somebody comes back: leaving must not fail
            self._left.move_to_end(origin)
            while len(self._left) > MOST_ORIGINS:
                self._left.popitem(last=False)

    def of(self, origin: str) -> Departure | None:
        """How things stood when the last screen of `origin` left; None where none did."""
        with self._lock:
            snapshot = self._left.get(origin)
        return None if snapshot is None else departure_of(snapshot)


def departure_of(snapshot: Snapshot) -> Departure:
    """What will be compared. Pure."""
    return Departure(
        at=snapshot.as_of,
        exchange_at=snapshot.session.now,
        event_seq=snapshot.events[-1].seq if snapshot.events else 0,
        day_usd=snapshot.pnl.day_usd,
        positions=tuple((p.symbol, p.quantity) for p in snapshot.positions),
        brakes=tuple((brake.kind, brake.scope) for brake in snapshot.brakes),
        alerts=tuple(alert.alert_id for alert in snapshot.alerts),
    )


def origin_of(environ: Mapping[str, str]) -> str:
    """Who looks from where: the user, and the address of an SSH login or this machine."""
    address = (environ.get("SSH_CONNECTION") or environ.get("SSH_CLIENT") or "").split(" ")[0]
    user = environ.get("USER") or environ.get("LOGNAME") or _user()
    return f"{user}@{address or 'local'}"[:MOST_ORIGIN_CHARS]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a bare container
        return f"uid {os.getuid()}"
