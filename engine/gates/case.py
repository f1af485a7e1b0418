"""What the gates are judged from, and what a judgement looks like. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from engine.gates.evidence import Evidence


class Verdict(StrEnum):
    """How one gate stands."""

    GREEN = "green"
    MISSING = "missing"
    """Not proven yet."""
    FAILED = "failed"
    """Proven not to hold."""
    WAIVED = "waived"
    """A person does without it for a time."""

    @property
    def opens(self) -> bool:
        """True where it does not stand in the way."""
        return self in (Verdict.GREEN, Verdict.WAIVED)


class GateRow(NamedTuple):
    """One gate with its verdict and the evidence behind it."""

    code: str
    """Stable name, for waivers and programs."""
    title: str
    verdict: Verdict
    text: str
    """The evidence in words, or what is missing."""
    at: datetime | None = None
    """When the newest evidence behind it was made; None where there is none."""


class CiRun(NamedTuple):
    """What a whole run of the checks proved, and of which code."""

    code: str
    at: datetime
    passed: int
    failed: int
    rows: Mapping[str, bool]
    """Requirement -> did every test that proves it pass."""


@dataclass(frozen=True, slots=True)
class GateRules:
    """How much has to be proven."""

    clean_days: int = 5
    paper_days: int = 7
    max_age_days: int = 30


@dataclass(frozen=True, slots=True)
class Case:
    """Everything known about one paper account, for one program and one configuration."""

    now: datetime
    code: str
    """Digest of the program that wants to trade."""
    config: str
    """Digest of the configuration it wants to trade with."""
    rules: GateRules = field(default_factory=GateRules)
    account: str = ""
    """The paper account; empty where none has ever been traded."""
    evidence: tuple[Evidence, ...] = ()
    ci: CiRun | None = None
    ci_problem: str = ""
    """Why there is no run of the checks to look at."""
    live_enabled: bool = False
    switches: Mapping[str, str] = field(default_factory=dict)
    """Switch (`telemetry`, `alerts`, `jitter`, `secrets`) -> why it is off; empty where it is on."""

    @property
    def own(self) -> tuple[Evidence, ...]:
        """The evidence of this account: nothing crosses from one to another."""
        return tuple(e for e in self.evidence if e.account == self.account)


@dataclass(frozen=True, slots=True)
class Report:
    """The judgement."""

    account: str
    rows: tuple[GateRow, ...]

    @property
    def missing(self) -> tuple[GateRow, ...]:
        """What stands in the way of LIVE."""
        return tuple(row for row in self.rows if not row.verdict.opens)

    @property
    def is_green(self) -> bool:
        """True where nothing does."""
        return not self.missing
