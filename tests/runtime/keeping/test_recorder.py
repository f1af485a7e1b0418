"""The session's record: quotes at most once a second, bars, proposals with verdicts, commands; in batches."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.api import Command, CommandKind, Outcome, OutcomeStatus
from engine.domain.forecast import Forecast
from engine.domain.market import Bar, Quote
from engine.domain.order import Proposal
from engine.domain.plan import Plan
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.losses import Losses
from engine.risk.refusal import Refusal
from engine.runtime.decisions import decision_context
from engine.runtime.keeping.recorder import Recorder
from engine.store.session_log import Tape, unpacked
from tests.builders import LIMITS, TEN, proposal, world
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual


def entry_wish() -> Proposal:
    return proposal(plan=Plan(pivot=100.0))


def quote(second: float, bid: float, key: str = "SPY") -> Quote:
    return Quote(key, bid, bid + 0.02, 300, 300, bid, 100, TEN.timestamp() + second)


@asynccontextmanager
async def recording(folder: Path) -> AsyncIterator[tuple[Rig, Recorder]]:
    async with rig(folder) as here:
        desk = here.desk
        recorder = Recorder(
            desk.session_log,
            store=here.store,
            quotes=desk.quotes,
            instruments=desk.instruments,
            values=desk.values,
            now=desk.now,
            monotonic=desk.clock.monotonic,
        )

        async def rounds() -> None:
            while True:
                await recorder.round()
                await asyncio.sleep(0.25)

        task = asyncio.ensure_future(rounds())
        try:
            yield here, recorder
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def payloads(here: Rig, kind: str) -> list[dict[str, Any]]:
    rows = await here.rows(f"SELECT payload FROM event WHERE kind = '{kind}' ORDER BY seq")
    return [json.loads(str(payload)) for (payload,) in rows]


async def tape(here: Rig) -> Tape:
    pieces = [unpacked(p) for p in await payloads(here, "tape")]
    return Tape(tuple(q for p in pieces for q in p.quotes), tuple(b for p in pieces for b in p.bars))


@virtual
async def test_quotes_are_taken_once_a_second_and_only_where_they_changed(tmp_path: Path) -> None:
    async with recording(tmp_path) as (here, _):
        for step in range(40):  # ten a second for four seconds, then silence
            here.desk.quotes.on_quote(quote(step / 10, 100.0 + step))
            await pass_time(0.1)
        await pass_time(10)

        found = (await tape(here)).quotes
        assert 4 <= len(found) <= 6
        assert found[-1].bid == 139.0


@virtual
async def test_bars_and_terms_and_account_values_are_there(tmp_path: Path) -> None:
    async with recording(tmp_path) as (here, recorder):
        bar = Bar("SPY", TEN + timedelta(seconds=5), 100.0, 101.0, 99.0, 100.5, 10, wap=100.1, trades=3)
        recorder.on_bar(bar)
        here.desk.values["NetLiquidation"] = 1e6
        await pass_time(21)

        assert (await tape(here)).bars == (bar,)
        assert [t["key"] for t in await payloads(here, "terms")] == ["SPY"]
        assert await payloads(here, "account") == [{"NetLiquidation": 1e6}]


@virtual
@pytest.mark.req("FUT-DO-7")
async def test_a_judged_entry_of_the_learned_trader_has_its_forecast_in_its_record(tmp_path: Path) -> None:
    said = Forecast(7, 0.71, 0.9, 2.5, 1.1, math.inf, 3.0, 80.0, explores=True)
    async with recording(tmp_path) as (here, _):
        for verdict in (EntryTicket(1, 100.02, 99.0, 100.0, 1.0), Refusal(Reason.STALE_QUOTE, "too old")):
            here.desk.session_log.proposal(here.desk.now(), proposal(forecast=said), verdict)
        here.desk.session_log.proposal(here.desk.now(), proposal(), None)
        await pass_time(1)

        taken, refused, other = [p["forecast"] for p in await payloads(here, "proposal")]
        assert taken == refused == {**said._asdict(), "needed": None}
        assert other is None


@virtual
async def test_proposals_carry_the_gates_verdict_and_commands_their_end(tmp_path: Path) -> None:
    async with recording(tmp_path) as (here, _):
        log, now = here.desk.session_log, here.desk.now()
        log.proposal(now, proposal(), EntryTicket(10, 100.02, 99.0, 1000.2, 10.2))
        log.proposal(now, proposal(), Refusal(Reason.STALE_QUOTE, "too old"))
        log.proposal(now, proposal(), None)
        halt = Command("c1", CommandKind.HALT, reason="smoke", who="me")
        log.command(now, halt, Outcome("c1", OutcomeStatus.DONE, "", "halted"))
        await pass_time(1)

        found = await payloads(here, "proposal")
        assert [p["verdict"] for p in found] == ["passed", "stale_quote", "exit"]
        assert (found[0]["quantity"], found[0]["limit_price"]) == (10, 100.02)
        (command,) = await payloads(here, "command")
        assert (command["command"], command["status"], command["reason"]) == ("halt", "done", "smoke")
        assert (await here.store.verify_chain()).ok


@pytest.mark.req("FUT-DO-7")
@virtual
async def test_each_judged_entry_is_one_record_with_all_it_was_judged_by(tmp_path: Path) -> None:
    async with recording(tmp_path) as (here, _):
        log, wish = here.desk.session_log, entry_wish()
        for changes in ({}, {"attempts": 2}, {"quote": None}, {"losses": Losses(day_pct=math.nan)}):
            judged = world(**changes)
            verdict = check_entry(wish, judged, LIMITS)
            log.proposal(judged.now, wish, verdict, decision_context(verdict, judged, LIMITS))
        await pass_time(1)

        passed, tried, blind, unknown = await payloads(here, "proposal")

    assert [p["verdict"] for p in (tried, blind, unknown)] == ["max_attempts", "no_quote", "not_finite"]
    assert passed["verdict"] == "passed"
    assert passed["quantity"] * 1.03 + passed["fees_usd"] == pytest.approx(passed["risk_usd"])
    assert (passed["equity_usd"], passed["regime"], passed["size_factor"]) == (1_000_000.0, 1.0, 1.0)
    assert (passed["funds_usd"], passed["equity_age_s"], passed["product"]) == (1_000_000.0, 0.0, "trading")
    assert (tried["limit"], tried["value"]) == (2, 2)
    assert "2 of 2 attempts" in tried["why"]
    assert blind["quote"] is None
    assert (unknown["losses_pct"]["day_pct"], unknown["threshold"]) == (None, None)


@virtual
async def test_a_disk_that_takes_nothing_keeps_the_newest_lines_for_later(tmp_path: Path) -> None:
    async with recording(tmp_path) as (here, recorder):
        await here.store.read(lambda c: c.execute("PRAGMA query_only = ON").fetchall())
        here.desk.session_log.proposal(here.desk.now(), proposal(), None)
        await pass_time(1)
        assert await payloads(here, "proposal") == []

        await here.store.read(lambda c: c.execute("PRAGMA query_only = OFF").fetchall())
        assert await here.store.retry()
        await recorder.close()
        assert len(await payloads(here, "proposal")) == 1


@virtual
async def test_the_end_writes_what_is_left(tmp_path: Path) -> None:
    async with recording(tmp_path) as (here, recorder):
        here.desk.quotes.on_quote(quote(0, 100.0))
        await pass_time(1.5)
        await recorder.close()

        assert len((await tape(here)).quotes) == 1
