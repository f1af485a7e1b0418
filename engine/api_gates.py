"""The part of the contract that is about go/no-go: how every gate stands, and by which evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class GateView:
    """One gate of --live."""

    code: str
    """Stable name; `cockpit gates waive` takes it."""
    title: str
    verdict: str
    """`green`, `missing`, `failed` or `waived`."""
    text: str
    """The evidence in words, or what is missing."""
    at: datetime | None = None
    """When the newest evidence behind it was made; None where there is none."""

    @property
    def opens(self) -> bool:
        """True where it does not stand in the way."""
        return self.verdict in {"green", "waived"}


@dataclass(frozen=True, slots=True)
class DrillView:
    """One drill of a bad day, and how it went last. Practice: it turns no gate."""

    name: str
    """Stable name; `cockpit drill run` takes it."""
    verdict: str
    """`passed`, `failed` or `never`."""
    text: str
    """The times it took, or what was not met."""
    at: datetime | None = None
    """When it was run last, by the machine's clock; None for never."""
    what: str = ""
    """What is done to the engine, for people."""
    expects: str = ""
    """What it has to do, for people."""
    limits: str = ""
    """How long it is given, for people."""


@dataclass(frozen=True, slots=True)
class GatesView:
    """Every gate, and which stage of LIVE this is."""

    rows: tuple[GateView, ...] = ()
    """Empty until they were looked at for the first time."""
    account: str = ""
    """Paper account whose evidence it is; empty where no real one was ever traded."""
    stage: str = ""
    """In LIVE `CANARY` or `FULL`, else empty."""
    stage_text: str = ""
    """How far CANARY has come, in words."""
    counts_text: str = ""
    """Why this run is no evidence; empty where it is."""
    drills: tuple[DrillView, ...] = ()
    """Every drill there is; empty until they were looked at for the first time."""


NO_GATES: Final = GatesView()
"""Before anybody looked."""
