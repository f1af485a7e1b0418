"""The universe of a run: measured from hours and quotes, told to the gate, shown with reasons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.broker.port import Fetched
from engine.domain.market import Bar
from engine.domain.order import Proposal
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from engine.risk.selection import ProductStatus
from engine.runtime.selection.universe import EXCLUDED_LOOK, RETRY_S, SETTLED, UniverseWatch, theme_of
from tests.builders import TEN, future, proposal, quote, stock
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import pass_time, virtual

KEYS = ("BIG", "MID", "TINY")
HOURS = 7


def hours(key: str, value_usd: float) -> Fetched[tuple[Bar, ...]]:
    """The hours of a trading day in which that much was traded, at 100 a share."""
    volume = round(value_usd / HOURS / 100.0)
    bars = (
        Bar(key, TEN - timedelta(hours=n), 100.0, 100.0, 100.0, 100.0, volume, 3600)
        for n in reversed(range(HOURS))
    )
    return Fetched(tuple(bars))


@asynccontextmanager
async def watched(folder: Path, **values: float) -> AsyncIterator[tuple[Rig, UniverseWatch]]:
    """A universe whose instruments traded that much, and have a quote two cents wide."""
    async with rig(folder, keys=tuple(values)) as here:
        here.desk.values["NetLiquidation"] = 1e6
        for key, value_usd in values.items():
            here.broker.history_by_length[key, 3600] = hours(key, value_usd)
            here.desk.quotes.on_quote(quote(key))
        yield here, UniverseWatch(here.desk, broker=here.broker, spawn=here.spawn)


def verdict(here: Rig, wish: Proposal) -> EntryTicket | Refusal:
    """What the gate says right now."""
    funded(here.desk, 1e6)
    here.desk.quotes.on_quote(quote(wish.key, at=here.desk.now()))
    return check_entry(wish, here.desk.gate_world(wish, allow_short=True), here.desk.limits())


def code(answer: EntryTicket | Refusal) -> str:
    return answer.reason.value if isinstance(answer, Refusal) else "passed"


@virtual
@pytest.mark.req("REQ-U1")
async def test_each_instrument_gets_the_tier_of_its_value_and_spread_and_the_rest_a_reason(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path, BIG=60e6, MID=6e6, TINY=4e5) as (here, universe):
        await universe.prepare()
        await universe.round()
        universe.look()

        assert here.desk.inputs.tiers == {"BIG": 1, "MID": 2}
        rows = {row.symbol: row for row in here.desk.selection.universe}
        assert (rows["TINY"].tier, rows["TINY"].code) == (0, "min_volume")
        assert "399,700 USD traded" in rows["TINY"].text
        assert rows["BIG"].spread_bps == pytest.approx(2.0)
        assert code(verdict(here, proposal("BIG"))) == "passed"
        refusal = verdict(here, proposal("TINY"))
        assert isinstance(refusal, Refusal)
        assert (refusal.reason, refusal.limit) == (Reason.MIN_VOLUME, 5e5)
        told = [e.text for e in here.desk.notices.events if e.symbol == "TINY"]
        assert any("min_volume" in text for text in told)


@virtual
@pytest.mark.req("REQ-U1")
async def test_what_was_never_measured_is_not_entered_until_the_broker_tells(tmp_path: Path) -> None:
    async with watched(tmp_path, BIG=60e6) as (here, universe):
        told = here.broker.history_by_length.pop(("BIG", 3600))
        here.broker.bars["BIG"] = Fetched(None, "no permission")
        await universe.prepare()
        assert code(verdict(here, proposal("BIG"))) == "unknown_liquidity"

        here.broker.history_by_length["BIG", 3600] = told
        await pass_time(RETRY_S + 1)
        await universe.round()
        await pass_time(0.1)
        await universe.round()

        assert code(verdict(here, proposal("BIG"))) == "passed"


@virtual
@pytest.mark.req("REQ-U1")
async def test_without_history_what_was_seen_to_trade_is_proof_enough(tmp_path: Path) -> None:
    async with watched(tmp_path, BIG=60e6) as (here, universe):
        here.broker.history_by_length["BIG", 3600] = Fetched(None, "no permission")
        await universe.prepare()
        here.desk.quotes.on_bar(Bar("BIG", TEN, 100.0, 100.0, 100.0, 100.0, 400_000))
        await pass_time(EXCLUDED_LOOK.total_seconds() + 1)
        await universe.round()

        assert here.desk.inputs.tiers == {"BIG": 2}, "its spread was not seen for long yet"
        universe.look()
        assert here.desk.inputs.tiers == {"BIG": 2}
        here.desk.quotes.on_bar(Bar("BIG", TEN, 100.0, 100.0, 100.0, 100.0, 100_000))
        universe.look()
        assert here.desk.inputs.tiers == {"BIG": 1}


@virtual
@pytest.mark.req("REQ-U1")
async def test_a_spread_that_was_never_seen_counts_as_wide_and_a_wide_one_excludes(tmp_path: Path) -> None:
    async with watched(tmp_path, BIG=60e6) as (here, universe):
        await universe.prepare()
        assert here.desk.inputs.tiers == {"BIG": 2}, "60 million, and no spread measured yet"

        for _ in range(3):
            here.desk.quotes.on_quote(quote("BIG", bid=99.8, ask=100.2))
            await universe.round()
        universe.look()

        assert here.desk.inputs.excluded["BIG"].reason is Reason.MAX_SPREAD
        assert here.desk.selection.universe[0].text == "spread 40.0 bps, at most 30.0"


@virtual
@pytest.mark.req("REQ-EX1")
async def test_a_halted_product_is_out_and_comes_back_by_itself(tmp_path: Path) -> None:
    async with watched(tmp_path, BIG=60e6) as (here, universe):
        here.desk.inputs.status["BIG"] = ProductStatus.HALTED
        await universe.prepare()
        assert here.desk.inputs.excluded["BIG"].reason is Reason.PRODUCT_HALTED
        del here.desk.inputs.status["BIG"]
        await pass_time(EXCLUDED_LOOK.total_seconds() + 1)
        await universe.round()

        assert not here.desk.inputs.excluded


@virtual
@pytest.mark.req("REQ-U1")
async def test_it_is_judged_anew_every_few_minutes_and_told_where_it_changed(tmp_path: Path) -> None:
    async with watched(tmp_path, BIG=60e6) as (here, universe):
        await universe.prepare()
        for _ in range(SETTLED):
            await universe.round()
        universe.look()
        here.broker.history_by_length["BIG", 3600] = hours("BIG", 7e6)
        await pass_time(3601)
        await universe.round()
        await pass_time(0.1)
        assert here.desk.inputs.tiers == {"BIG": 1}, "tiers hold still between two looks"
        await pass_time(301)
        await universe.round()

        assert here.desk.inputs.tiers == {"BIG": 2}
        assert here.desk.notices.events[-1].text == "BIG: tier 2 of the universe, before 1"


@virtual
@pytest.mark.req("REQ-U2")
async def test_themes_are_those_of_the_configuration_by_symbol_or_by_root(tmp_path: Path) -> None:
    async with watched(tmp_path, SPY=60e6) as (here, universe):
        config = here.desk.config
        await universe.prepare()

        assert here.desk.inputs.themes == {"SPY": "index"}
        assert theme_of(future("ESZ6"), config) == "index"
        assert theme_of(replace(stock("SPYG"), symbol="SPYG"), config) == ""


@virtual
@pytest.mark.req("REQ-R2", "REQ-U1")
async def test_a_position_is_no_larger_than_the_base_size_of_its_tier(tmp_path: Path) -> None:
    async with watched(tmp_path, MID=6e6) as (here, universe):
        risk = here.desk.config.risk.model_copy(
            update={"max_position_size_pct": 50.0, "per_symbol_notional_cap": 1e6, "risk_per_trade_pct": 5.0}
            | {"max_gross_exposure": 1e6}
        )
        here.desk.config = here.desk.config.model_copy(update={"risk": risk})
        await universe.prepare()
        ticket = verdict(here, proposal("MID"))

        assert isinstance(ticket, EntryTicket)
        assert 29_800 <= ticket.exposure_usd <= 30_000, "3 % of a million"
        assert code(check_all(here, proposal("MID"), wanted=ticket.quantity + 1)) == "tier_size"


def check_all(here: Rig, wish: Proposal, *, wanted: int) -> EntryTicket | Refusal:
    """The gate on a quantity that a person asks for."""
    world = here.desk.gate_world(wish, allow_short=True)
    return check_entry(wish, world, here.desk.limits(), wanted=wanted)
