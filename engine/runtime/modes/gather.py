"""Collects what the gates are judged from: evidence of real paper accounts, the last run of the checks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from engine.config import Config, Loaded
from engine.domain.account import is_paper_account
from engine.gates.case import Case, CiRun, GateRules, Report
from engine.gates.evidence import Evidence
from engine.gates.verdict import best, judge
from engine.runtime.alerts.trial import working_channels
from engine.runtime.modes.code import code_id
from engine.runtime.process.paths import DATABASE
from engine.runtime.security.rotation import live_refusals, of_config
from engine.store.connection import open_for_reading
from engine.store.evidence import evidence

CI_FILE: Final = "ci-evidence.json"
"""In the state folder: what the last whole run of the checks (`.ci/run`) proved."""

_REAL: Final = "tws-"


def judged(loaded: Loaded, *, now: datetime, environ: Mapping[str, str]) -> Report:
    """How the gates stand for this program and configuration. Reads files: call it off the loop."""
    config, state_dir = loaded.config, loaded.state_dir
    run, problem = ci_run(state_dir)
    found = paper_evidence(state_dir, only=config.connection.account)
    cases = (
        Case(
            now=now,
            code=code_id(),
            config=config.rules_fingerprint,
            rules=rules_of(config),
            account=account,
            evidence=pieces,
            ci=run,
            ci_problem=problem,
            live_enabled=config.mode.live_enabled,
            switches=switches(config, state_dir, now=now, environ=environ),
        )
        for account, pieces in (found or {"": ()}).items()
    )
    return best(judge(case) for case in cases)


def rules_of(config: Config) -> GateRules:
    """How much has to be proven, as configured."""
    gates = config.gates
    return GateRules(gates.clean_days, gates.paper_days, gates.max_age_days)


def switches(config: Config, state_dir: Path, *, now: datetime, environ: Mapping[str, str]) -> dict[str, str]:
    """Switch -> why it is off; empty where it is on."""
    return {
        "telemetry": "" if config.slo.enabled else "slo.enabled is false",
        "alerts": _alerts_off(config, state_dir, environ),
        "secrets": "; ".join(live_refusals(of_config(config, state_dir, today=now.date()))),
        "jitter": "" if config.loop.jitter_pct > 0 else "loop.jitter_pct is 0",
    }


def _alerts_off(config: Config, state_dir: Path, environ: Mapping[str, str]) -> str:
    if not config.alerts.channels:
        return "alerts.channels is empty: nobody hears of an alert who does not look"
    if not working_channels(config, state_dir, environ=environ):
        return "no channel of alerts.channels was tested: cockpit alerts test"
    return ""


def paper_evidence(state_dir: Path, *, only: str = "") -> dict[str, tuple[Evidence, ...]]:
    """Paper account -> its evidence. `only` names the one paper account that is meant, where one is."""
    folders = {f.parent.name.removeprefix(_REAL): f for f in sorted(state_dir.glob(f"{_REAL}*/{DATABASE}"))}
    wanted = {only} if is_paper_account(only) else set(folders)
    return {
        account: evidence_in(path)
        for account, path in folders.items()
        if account in wanted and is_paper_account(account)
    }


def evidence_in(database: Path) -> tuple[Evidence, ...]:
    """The evidence of one database; none where it cannot be read or is older than evidence is."""
    try:
        with closing(open_for_reading(database)) as conn:
            return evidence(conn)
    except sqlite3.DatabaseError:
        return ()


def ci_run(state_dir: Path) -> tuple[CiRun | None, str]:
    """The last whole run of the checks, or why there is none."""
    path = state_dir / CI_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        rows = {str(row): passed is True for row, passed in dict(found["rows"]).items()}
        at = datetime.fromisoformat(found["at"])
        run = CiRun(str(found["code"]), at, int(found["passed"]), int(found["failed"]), rows)
    except FileNotFoundError:
        return None, f"no run of the checks is recorded: run .ci/run, or copy its {CI_FILE} to {state_dir}"
    except (OSError, ValueError, TypeError, KeyError) as err:
        return None, f"{path} cannot be read ({type(err).__name__}): run .ci/run again"
    if at.tzinfo is None:
        return None, f"{path} names no time zone: run .ci/run again"
    return run, ""
