"""LIVE starts only with every gate green and the account id typed once; else it says what is missing."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from engine.api import Mode
from engine.config import Loaded, load, with_value
from engine.domain.account import is_paper_account
from engine.gates.acceptance import POINTS
from engine.gates.evidence import Evidence
from engine.health.machine import ClockSync
from engine.runtime import boot
from engine.runtime.boot import build_core
from engine.runtime.clock import SystemClock
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.modes.account_lock import AccountLock
from engine.runtime.modes.code import code_id
from engine.runtime.modes.gather import CI_FILE
from engine.runtime.modes.live import begin_live, permission, refuse_profiles, subject_of
from engine.runtime.process.errors import RefusedError
from engine.runtime.process.lock import Holder, InstanceLock
from engine.runtime.process.options import GatewayEndpoint, RunOptions
from engine.runtime.security import rotation
from engine.store.evidence import evidence, put_evidence
from engine.store.store import Store
from tests.broker.peer import ScriptedPeer
from tests.gates.building import ACCOUNT, day, day_piece, drill

REAL = "U777"
GREEN = """
[state]
dir = "st"
[mode]
live_enabled = true
[alerts]
channels = ["phone"]
"""
ENVIRON = {"COCKPIT_ALERT_PHONE": "json://localhost"}


def _loaded(folder: Path, text: str = GREEN) -> Loaded:
    (folder / "cockpit.toml").write_text(text, encoding="utf-8")
    return load(path=folder / "cockpit.toml", environ={}, cwd=folder, mode="LIVE")


@pytest.fixture
def green(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """A state folder in which everything is proven."""
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    loaded = _loaded(tmp_path)
    state = loaded.state_dir
    state.mkdir(mode=0o700)
    today = datetime.now(UTC)
    run = {"code": code_id(), "at": today.isoformat(), "passed": 9, "failed": 0}
    rows = {point.requirement: True for point in POINTS}
    (state / CI_FILE).write_text(json.dumps(run | {"rows": rows}), encoding="utf-8")
    for secret in ("alert-phone", rotation.GATEWAY):
        rotation.record(state, secret, today.date())
    from engine.runtime.alerts.trial import try_channels

    try_channels(loaded.config, state, environ=ENVIRON, say=lambda _: None, make_send=lambda _: lambda *_: "")
    dates = [(today - timedelta(days=n)).date() for n in range(8, 0, -1)]
    days = [day(of, next_day=of + timedelta(days=1)) for of in dates]
    last = drill(at=today - timedelta(minutes=1), code=code_id(), config=loaded.config.rules_fingerprint)
    asyncio.run(_write(loaded, ACCOUNT, [*map(day_piece, days), last]))
    return loaded


async def _write(loaded: Loaded, account: str, rows: list[Evidence]) -> None:
    store = await _open(loaded, account)
    for row in rows:
        await store.run(partial(put_evidence, row=row, boot_id="b"))
    await store.close()


async def _open(loaded: Loaded, account: str = REAL) -> Store:
    path = loaded.state_dir / f"tws-{account}" / "cockpit.db"
    return await Store.open(path, gateway="tws", account=account)


def _options(loaded: Loaded, *, typed: str, account: str = REAL) -> RunOptions:
    return RunOptions(
        mode=Mode.LIVE,
        headless=True,
        run_id="run",
        state_dir=loaded.state_dir,
        gateway=GatewayEndpoint("tws", "127.0.0.1", 7496, account),
        clock=SystemClock(),
        lag=LoopLagProbe(),
        version="1.0",
        typed_account=typed,
    )


def _ask(loaded: Loaded, answer: str | None) -> str:
    ask: Callable[[str], str] | None = None if answer is None else lambda _: answer
    return permission(loaded, environ=os.environ, ask=ask, say=lambda _: None)


@pytest.mark.req("REQ-M1")
def test_with_nothing_proven_live_is_refused_with_the_list_of_everything_that_is_missing(
    tmp_path: Path,
) -> None:
    loaded = _loaded(tmp_path, '[state]\ndir = "st"\n')

    with pytest.raises(RefusedError) as refused:
        _ask(loaded, REAL)

    said = str(refused.value)
    for code in ("live_enabled", "ci", "clean_days", "paper_days", "kill_drill", "alerts", "accept_eod"):
        assert f"({code})" in said
    assert refused.value.exit_code == 4
    assert not loaded.state_dir.exists(), "nothing was started"


@pytest.mark.req("REQ-M1")
async def test_the_id_is_typed_once_and_remembered_for_this_account_configuration_and_program(
    green: Loaded,
) -> None:
    ask = partial(asyncio.to_thread, _ask)
    with pytest.raises(RefusedError, match="terminal"):
        await ask(green, None)
    assert await ask(green, f" {REAL} ") == REAL

    store = await _open(green)
    with pytest.raises(RefusedError, match="none was typed"):
        await begin_live(green, _options(green, typed=""), store)
    with pytest.raises(RefusedError, match="U778 was typed"):
        await begin_live(green, _options(green, typed="U778"), store)
    assert await store.read(evidence) == ()
    await begin_live(green, _options(green, typed=REAL), store)

    await begin_live(green, _options(green, typed=""), store)
    await store.close()
    assert await ask(green, None) == "", "a crash restart asks nobody"


@pytest.mark.req("REQ-M1")
async def test_another_configuration_is_typed_anew_and_a_key_press_is_none(green: Loaded) -> None:
    store = await _open(green)
    await begin_live(green, _options(green, typed=REAL), store)
    await store.close()

    changed = with_value(green.config, "risk.max_positions", 2)
    assert subject_of(changed) == subject_of(green.config), "what an operator may change while it runs"
    wider = green.config.model_copy(
        update={"risk": green.config.risk.model_copy(update={"max_order_value": 60_000.0})}
    )
    assert subject_of(wider) != subject_of(green.config)


@pytest.mark.req("REQ-M1")
async def test_a_paper_account_an_embedded_gateway_and_no_answer_are_refused(green: Loaded) -> None:
    for answer in ("", "DU123"):
        with pytest.raises(RefusedError, match="real money"):
            await asyncio.to_thread(_ask, green, answer)
    store = await _open(green, ACCOUNT)
    with pytest.raises(RefusedError, match="is a paper account"):
        await begin_live(green, _options(green, typed=ACCOUNT, account=ACCOUNT), store)
    await store.close()

    embedded = _loaded(green.state_dir.parent, GREEN + '[broker]\ngateway = "embedded"\n')
    with pytest.raises(RefusedError, match="embedded"):
        await asyncio.to_thread(_ask, embedded, REAL)


@pytest.mark.req("REQ-M1", "247-GATE-3")
async def test_the_engine_asks_the_gates_again_itself(green: Loaded) -> None:
    (green.state_dir / CI_FILE).unlink()
    store = await _open(green)

    with pytest.raises(RefusedError, match=r"\(ci\)"):
        await begin_live(green, _options(green, typed=REAL), store)
    await store.close()


@pytest.mark.req("REQ-M1", "247-GATE-5", "REQ-SI1")
async def test_an_engine_on_a_live_account_boots_as_canary_with_everything_green_and_not_at_all_without(
    green: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    # Not about this machine's own clock, which need not be synchronised where tests run.
    monkeypatch.setattr(boot, "read_clock_sync", lambda: ClockSync(synced=True, drift_ms=1.0))
    async with ScriptedPeer(account=REAL, kind="") as peer:
        endpoint = GatewayEndpoint("tws", "127.0.0.1", peer.port)
        asked = replace(_options(green, typed=""), gateway=endpoint)
        with pytest.raises(RefusedError, match="none was typed"):
            await build_core(green, asked)

        engine = await build_core(green, replace(asked, typed_account=REAL))
        desk = engine.parts.desk
        assert (desk.mode, desk.account, desk.is_canary) == (Mode.LIVE, REAL, True)
        assert desk.limits().max_positions == 1
        with pytest.raises(RefusedError, match=f"account {REAL} is traded already"):
            await build_core(green, asked)
        await engine.parts.close()

        (green.state_dir / CI_FILE).unlink()
        with pytest.raises(RefusedError, match=r"\(ci\)"):
            await build_core(green, asked)


def test_a_live_engine_that_runs_here_is_attached_to_without_asking(tmp_path: Path) -> None:
    loaded = _loaded(tmp_path, '[state]\ndir = "st"\n')
    lock = InstanceLock.acquire(loaded.state_dir, Holder(pid=1, mode="LIVE", socket="", run_id="r"))

    assert _ask(loaded, None) == ""
    lock.release()


@pytest.mark.req("FUT-DEMO")
def test_the_futures_profile_is_refused_on_every_account_that_is_not_paper(tmp_path: Path) -> None:
    strategy = '[strategies.learned]\nkind = "momentum"\nsymbols = ["ES@CME"]\nprofile = "futures"\n'
    config = _loaded(tmp_path, strategy).config

    refuse_profiles(config, "DU123")
    with pytest.raises(RefusedError, match="learned"):
        refuse_profiles(config, "U777")
    refuse_profiles(_loaded(tmp_path, strategy + "enabled = false\n").config, "U777")


@pytest.mark.req("REQ-SI1")
def test_one_account_is_traded_by_one_engine_whatever_its_state_folder(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    lock = AccountLock.acquire("DU1", state_dir=tmp_path / "one", environ=environ)

    with pytest.raises(RefusedError, match=f"pid {os.getpid()}, state folder .*one"):
        AccountLock.acquire("DU1", state_dir=tmp_path / "two", environ=environ)
    AccountLock.acquire("DU2", state_dir=tmp_path / "two", environ=environ).release()
    lock.release()
    AccountLock.acquire("DU1", state_dir=tmp_path / "two", environ=environ).release()


def test_paper_accounts_are_known_by_their_numbers() -> None:
    assert [is_paper_account(a) for a in ("DU1", "DF1", "U1", "D1", "")] == [True, True, False, False, False]
