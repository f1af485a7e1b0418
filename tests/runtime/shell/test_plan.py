"""`cockpit plan` without an engine: from the configuration, the calendars and the scanner files alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from engine.api_selection import SelectionView, UniverseRow
from engine.config import Loaded, load
from engine.domain.instrument import SessionHours
from engine.market.sessions import Calendar, SessionDay
from engine.runtime.process.gateway_process import FOLDER, STATUS_NAME
from engine.runtime.shell import plan as shell_plan
from engine.runtime.shell.plan import show_plan, without_engine
from engine.store.sessions import put_calendars
from engine.store.store import Store
from tests.builders import OPEN_DAY, TEN
from tests.cockpit.scripted import NORMAL

CONFIG = """
[risk]
restricted = ["NVDA"]
[market_data]
max_lines = 6
[strategies.pivots]
kind = "pivot_break"
symbols = ["SPY", "QQQ"]
from_scanner = 1
[strategies.only_futures]
kind = "momentum"
profile = "futures"
symbols = ["AAPL", "FDAX@EUREX"]
[strategies.off]
kind = "momentum"
enabled = false
symbols = ["MSFT"]
[strategies.mom]
kind = "momentum"
symbols = ["NVDA"]
[universe.futures]
discover = true
exchanges = ["EUREX"]
"""


def _nyse() -> Calendar:
    """Ten days back, ninety ahead: every day is one."""
    days = (timedelta(days=n) for n in range(-10, 90))
    return Calendar(
        "NYSE",
        (
            SessionDay((OPEN_DAY.close + n).date(), (SessionHours(OPEN_DAY.open + n, OPEN_DAY.close + n),))
            for n in days
        ),
    )


async def _place(folder: Path) -> Loaded:
    (folder / "cockpit.toml").write_text(CONFIG)
    state = folder / "state"
    gateway = state / FOLDER
    gateway.mkdir(parents=True)
    (gateway / STATUS_NAME).write_text(json.dumps({"epoch": TEN.timestamp()}))
    account = state / "embedded-DU1"
    store = await Store.open(account / "cockpit.db", gateway="embedded", account="DU1")
    await store.run(lambda conn: put_calendars(conn, (_nyse(),)))
    await store.close()
    scans = account / "scanner"
    scans.mkdir()
    rows = [{"symbol": "SPY", "resistance": 101.0, "support": 99.0, "score": 70.0}, {"symbol": "BAD"}]
    rows += [
        {"symbol": key, "resistance": 11.0, "support": 9.0, "score": n}
        for n, key in enumerate(("LOW", "TOP"))
    ]
    text = json.dumps({"date": "2026-11-20", "setups": rows})
    (scans / "scanner_results_20261120.json").write_text(text)
    return load(path=folder / "cockpit.toml", environ={}, cwd=folder, mode="PAPER")


@pytest.mark.req("FUT-F7", "PS60-SCANNER")
async def test_the_day_stands_in_one_document_with_every_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = await _place(tmp_path)
    monkeypatch.setattr(shell_plan, "made_elsewhere", None)  # nothing is made: the store has it all

    plan = without_engine(loaded, environ={})

    assert (plan["source"], plan["day"], plan["as_of"]) == ("configuration", "2026-11-20", TEN.isoformat())
    assert [(row["symbols"], row["source"]) for row in plan["sessions"] if row["opens"]] == [
        (["AAPL", "NVDA", "QQQ", "SPY"], "NYSE")
    ]
    codes = {(row["strategy"], row["symbol"]): row["code"] for row in plan["universe"]}
    assert codes == {
        ("pivots", "SPY"): "",
        ("pivots", "QQQ"): "no_setup",
        ("pivots", "TOP"): "",
        ("only_futures", "AAPL"): "profile",
        ("only_futures", "FDAX@EUREX"): "",
        ("off", "MSFT"): "disabled",
        ("mom", "NVDA"): "restricted",
    }
    assert [(row["symbol"], row["score"]) for row in plan["setups"]] == [
        ("SPY", 70.0),
        ("LOW", 0.0),
        ("TOP", 1.0),
    ]
    assert plan["data_lines"] == {"used": 6, "limit": 6, "left_out": ["AAPL", "FDAX@EUREX", "NVDA"]}
    assert [note for note in plan["notes"] if "row 2 BAD" in note]
    assert "futures of EUREX that nobody named are looked for by a running engine" in plan["notes"]


@pytest.mark.req("PS60-ENTRYWIN")
async def test_people_read_it_in_new_york_time(tmp_path: Path) -> None:
    loaded = await _place(tmp_path)
    said: list[str] = []
    assert show_plan(loaded, is_named=True, environ={}, as_json=False, say=said.append) == 0
    text = "\n".join(said)
    assert "Plan for 2026-11-20 by the configuration (no engine runs)" in text
    assert "09:30 to Fri 2026-11-20 16:00, entries 09:45 to 15:00, flat by 15:55 (NYSE): AAPL NVDA" in text
    assert "not known (FDAX: no calendar for 'EUREX' is known; known are" in text
    assert "QQQ      pivots: no levels for the day yet" in text
    assert "without a line, so not traded: AAPL FDAX@EUREX NVDA" in text


async def test_where_nothing_is_known_yet_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(overrides={"state.dir": str(tmp_path / "s")}, environ={}, cwd=tmp_path, mode="PAPER")

    def fails(names: object, first: date, last: date, *, environ: object) -> dict[str, Calendar]:
        raise shell_plan.MakerError("no library")

    monkeypatch.setattr(shell_plan, "made_elsewhere", fails)
    plan = without_engine(loaded, environ={})
    assert plan["setups"] == []
    assert all(row["opens"] is None for row in plan["sessions"])
    assert any("no session yet" in note for note in plan["notes"])
    assert any("no library" in note for note in plan["notes"])
    assert not (tmp_path / "s").exists()  # it only looked


@pytest.mark.req("FUT-F2", "FUT-QA-UI-5")
def test_what_is_watched_and_traded_by_nobody_stands_in_the_plan_with_its_reason() -> None:
    rows = (
        UniverseRow("SPY", 1, "index", 9e9, 0.2),
        UniverseRow("ESZ6", 1, "index", 9e9, 0.2),
        UniverseRow("CC@CME", 0, "", None, None, "no_contract", "every contract ends soon"),
    )
    judged = replace(NORMAL, selection=SelectionView(universe=rows))

    listed = shell_plan._universe(judged, {"ma": ("SPY",)})

    assert [(row["symbol"], row["strategy"], row["code"], row["text"]) for row in listed] == [
        ("SPY", "ma", "", "may be entered"),
        ("ESZ6", "", "", "no strategy trades it"),
        ("CC@CME", "", "no_contract", "every contract ends soon"),
    ]
