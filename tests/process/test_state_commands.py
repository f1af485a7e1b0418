"""The commands about the state on disk, as a person gives them: words, exit codes, files."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import stat
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from engine.domain.market import Bar
from engine.domain.order import Role, Side
from engine.domain.plan import Plan
from engine.ledger.changes import Changes
from engine.ledger.events import Described, Executed, Registered
from engine.ledger.ledger import Ledger
from engine.runtime.process.lock import Holder, InstanceLock
from engine.store.backup import verify
from engine.store.checkpoint import put_checkpoint
from engine.store.events import NewEvent
from tests.ledger.building import T0, at, fill, intent
from tests.process.terminal import Place, write_config
from tests.store.building import opened
from tests.store.test_order_audit import a_round_trip

pytestmark = pytest.mark.slow

DAY = date(2026, 11, 20)


async def a_day(path: Path) -> None:
    """A long of 100 at 445.25 with half taken at 447.13, its stop, a bar, and counters."""
    plan = Plan(pivot=444.77, target1=460.25, target2=470.5)
    entry = intent("ck-in", key="TSLA", quantity=100, plan=plan)
    stop = intent("ck-stop", key="TSLA", role=Role.STOP, side=Side.SELL, stop_price=442.0, parent_ref="ck-in")
    partial = intent("ck-part", key="TSLA", role=Role.EXIT, side=Side.SELL, quantity=50, reason="PARTIAL_50")
    ledger = Ledger()
    async with opened(path) as store:
        await store.start_day([], day=DAY, at=T0)
        terms = Described("TSLA", 756733, fill("x", 1, "1").price, "STK", "TSLA", "SMART", "USD")
        await store.apply(ledger.apply(terms), at=T0)
        await store.record_intents([entry, stop, partial], at=T0)
        changes = ledger.apply(Registered((entry, stop, partial), T0))
        changes += ledger.apply(Executed(fill("e1", 100, "445.25", ref="ck-in", key="TSLA"), 1, T0))
        half = fill("e2", -50, "447.13", ref="ck-part", key="TSLA", seconds=180)
        changes += ledger.apply(Executed(half, 2, at(180)))
        await store.apply(changes, at=at(180))
        await store.put_brake(kind="PAUSE", scope="symbol", name="NVDA", reason="news", who="me", at=at(200))
        document = {
            "session_started_at": T0.isoformat(),
            "watchlist": ["TSLA"],
            "last_bars": [],
            "filter_blocks": {"stale_quote": 2},
            "entry_paths": {"pivot": 1},
            "why_not": [],
        }
        bars = [Bar("TSLA", at(5), 444.5, 444.85, 444.4, 444.8, 900)]
        await store.run(lambda c: put_checkpoint(c, document, bars, at=at(200), day=DAY, kept_bars=720))


@pytest.fixture
def kept(place: Place) -> Path:
    """The database of the state folder of `place`, with a day in it."""
    (place.folder / "cockpit.toml").write_text('[broker]\ngateway = "embedded"\n', encoding="utf-8")
    path = place.state / "embedded-DU100001" / "cockpit.db"
    asyncio.run(a_day(path))
    return path


def test_verify_names_every_account_and_the_first_bad_row(place: Place, kept: Path) -> None:
    done = place.run("audit", "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert "embedded-DU100001: ok: " in done.stdout
    assert "events, unbroken" in done.stdout

    with closing(sqlite3.connect(kept, isolation_level=None)) as conn:
        conn.execute("UPDATE event SET payload = '{}' WHERE seq = 4")
    done = place.run("audit", "verify")
    assert done.returncode == 1
    assert "BROKEN: event 4 was changed after it was written" in done.stdout


@pytest.mark.req("CARD-SQLITE")
def test_verify_and_export_read_while_the_store_is_open_and_writing(place: Place, kept: Path) -> None:
    async def meanwhile() -> None:
        async with opened(kept, boot_id="boot-2") as store:
            await store.apply(Changes(), [NewEvent(T0, "link", "info", "", "", "up")], at=T0)
            verified = await asyncio.to_thread(place.run, "audit", "verify")
            exported = await asyncio.to_thread(place.run, "export", "state")
            await store.apply(Changes(), [NewEvent(T0, "link", "info", "", "", "still up")], at=T0)
            assert (verified.returncode, exported.returncode) == (0, 0), exported.stderr

    asyncio.run(meanwhile())


@pytest.mark.req("REQ-X2")
def test_the_story_of_one_order_fits_80_columns_and_is_told_while_the_store_is_open(place: Place) -> None:
    path = place.state / "embedded-DU100001" / "cockpit.db"
    asyncio.run(a_round_trip(path))

    async def meanwhile() -> tuple[str, ...]:
        async with opened(path, boot_id="boot-2"):
            told = await asyncio.to_thread(place.run, "audit", "order", "C3")
            entry = await asyncio.to_thread(place.run, "audit", "order", "A1")
        assert (told.returncode, entry.returncode, told.stderr) == (0, 0, ""), entry.stderr
        return told.stdout, entry.stdout

    sold, bought = asyncio.run(meanwhile())

    for text in (sold, bought):
        assert all(len(line) <= 80 and line.isprintable() for line in text.splitlines())
    assert "cost 44,530.00 USD, fee 1.00 USD (estimated)" in " ".join(bought.split())
    assert "initial margin 22,265.00 USD (broker's what-if)" in " ".join(bought.split())
    assert "passed: 100 at 445.3, stop 442, exposure 44,530.00 USD, risk 332.00 USD" in " ".join(
        bought.split()
    )
    assert "order id 7, permId 9001, signal s-1" in bought
    story = [line.split(maxsplit=2)[::2] for line in sold.splitlines() if line.startswith("  10:")]
    assert [text for _, text in story] == [
        "pending",
        "sending",
        "fill: SELL 100 at 447.25 (e2.01)",
        "fee 1.25 USD of e2.01",
    ]
    assert story[-1][0].startswith("10:02:01")
    assert "gross 200.00 - fees 2.25 = 197.75 USD" in " ".join(sold.split())


@pytest.mark.req("REQ-X2")
def test_the_story_of_one_order_as_json_and_what_is_said_where_none_or_several_are_meant(
    place: Place,
) -> None:
    path = place.state / "embedded-DU100001" / "cockpit.db"
    asyncio.run(a_round_trip(path))

    found = json.loads(place.run("audit", "order", "A1", "--json").stdout)
    several = place.run("audit", "order", "ck-")
    none = place.run("audit", "order", "nobody")

    assert found["preview"]["fee_by"] == "estimated"
    assert found["verdict"]["risk_usd"] == 332.0
    assert [step["status"] for step in found["steps"]][:2] == ["pending", "sending"]
    assert found["fills"][0]["commission_usd"] == 1.0
    assert (several.returncode, none.returncode) == (2, 2)
    assert "ck-B2-stop" in several.stderr
    assert "no order has 'nobody' in its reference" in none.stderr


def test_a_file_that_is_no_database_is_said_to_be_broken(place: Place, kept: Path) -> None:
    kept.write_bytes(b"no database")

    done = place.run("audit", "verify")

    assert done.returncode == 1
    assert "cannot be read" in done.stdout


def test_without_a_state_the_commands_say_so_as_wrong_use(place: Place) -> None:
    for command in (["audit", "verify"], ["backup"], ["export", "state"]):
        done = place.run(*command)
        assert done.returncode == 2, command
        assert "there is no state" in done.stderr


def test_several_accounts_need_a_choice(place: Place, kept: Path) -> None:
    shutil.copytree(kept.parent, place.state / "tws-U1")

    assert "choose with --account" in place.run("backup").stderr
    assert place.run("backup", "--account", "DU100001").returncode == 0


@pytest.mark.req("RECOVERY-RISK-1")
def test_a_backup_moves_the_state_to_another_host(place: Place, kept: Path, tmp_path: Path) -> None:
    target = tmp_path / "moved.db"
    done = place.run("backup", "--to", str(target))
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert verify(target).account == "DU100001"

    shutil.rmtree(place.state)
    done = place.run("restore", str(target))
    assert done.returncode == 0, done.stderr
    assert "no other host trades this account" in done.stdout

    exported = json.loads(place.run("export", "state").stdout)
    assert exported["positions"]["TSLA"]["quantity"] == 50


def test_a_restore_keeps_what_was_there(place: Place, kept: Path, tmp_path: Path) -> None:
    place.run("backup", "--to", str(tmp_path / "b.db"))
    before = kept.read_bytes()

    done = place.run("restore", str(tmp_path / "b.db"))

    assert done.returncode == 0, done.stderr
    (aside,) = kept.parent.glob("replaced-*")
    assert (aside / "cockpit.db").read_bytes() == before
    assert str(aside) in done.stdout


def test_a_restore_is_refused_while_an_engine_runs(place: Place, kept: Path, tmp_path: Path) -> None:
    place.run("backup", "--to", str(tmp_path / "b.db"))
    lock = InstanceLock.acquire(place.state, Holder(pid=1, mode="PAPER", socket="", run_id="r"))
    try:
        done = place.run("restore", str(tmp_path / "b.db"))
    finally:
        lock.release()

    assert done.returncode == 4
    assert "Stop it first" in done.stderr
    assert not list(kept.parent.glob("replaced-*"))


def test_a_restore_of_another_account_is_refused(place: Place, kept: Path, tmp_path: Path) -> None:
    place.run("backup", "--to", str(tmp_path / "b.db"))

    done = place.run("restore", str(tmp_path / "b.db"), "--account", "DU2")

    assert done.returncode == 4
    assert "DU100001, not DU2" in done.stderr


def test_a_restore_of_another_gateway_is_refused(place: Place, kept: Path, tmp_path: Path) -> None:
    place.run("backup", "--to", str(tmp_path / "b.db"))
    write_config(place)

    done = place.run("restore", str(tmp_path / "b.db"))

    assert done.returncode == 4
    assert "of the gateway embedded, broker.gateway is tws" in done.stderr


def test_a_restore_of_a_damaged_backup_changes_nothing(place: Place, kept: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.db"
    place.run("backup", "--to", str(target))
    with closing(sqlite3.connect(target, isolation_level=None)) as conn:
        conn.execute("DELETE FROM event WHERE seq = 2")

    done = place.run("restore", str(target))

    assert done.returncode == 1
    assert "event 2 is missing" in done.stderr
    assert not list(kept.parent.glob("replaced-*"))


@pytest.mark.req("REQ-ARCH-002", "RECOVERY-STATE-POS", "RECOVERY-STATE-ATTEMPTS", "RECOVERY-STATE-SESSION")
def test_the_export_is_the_json_form_of_the_state(place: Place, kept: Path, tmp_path: Path) -> None:
    target = tmp_path / "position_state.json"
    done = place.run("export", "state", "--to", str(target))
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600

    state = json.loads(target.read_text(encoding="utf-8"))
    position = state["positions"]["TSLA"]
    assert {k: position[k] for k in ("symbol", "side", "entry_price", "shares", "remaining", "quantity")} == {
        "symbol": "TSLA",
        "side": "LONG",
        "entry_price": 445.25,
        "shares": 100,
        "remaining": 0.5,
        "quantity": 50,
    }
    assert position["entry_time"] == "2026-11-20T10:00:00-05:00"
    assert (position["pivot"], position["target1"], position["target2"]) == (444.77, 460.25, 470.5)
    assert position["stop_order_ref"] == "ck-stop"
    assert {k: position["contract"][k] for k in ("symbol", "exchange", "currency")} == {
        "symbol": "TSLA",
        "exchange": "SMART",
        "currency": "USD",
    }
    assert position["partials_taken"] == [
        {"time": "2026-11-20T10:03:00-05:00", "price": 447.13, "shares": 50, "reason": "PARTIAL_50"}
    ]
    attempts = state["attempt_counts"]["TSLA"]
    assert (attempts["long_attempts"], attempts["short_attempts"], attempts["resistance"]) == (1, 0, 444.77)
    session = state["session"]
    assert session["start_time"] == "2026-11-20T10:00:00-05:00"
    assert (session["watchlist"], session["daily_pnl"], session["trades_today"]) == (["TSLA"], 94.0, 0)
    assert state["analytics"]["filter_blocks"] == {"stale_quote": 2}
    assert state["analytics"]["entry_paths"] == {"pivot": 1}
    assert state["bar_buffers"]["TSLA"]["bars"] == [
        {
            "time": "2026-11-20T10:00:00-05:00",
            "open": 444.5,
            "high": 444.85,
            "low": 444.4,
            "close": 444.8,
            "volume": 900,
        }
    ]
    assert [(b["kind"], b["name"]) for b in state["brakes"]] == [("PAUSE", "NVDA")]
    assert state["timestamp"] == "2026-11-20T10:03:20-05:00"
