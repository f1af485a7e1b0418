"""What a health check says: one value against one limit, and whether entries may happen."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from engine.domain.reasons import Reason


class Check(StrEnum):
    """Everything that is watched, in the order in which it is shown."""

    LINK = "broker"
    DATA = "data"
    ENTITLEMENT = "entitlement"
    HALTS = "halts"
    MARGIN = "margin"
    RESTART = "restart"
    CLOCK = "clock"
    LOOP = "loop"
    STORE = "store"
    MEMORY = "memory"
    CPU = "cpu"
    DISK = "disk"
    CALENDAR = "calendar"
    MODEL = "model"


class State(StrEnum):
    """How well it is."""

    OK = "ok"
    NOTE = "note"
    """Nothing to judge, or nothing that matters."""
    WARN = "warn"
    BAD = "bad"
    """Entries are blocked."""


class Verdict(NamedTuple):
    """One check at one moment. `value` and `limit` are for people, with their units; empty where none."""

    check: Check
    state: State
    text: str
    value: str = ""
    limit: str = ""
    reason: Reason | None = None
    """Why entries are blocked; None where this check blocks none of its own (link and store have theirs)."""


def ok(check: Check, text: str, *, value: str = "", limit: str = "") -> Verdict:
    """All is well."""
    return Verdict(check, State.OK, text, value, limit)


def note(check: Check, text: str, *, value: str = "", limit: str = "") -> Verdict:
    """Worth showing, nothing to do."""
    return Verdict(check, State.NOTE, text, value, limit)


def warn(check: Check, text: str, *, value: str = "", limit: str = "") -> Verdict:
    """A person should look; entries go on."""
    return Verdict(check, State.WARN, text, value, limit)


def bad(check: Check, reason: Reason, text: str, *, value: str = "", limit: str = "") -> Verdict:
    """Entries are blocked for `reason`."""
    return Verdict(check, State.BAD, text, value, limit, reason)
