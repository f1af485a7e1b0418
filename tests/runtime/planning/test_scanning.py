"""`cockpit scan` in a running engine: levels on question, and a sentence where there are none."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from engine.api import Command, CommandKind, OutcomeStatus
from engine.broker.port import Fetched, LinkState
from engine.domain.market import Bar
from engine.runtime.planning.assembly import day_answers
from engine.runtime.trading import Trading
from tests.builders import TEN, future, stock
from tests.execution.rig import Rig, rig
from tests.virtual_time import virtual


def _daily(key: str) -> Fetched[tuple[Bar, ...]]:
    last = TEN.replace(hour=21) - timedelta(days=1)
    return Fetched(
        tuple(
            Bar(key, last - timedelta(days=n), 100.0, 101.0, 99.0, 100.0, 1000, 86_400)
            for n in reversed(range(20))
        )
    )


def _trading(here: Rig) -> Trading:
    return Trading(here.desk, executor=here.executor, running=(), spawn=here.spawn)


def _lists(here: Rig) -> None:
    """The broker knows SPY, a stock without history, and one expiry of ES."""
    es = future("ESZ6", last_trade_date=TEN.date() + timedelta(days=28))
    here.broker.chains = {
        "SPY": Fetched((stock("SPY"),)),
        "NEW": Fetched((stock("NEW"),)),
        "ES": Fetched((es,)),
        "LOST": Fetched(None, "no answer"),
    }
    here.broker.history_by_length = {("SPY", 86_400): _daily("SPY"), ("ESZ6", 86_400): _daily("ESZ6")}


@virtual
async def test_every_symbol_has_levels_or_a_reason(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        _lists(here)
        scan = day_answers(here.desk, here.broker, _trading(here))[CommandKind.SCAN]
        outcome = await scan(Command("1", CommandKind.SCAN, target="SPY ES@CME NEW LOST GONE"))

        assert (outcome.status, outcome.text) == (OutcomeStatus.DONE, "2 of 5 have levels for 2026-11-20")
        text, *without = outcome.details
        file = json.loads(text)
        assert file["date"] == "2026-11-20"
        assert {row["symbol"] for row in file["setups"]} == {"SPY", "ESZ6"}
        assert [one.partition(" ")[0] for one in without] == ["NEW", "LOST", "GONE"]
        assert "no answer" in without[1]
        assert here.desk.setups == {}  # shown; nothing is traded by it


@virtual
async def test_all_that_is_traded_is_scanned_where_nothing_is_named(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        _lists(here)
        scan = day_answers(here.desk, here.broker, _trading(here))[CommandKind.SCAN]
        outcome = await scan(Command("1", CommandKind.SCAN))
        assert outcome.text == "2 of 16 have levels for 2026-11-20"


@virtual
async def test_without_a_line_it_is_refused(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.desk.link = LinkState.DOWN
        scan = day_answers(here.desk, here.broker, _trading(here))[CommandKind.SCAN]
        outcome = await scan(Command("1", CommandKind.SCAN))
        assert (outcome.status, outcome.code) == (OutcomeStatus.REFUSED, "link_down")
