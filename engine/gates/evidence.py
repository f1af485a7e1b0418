"""What evidence is, and where it has to come from to count: no simulated, fast or drilled time ever does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from engine.domain.account import is_paper_account


class Kind(StrEnum):
    """What a piece of evidence is about."""

    DAY = "day"
    """One trading day on a paper account."""
    DRILL = "drill"
    """A drill of the kill switch."""
    CANARY = "canary"
    """How far the first stage of LIVE has come."""
    CONFIRMED = "confirmed"
    """The account id, typed by a person who wants to trade real money."""
    WAIVER = "waiver"
    """A person does without one gate for a time, and says why."""
    PRACTICE = "practice"
    """A drill of what goes wrong, on a private simulated exchange: turns no gate."""


class Evidence(NamedTuple):
    """One thing that was proven, or that failed to be. It says itself where it comes from."""

    kind: str
    """A `Kind`."""
    subject: str
    """Names it within its kind; written again it replaces its row."""
    at: datetime
    """When it last changed, exchange time (of a real gateway: the machine's)."""
    passed: bool
    gateway: str
    """`tws` or `embedded`."""
    account: str
    mode: str
    speed: float
    """How fast the exchange clock ran."""
    version: str
    code: str
    """Digest of the program's own files."""
    config: str
    """Digest of the configuration, as far as gates care."""
    facts: Mapping[str, object] = {}


def why_not_counted(*, gateway: str, account: str, mode: str, speed: float) -> str:
    """Why nothing that happens there is evidence of paper trading, for people; empty where it is."""
    if gateway != "tws":
        return "simulated prices never count"
    if mode != "PAPER":
        return f"{mode} is not paper trading"
    if not is_paper_account(account):
        return f"{account or 'the account'} is not a paper account"
    if speed != 1.0:
        return f"a clock at {speed:g}x never counts"
    return ""


def counts(found: Evidence) -> bool:
    """True where a piece of evidence was made on a real paper account in real time."""
    origin = why_not_counted(gateway=found.gateway, account=found.account, mode=found.mode, speed=found.speed)
    return not origin


# --- reading facts: what is not there, or is no number, is unknown and proves nothing ----------------


def number(facts: Mapping[str, object], name: str) -> float:
    """A figure; NaN where there is none."""
    value = facts.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value)


def moment(facts: Mapping[str, object], name: str) -> datetime | None:
    """An aware time; None where there is none."""
    try:
        found = datetime.fromisoformat(str(facts.get(name)))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def words(facts: Mapping[str, object], name: str) -> tuple[str, ...] | None:
    """A list of texts; None where there is none."""
    value = facts.get(name)
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(value)
