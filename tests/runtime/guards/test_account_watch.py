"""The account's figures and margins are asked for before they are too old, and their age is told."""

from __future__ import annotations

import math
from pathlib import Path

from engine.api import Level
from engine.broker.port import AccountValue, Fetched, LinkState
from engine.domain.instrument import Instrument
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from engine.runtime.guards.account_watch import AccountWatch
from tests.builders import future, proposal, quote
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import pass_time, virtual


class _Watched:
    """A watch with what it asked for."""

    def __init__(self, here: Rig) -> None:
        self.here = here
        self.margins: list[str] = []
        self.watch = AccountWatch(here.desk, broker=here.broker, margin=self._margin, spawn=here.spawn)

    async def _margin(self, instrument: Instrument) -> None:
        self.margins.append(instrument.key)

    @property
    def asked(self) -> int:
        return self.here.broker.log.count("values")

    async def seconds(self, count: int) -> None:
        for _ in range(count):
            await pass_time(0.9)
            await self.watch.round()
            await pass_time(0.1)


@virtual
async def test_figures_are_asked_for_three_times_before_they_are_too_old(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = _Watched(here)
        funded(here.desk, 1e6)

        await it.seconds(14)
        assert it.asked == 0
        await it.seconds(45)

        assert it.asked == 3
        assert here.alerts("stale_account") == []


@virtual
async def test_an_answer_makes_them_fresh_whether_they_changed_or_not(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = _Watched(here)
        funded(here.desk, 1e6)

        async def refresh() -> Fetched[bool]:
            here.inbox.on_broker_event(AccountValue("NetLiquidation", "1000000", "USD", "DU1"))
            return Fetched(True)

        here.broker.refresh_values = refresh  # type: ignore[method-assign]
        await it.seconds(200)

        assert here.desk.heard.values_age_s <= 16.0


@virtual
async def test_without_an_answer_entries_are_refused_and_an_alert_says_so_until_there_is_one(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        it = _Watched(here)
        here.desk.verified = True
        funded(here.desk, 1e6)
        await it.seconds(62)
        here.desk.quotes.on_quote(quote("SPY", at=here.desk.now()))
        wish = proposal()

        verdict = check_entry(wish, here.desk.gate_world(wish, allow_short=False), here.desk.limits())

        assert isinstance(verdict, Refusal)
        assert verdict.reason is Reason.STALE_ACCOUNT
        assert len(here.alerts("stale_account")) == 1
        funded(here.desk, 1e6)
        await it.seconds(1)
        assert here.alerts("stale_account") == []


@virtual
async def test_margins_of_futures_are_asked_for_alike_and_nothing_while_the_line_is_down(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        it = _Watched(here)
        here.desk.instruments["ESZ6"] = future()
        here.desk.link = LinkState.DOWN
        await it.seconds(5)
        assert (it.asked, it.margins) == (0, [])

        here.desk.link = LinkState.UP
        await it.seconds(1)
        assert it.margins == ["ESZ6"], "never heard is due at once; a stock has none"
        here.desk.heard.margin("ESZ6")
        await it.seconds(14)
        assert it.margins == ["ESZ6"]
        await it.seconds(2)
        assert it.margins == ["ESZ6"] * 2
        assert math.isnan(here.desk.heard.margin_age_s("NQZ6"))
        assert all(a.level is not Level.CRITICAL for a in here.desk.notices.alerts)
