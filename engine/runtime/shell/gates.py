"""`cockpit gates`: how every go/no-go gate stands, by which evidence and how old it is; and waivers."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial

from engine.api_gates import GateView
from engine.config import Loaded
from engine.gates.case import Report
from engine.gates.evidence import Evidence, Kind
from engine.gates.waiver import LONGEST, NEVER_WAIVED
from engine.runtime.modes.code import code_id
from engine.runtime.modes.gather import judged
from engine.runtime.modes.views import gate_views
from engine.runtime.process.errors import FailedError, RefusedError, UsageError
from engine.runtime.process.lock import Holder, InstanceLock, LockHeldError
from engine.runtime.process.paths import DATABASE
from engine.store.errors import StoreError
from engine.store.evidence import put_evidence
from engine.store.store import Store

Say = Callable[[str], None]

_SIGNS = {"green": "ok", "waived": "waived", "missing": "missing", "failed": "FAILED"}


def show_gates(loaded: Loaded, *, environ: Mapping[str, str], as_json: bool, say: Say) -> int:
    """Tell every gate; 0 where --live would be let through, else 1."""
    now = datetime.now(UTC)
    report = judged(loaded, now=now, environ=environ)
    views = gate_views(report)
    if as_json:
        say(json.dumps(_as_json(report, views, now=now), indent=2, default=str))
    else:
        for line in lines_of(report, views, now=now):
            say(line)
    return 0 if report.is_green else 1


def lines_of(report: Report, views: tuple[GateView, ...], *, now: datetime) -> list[str]:
    """One line per gate, and the sum."""
    width = max(len(view.code) for view in views)
    lines = [
        f"{_SIGNS[v.verdict]:7}  {v.code:{width}}  {v.title}: {v.text}{_age_text(v.at, now)}" for v in views
    ]
    of = f"paper account {report.account}" if report.account else "no real paper account was ever traded here"
    missing = len(report.missing)
    sum_line = "every gate is open for --live" if report.is_green else f"{missing} gates block --live"
    return [*lines, f"{sum_line} ({of})"]


def waive(
    loaded: Loaded,
    code: str,
    *,
    reason: str,
    days: float,
    ask: Callable[[str], str] | None,
    say: Say,
    environ: Mapping[str, str] | None = None,
) -> int:
    """Do without one gate for some days. Asks for its name; a person must type it.

    Raises UsageError, RefusedError (nothing to waive, an engine runs) or FailedError.
    """
    now = datetime.now(UTC)
    report = judged(loaded, now=now, environ=os.environ if environ is None else environ)
    _check_waiver(report, code, reason=reason, days=days)
    if ask is None:
        raise RefusedError("a waiver is typed by a person: run this at a terminal. Nothing was waived.")
    view = next(v for v in gate_views(report) if v.code == code)
    say(f"{view.title}: {view.text}")
    if ask(f"Type {code} to trade real money without it for {days:g} days: ").strip() != code:
        raise RefusedError("nothing was waived.")
    until = now + timedelta(days=days)
    _write(loaded, report.account, code, reason=reason, at=now, until=until)
    say(f"{code} is waived until {until:%Y-%m-%d %H:%M} UTC: {reason}")
    return 0


def _check_waiver(report: Report, code: str, *, reason: str, days: float) -> None:
    codes = [row.code for row in report.rows]
    if code not in codes or code in NEVER_WAIVED:
        known = ", ".join(c for c in codes if c not in NEVER_WAIVED)
        raise UsageError(f"{code!r} is no gate that can be waived; there are: {known}.")
    if not reason.strip():
        raise UsageError("a waiver needs a reason.")
    if not 0 < days <= LONGEST.days:
        raise UsageError(f"a waiver holds for at most {LONGEST.days} days.")
    if not report.account:
        raise RefusedError("no real paper account was ever traded here: trade one with --paper first.")


def _write(loaded: Loaded, account: str, code: str, *, reason: str, at: datetime, until: datetime) -> None:
    row = Evidence(
        kind=Kind.WAIVER,
        subject=code,
        at=at,
        passed=True,
        gateway="tws",
        account=account,
        mode="",
        speed=1.0,
        version="",
        code=code_id(),
        config=loaded.config.rules_fingerprint,
        facts={"until": until.isoformat(), "reason": reason.strip()},
    )
    holder = Holder(pid=os.getpid(), mode="waiver", socket="", run_id="")
    try:
        lock = InstanceLock.acquire(loaded.state_dir, holder)
    except LockHeldError as err:
        raise RefusedError(f"{err} Stop it first (cockpit stop); nothing was waived.") from err
    try:
        asyncio.run(_store(loaded, account, row))
    except StoreError as err:
        raise FailedError(f"{err}.") from err
    finally:
        lock.release()


async def _store(loaded: Loaded, account: str, row: Evidence) -> None:
    path = loaded.state_dir / f"tws-{account}" / DATABASE
    store = await Store.open(path, gateway="tws", account=account)
    try:
        await store.run(partial(put_evidence, row=row, boot_id="shell"))
    finally:
        await store.close()


def _as_json(report: Report, views: tuple[GateView, ...], *, now: datetime) -> dict[str, object]:
    rows = [
        asdict(view) | {"age_s": None if view.at is None else round((now - view.at).total_seconds())}
        for view in views
    ]
    return {"green": report.is_green, "account": report.account, "gates": rows}


def _age_text(at: datetime | None, now: datetime) -> str:
    if at is None:
        return ""
    hours = max(0.0, (now - at).total_seconds() / 3600)
    return f"  ({hours:.0f} h ago)" if hours < 48 else f"  ({hours / 24:.0f} days ago)"
