"""What the gates are judged from is found in the state folder, per account, and only where it can be read."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from engine.config import Loaded, load
from engine.gates.case import Verdict
from engine.gates.evidence import Evidence
from engine.runtime.modes.code import code_id, digest_of
from engine.runtime.modes.gather import CI_FILE, ci_run, judged, paper_evidence, switches
from engine.runtime.process.errors import RefusedError, UsageError
from engine.runtime.process.lock import Holder, InstanceLock
from engine.runtime.shell.gates import show_gates, waive
from engine.store.evidence import put_evidence
from engine.store.store import Store
from tests.gates.building import ACCOUNT, NOW, WEEKDAYS, day, day_piece, drill

ROOT = Path(__file__).parents[3]


def _loaded(folder: Path, text: str = "") -> Loaded:
    (folder / "cockpit.toml").write_text(f'[state]\ndir = "st"\n{text}', encoding="utf-8")
    (folder / "st").mkdir(mode=0o700, exist_ok=True)
    return load(path=folder / "cockpit.toml", environ={}, cwd=folder, mode="LIVE")


async def _write(folder: Path, gateway: str, account: str, rows: list[Evidence]) -> None:
    path = folder / "st" / f"{gateway}-{account}" / "cockpit.db"
    store = await Store.open(path, gateway=gateway, account=account)
    for row in rows:
        await store.run(partial(put_evidence, row=row, boot_id="b"))
    await store.close()


def _store(folder: Path, *, gateway: str = "tws", account: str = ACCOUNT) -> None:
    rows = [day_piece(day(of), account=account, gateway=gateway) for of in WEEKDAYS]
    asyncio.run(_write(folder, gateway, account, [*rows, drill(account=account, gateway=gateway)]))


@pytest.mark.req("247-GATE-2", "REQ-M1")
def test_days_of_a_real_paper_account_are_found_and_those_of_the_embedded_gateway_are_not(
    tmp_path: Path,
) -> None:
    loaded = _loaded(tmp_path)
    _store(tmp_path, gateway="embedded")
    nothing = judged(loaded, now=NOW, environ={})
    assert nothing.account == ""
    assert {r.code for r in nothing.missing} >= {"clean_days", "paper_days", "kill_drill"}

    _store(tmp_path)
    found = judged(loaded, now=NOW, environ={})
    assert found.account == ACCOUNT
    assert not {r.code for r in found.missing} & {"clean_days", "paper_days", "alerts_on_time"}


def test_evidence_of_a_live_account_or_another_paper_account_than_the_named_one_is_not_looked_at(
    tmp_path: Path,
) -> None:
    _store(tmp_path)
    _store(tmp_path, account="U777")

    assert set(paper_evidence(tmp_path / "st")) == {ACCOUNT}
    assert set(paper_evidence(tmp_path / "st", only="DU999")) == set()
    assert set(paper_evidence(tmp_path / "st", only="U777")) == {ACCOUNT}


def test_a_database_that_cannot_be_read_proves_nothing(tmp_path: Path) -> None:
    _store(tmp_path)
    (tmp_path / "st" / f"tws-{ACCOUNT}" / "cockpit.db").write_bytes(b"rubbish" * 1000)

    assert paper_evidence(tmp_path / "st") == {ACCOUNT: ()}


@pytest.mark.req("247-GATE-1")
def test_the_run_of_the_checks_counts_for_exactly_this_program(tmp_path: Path) -> None:
    loaded = _loaded(tmp_path)
    file = tmp_path / "st" / CI_FILE
    good = {
        "code": code_id(),
        "at": NOW.isoformat(),
        "passed": 10,
        "failed": 0,
        "rows": {"PS60-ACC-2": True},
    }

    def verdicts(found: object) -> tuple[Verdict, Verdict]:
        file.write_text(json.dumps(found), encoding="utf-8")
        rows = {r.code: r.verdict for r in judged(loaded, now=NOW, environ={}).rows}
        return rows["ci"], rows["accept_recovery"]

    assert verdicts(good) == (Verdict.GREEN, Verdict.GREEN)
    assert verdicts(good | {"code": "0ther"}) == (Verdict.MISSING, Verdict.MISSING)
    assert verdicts(good | {"failed": 1, "rows": {"PS60-ACC-2": False}}) == (Verdict.FAILED, Verdict.FAILED)
    for damage in ({}, [], good | {"at": "yesterday"}, good | {"at": "2026-11-20T10:00:00"}, "x"):
        assert verdicts(damage) == (Verdict.MISSING, Verdict.MISSING)
    file.unlink()
    assert "is recorded" in ci_run(tmp_path / "st")[1]


def test_the_program_is_named_by_its_files(tmp_path: Path) -> None:
    for package in ("cockpit", "engine"):
        (tmp_path / package).mkdir()
    (tmp_path / "engine" / "a.py").write_text("x = 1\n")
    before = digest_of(tmp_path)
    (tmp_path / "engine" / "notes.txt").write_text("no code")
    assert digest_of(tmp_path) == before

    (tmp_path / "engine" / "a.py").write_text("x = 2\n")
    assert digest_of(tmp_path) != before
    assert code_id() == digest_of(ROOT)


@pytest.mark.req("247-GATE-4")
def test_each_switch_that_is_off_is_named(tmp_path: Path) -> None:
    off = _loaded(tmp_path, "[loop]\njitter_pct = 0.0\n[slo]\nenabled = false\n")
    found = switches(off.config, off.state_dir, now=NOW, environ={})
    assert "jitter_pct" in found["jitter"]
    assert "slo.enabled" in found["telemetry"]
    assert "alerts.channels is empty" in found["alerts"]
    assert "no change recorded" in found["secrets"]

    untested = _loaded(tmp_path, '[alerts]\nchannels = ["phone"]\n')
    environ = {"COCKPIT_ALERT_PHONE": "json://localhost"}
    assert "alerts test" in switches(untested.config, untested.state_dir, now=NOW, environ=environ)["alerts"]


def test_the_command_tells_verdict_evidence_and_age_and_leaves_with_1_while_a_gate_is_closed(
    tmp_path: Path,
) -> None:
    loaded = _loaded(tmp_path)
    _store(tmp_path)
    told: list[str] = []

    assert show_gates(loaded, environ={}, as_json=False, say=told.append) == 1
    assert any(line.startswith("missing  live_enabled") for line in told)
    assert any("paper_days" in line and "ago)" in line for line in told)

    told.clear()
    assert show_gates(loaded, environ={}, as_json=True, say=told.append) == 1
    found = json.loads("\n".join(told))
    assert (found["green"], found["account"]) == (False, ACCOUNT)
    by_code = {row["code"]: row for row in found["gates"]}
    assert by_code["live_enabled"]["verdict"] == "missing"
    assert by_code["paper_days"]["age_s"] is not None


def test_a_waiver_is_typed_kept_and_expires(tmp_path: Path) -> None:
    loaded = _loaded(tmp_path)
    _store(tmp_path)
    asked: list[str] = []

    def typed(answer: str) -> int:
        def ask(question: str) -> str:
            asked.append(question)
            return answer

        return waive(loaded, "ci", reason="a build machine is down", days=2, ask=ask, say=asked.append)

    with pytest.raises(RefusedError, match="nothing was waived"):
        typed("yes")
    assert typed("ci") == 0

    now = datetime.now(UTC)
    row = {r.code: r for r in judged(loaded, now=now, environ={}).rows}["ci"]
    assert row.verdict is Verdict.WAIVED
    assert "a build machine is down" in row.text
    later = judged(loaded, now=now + timedelta(days=2, minutes=1), environ={})
    assert {r.code: r.verdict for r in later.rows}["ci"] is Verdict.MISSING


def test_a_waiver_needs_a_person_a_reason_a_short_time_and_no_running_engine(tmp_path: Path) -> None:
    loaded = _loaded(tmp_path)
    with pytest.raises(RefusedError, match="no real paper account"):
        waive(loaded, "ci", reason="x", days=1, ask=lambda _: "ci", say=print)
    _store(tmp_path)
    for code, reason, days in (
        ("ci", " ", 1),
        ("ci", "x", 8),
        ("live_enabled", "x", 1),
        ("what", "x", 1),
    ):
        with pytest.raises(UsageError):
            waive(loaded, code, reason=reason, days=days, ask=lambda question: question, say=print)
    with pytest.raises(RefusedError, match="terminal"):
        waive(loaded, "ci", reason="x", days=1, ask=None, say=print)

    lock = InstanceLock.acquire(loaded.state_dir, Holder(pid=1, mode="PAPER", socket="", run_id="r"))
    with pytest.raises(RefusedError, match="Stop it first"):
        waive(loaded, "ci", reason="x", days=1, ask=lambda _: "ci", say=print)
    lock.release()
