"""An exceeded cap is alerted within a second, once, and taken back when it is over."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import Level
from engine.runtime.guards.cap_watch import CapWatch
from tests.builders import quote
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import virtual


def mark(here: Rig, price: float) -> None:
    here.desk.quotes.on_quote(quote("SPY", price, price, at=here.desk.now()))


@pytest.mark.req("PS60-ALERTS", "REQ-AL1")
@virtual
async def test_a_cap_that_is_exceeded_is_one_critical_alert_until_it_is_not(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        funded(here.desk, 1_000_000.0)
        here.desk.verified = True
        await here.enter(240)
        watch = CapWatch(here.desk)
        mark(here, 104.0)
        await watch.round()
        assert here.desk.notices.alerts == (), "24,960 of 25,000"

        mark(here, 200.0)
        for _ in range(3):
            await watch.round()

        (alert,) = here.desk.notices.alerts
        assert (alert.code, alert.level, alert.symbol, alert.count) == (
            *("cap_breach", Level.CRITICAL, "SPY"),
            1,
        )
        assert "48,000 of 25,000 USD" in alert.text
        assert here.desk.alert_block("SPY") is not None
        assert here.desk.alert_block("QQQ") is None

        here.desk.notices.acknowledge(alert.alert_id)
        mark(here, 201.0)
        await watch.round()
        assert [a.acknowledged for a in here.desk.notices.alerts] == [True], "seen is seen"

        mark(here, 104.0)
        await watch.round()
        assert here.desk.notices.alerts == ()


@virtual
async def test_an_alert_of_the_run_before_ends_when_the_figures_say_so_and_not_while_they_are_unknown(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        here.desk.notices.raise_alert(Level.CRITICAL, "cap_breach", "exceeded", symbol="SPY")
        watch = CapWatch(here.desk)
        await watch.round()
        assert here.alerts("cap_breach"), "the account is not known yet"

        funded(here.desk, 1_000_000.0)
        here.desk.verified = True
        await watch.round()
        assert here.alerts("cap_breach") == []
