"""Keeps what drills showed, in a database of their own: a running engine and its books are never touched."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from engine.gates.evidence import Evidence, Kind, number, words
from engine.runtime.drills.run import Result
from engine.runtime.modes.code import code_id
from engine.runtime.modes.gather import evidence_in
from engine.runtime.process.errors import FailedError, RefusedError
from engine.runtime.process.lock import Holder, InstanceLock, LockHeldError
from engine.runtime.process.paths import DATABASE
from engine.store.errors import StoreError
from engine.store.evidence import put_evidence
from engine.store.store import Store

FOLDER: Final = "drills"
"""In the state folder; below it a folder per (gateway, account), as everywhere."""
GATEWAY: Final = "embedded"
_NO_ACCOUNT: Final = "none"
"""Stands for the account where a drill ended before its gateway had named one."""


class Past(NamedTuple):
    """One drill as it was kept."""

    name: str
    at: datetime
    """When it ended, by the machine's clock."""
    passed: bool
    detected_s: float | None
    recovered_s: float | None
    bare_s: float | None
    failures: tuple[str, ...]
    who: str
    gateway: str
    account: str
    version: str
    is_of_this_code: bool
    """False where the program has changed since."""


def hold(state_dir: Path) -> InstanceLock:
    """One run of drills at a time for a state folder. Raises RefusedError, or FailedError where unusable."""
    holder = Holder(pid=os.getpid(), mode="drill", socket="", run_id="")
    try:
        return InstanceLock.acquire(state_dir / FOLDER, holder)
    except LockHeldError as err:
        pid = "just starting" if err.holder is None else f"pid {err.holder.pid}"
        raise RefusedError(f"drills run already ({pid}); nothing was started. Wait for their end.") from err


def keep(state_dir: Path, result: Result, *, at: datetime, who: str, version: str, config: str) -> None:
    """Write one result. Raises FailedError where it cannot be kept.

    `config` is the digest of the person's configuration, so that it is known what it was drilled beside.
    """
    row = Evidence(
        kind=Kind.PRACTICE,
        subject=f"{result.name} {at.isoformat()}",
        at=at,
        passed=result.passed,
        gateway=GATEWAY,
        account=result.account or _NO_ACCOUNT,
        mode="PAPER",
        speed=result.speed,
        version=version,
        code=code_id(),
        config=config,
        facts={
            "drill": result.name,
            "who": who,
            "detected_s": result.detected_s,
            "recovered_s": result.recovered_s,
            "bare_s": result.bare_s,
            "took_s": result.took_s,
            "blind_s": result.blind_s,
            "failures": list(result.failures),
            "checks": {check.name: check.text for check in result.checks},
        },
    )
    try:
        asyncio.run(_write(state_dir, row))
    except StoreError as err:
        raise FailedError(f"the result of {result.name} is not kept: {err}.") from err


async def _write(state_dir: Path, row: Evidence) -> None:
    path = state_dir / FOLDER / f"{row.gateway}-{row.account}" / DATABASE
    store = await Store.open(path, gateway=row.gateway, account=row.account)
    try:
        await store.run(partial(put_evidence, row=row, boot_id="shell"))
    finally:
        await store.close()


def kept(state_dir: Path) -> tuple[Past, ...]:
    """Every drill that was kept here, oldest first; none where nothing can be read. Reads files."""
    databases = sorted((state_dir / FOLDER).glob(f"*/{DATABASE}"))
    rows = [row for path in databases for row in evidence_in(path) if row.kind == Kind.PRACTICE]
    return tuple(_past(row) for row in sorted(rows, key=lambda row: row.at))


def newest(pasts: Sequence[Past]) -> dict[str, Past]:
    """Drill -> its last run."""
    return {past.name: past for past in sorted(pasts, key=lambda past: past.at)}


def _past(row: Evidence) -> Past:
    return Past(
        name=str(row.facts.get("drill", row.subject)),
        at=row.at,
        passed=row.passed,
        detected_s=_seconds(row, "detected_s"),
        recovered_s=_seconds(row, "recovered_s"),
        bare_s=_seconds(row, "bare_s"),
        failures=words(row.facts, "failures") or (),
        who=str(row.facts.get("who", "")),
        gateway=row.gateway,
        account=row.account,
        version=row.version,
        is_of_this_code=row.code == code_id(),
    )


def _seconds(row: Evidence, name: str) -> float | None:
    value = number(row.facts, name)
    return None if math.isnan(value) else value
