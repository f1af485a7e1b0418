"""The health monitor: what is not well blocks entries within a second and lets go after a stable time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from engine.api import Level, Mode
from engine.broker.port import LinkEvent, LinkState, Notice, ProductHalt
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.health.machine import ClockSync, Share
from engine.risk.brakes import Brake, BrakeLevel, BrakeScope
from engine.risk.refusal import Refusal
from tests.runtime.health.watching import WELL, Watching, watching
from tests.virtual_time import pass_time, virtual

STABLE_S = 5.0
SECONDS = count(1)


def lag(here: Watching, ms: float) -> None:
    """The loop was that late in each of the last seconds."""
    for _ in range(6):
        here.lag.note(ms, now_s=next(SECONDS))


Act = Callable[[Watching], object]


def ill(**figures: object) -> Act:
    """A machine with these figures."""

    def make(here: Watching) -> None:
        here.machine.figures = WELL._replace(**figures)  # type: ignore[arg-type]  # named as they are

    return make


def well(here: Watching) -> None:
    """Everything as it should be."""
    here.machine.figures = WELL
    lag(here, 0.0)
    here.here.desk.values["ExcessLiquidity"] = 9e5


def poor(here: Watching) -> None:
    """No liquidity left."""
    here.here.desk.values["ExcessLiquidity"] = 1e4


ILLS: dict[str, tuple[Act, Reason]] = {
    "loop": (lambda here: lag(here, 300.0), Reason.LOOP_LAG),
    "memory": (ill(memory=Share(3.0, 81.0)), Reason.MEMORY),
    "cpu": (ill(cpu=Share(81.0, 90.0)), Reason.CPU),
    "disk": (ill(free_disk_mb=10.0), Reason.DISK_FULL),
    "margin": (poor, Reason.MARGIN_LOW),
}


@pytest.mark.req("FUT-F8", "FUT-QA-HEALTH-34")
@pytest.mark.parametrize("name", ILLS)
@virtual
async def test_each_check_blocks_entries_within_a_second_and_lets_go_after_a_stable_time(
    tmp_path: Path, name: str
) -> None:
    act, reason = ILLS[name]
    async with watching(tmp_path) as here:
        await pass_time(2.0)
        assert isinstance(here.ask(), EntryTicket)
        act(here)
        await pass_time(1.0)
        refused = here.ask()
        assert isinstance(refused, Refusal)
        assert refused.reason is reason
        assert name in refused.text
        (alert,) = [a for a in here.here.desk.notices.alerts if a.code == "health"]
        assert alert.level is Level.ERROR
        (row,) = [r for r in here.watch.monitor.rows if r.blocks]
        assert (row.name, row.level) == (name, Level.ERROR)

        well(here)
        await pass_time(2.0)
        settling = here.ask()
        assert isinstance(settling, Refusal)
        assert settling.reason is Reason.HEALTH_SETTLING
        assert not here.here.alerts("health")
        await pass_time(STABLE_S)
        assert isinstance(here.ask(), EntryTicket)
        assert here.urged


@pytest.mark.req("FUT-F8", "FUT-EDGE-1")
@virtual
async def test_a_lost_line_blocks_at_once_and_after_it_came_back_for_the_stable_time(tmp_path: Path) -> None:
    async with watching(tmp_path) as here:
        await pass_time(2.0)
        here.here.inbox.on_broker_event(LinkEvent(LinkState.FROZEN, "silent for 3 s"))
        at_once = here.ask()
        assert isinstance(at_once, Refusal)
        assert at_once.reason is Reason.LINK_DOWN
        await pass_time(1.0)
        here.here.inbox.on_broker_event(LinkEvent(LinkState.UP, "answers again"))
        await pass_time(1.0)
        settling = here.ask()
        assert isinstance(settling, Refusal)
        assert settling.reason is Reason.HEALTH_SETTLING
        await pass_time(STABLE_S)
        assert isinstance(here.ask(), EntryTicket)
        assert not here.here.alerts("health"), "a lost line has an alert of its own"


@pytest.mark.req("FUT-F8")
@virtual
async def test_the_store_that_cannot_write_is_critical_and_blocks(tmp_path: Path) -> None:
    async with watching(tmp_path) as here:
        await pass_time(2.0)
        here.here.store._error, here.here.store.healthy = "disk full", False
        await pass_time(1.0)
        refused = here.ask()
        assert isinstance(refused, Refusal)
        assert refused.reason is Reason.STORE_DOWN
        (row,) = [r for r in here.watch.monitor.rows if r.name == "store"]
        assert row.level is Level.CRITICAL
        here.here.store._error, here.here.store.healthy = "", True


@pytest.mark.req("FUT-F8")
@virtual
async def test_prices_that_all_stand_still_block_and_one_that_stands_still_does_not(tmp_path: Path) -> None:
    async with watching(tmp_path, keys=("SPY", "QQQ")) as here:
        await pass_time(10.0)
        here.silent = True
        await pass_time(7.0)
        assert here.here.desk.health is not None
        assert here.here.desk.health.reason is Reason.DATA_SILENT
        here.quote("SPY")
        await pass_time(1.0)
        assert here.here.desk.health.reason is Reason.HEALTH_SETTLING
        (row,) = [r for r in here.watch.monitor.rows if r.name == "data"]
        assert row.text == "1 live, 1 stale: QQQ"


@pytest.mark.req("FUT-F8")
@virtual
async def test_a_brake_of_a_person_stays_when_health_is_back(tmp_path: Path) -> None:
    async with watching(tmp_path) as here:
        await pass_time(2.0)
        desk = here.here.desk
        kill = Brake(
            "b1", BrakeLevel.KILL, BrakeScope.ACCOUNT, name="", reason="enough", who="me", at=desk.now()
        )
        desk.brakes = desk.brakes.with_(kill)
        here.machine.figures = WELL._replace(free_disk_mb=1.0)
        await pass_time(2.0)
        well(here)
        await pass_time(20.0)
        assert desk.health is None
        refused = here.ask()
        assert isinstance(refused, Refusal)
        assert refused.reason is Reason.KILLED


@pytest.mark.req("REQ-TIME1")
@pytest.mark.parametrize(
    ("gateway", "mode", "blocks"),
    [("tws", Mode.PAPER, True), ("tws", Mode.DRY_RUN, False), ("embedded", Mode.PAPER, False)],
)
@virtual
async def test_a_clock_that_nobody_sets_blocks_on_a_real_gateway_only(
    tmp_path: Path, gateway: str, mode: Mode, blocks: bool
) -> None:
    async with watching(tmp_path, gateway=gateway, mode=mode) as here:
        here.machine.figures = WELL._replace(clock=ClockSync(synced=False))
        await pass_time(2.0)
        block = here.here.desk.health
        assert (block is not None) is blocks
        assert block is None or block.reason is Reason.CLOCK_UNSYNCED


@virtual
async def test_a_probe_that_hangs_leaves_the_watch_running_and_its_figures_unknown(tmp_path: Path) -> None:
    async with watching(tmp_path) as here:
        await pass_time(2.0)
        monitor = here.watch.monitor

        def memory() -> str:
            return next(row.text for row in monitor.rows if row.name == "memory")

        known = memory()
        hangs: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        monitor._probe = hangs  # type: ignore[assignment]  # a thread that does not come back

        await pass_time(9.0)
        assert memory() == known
        await pass_time(3.0)
        assert memory() == "cannot be measured"
        hangs.cancel()


@virtual
async def test_before_the_first_ready_nothing_counts_as_degraded(tmp_path: Path) -> None:
    async with watching(tmp_path) as here:
        here.watch.monitor._was_ready = False
        desk = here.here.desk
        desk.state, desk.link = type(desk.state).BOOTING, LinkState.CONNECTING
        await pass_time(3.0)
        desk.state, desk.link = type(desk.state).READY, LinkState.UP
        await pass_time(1.0)
        assert desk.health is None, "nobody waits for a line that was never lost"


@pytest.mark.req("REQ-EX1")
@virtual
async def test_a_halted_product_is_refused_the_others_go_on_and_it_clears(tmp_path: Path) -> None:
    async with watching(tmp_path, keys=("SPY", "QQQ")) as here:
        await pass_time(2.0)
        here.here.inbox.on_broker_event(ProductHalt("SPY", 1))
        refused = here.ask("SPY")
        assert isinstance(refused, Refusal)
        assert refused.reason is Reason.PRODUCT_HALTED
        assert isinstance(here.ask("QQQ"), EntryTicket)
        await pass_time(1.0)
        (row,) = [r for r in here.watch.monitor.rows if r.name == "halts"]
        assert (row.level, row.text) == (Level.WARNING, "SPY halted")
        here.here.inbox.on_broker_event(ProductHalt("SPY", 0))
        assert isinstance(here.ask("SPY"), EntryTicket)


@pytest.mark.req("REQ-EX1")
@virtual
async def test_a_broken_data_farm_blocks_what_it_serves_until_it_is_back(tmp_path: Path) -> None:
    async with watching(tmp_path) as here:
        await pass_time(2.0)
        inbox = here.here.inbox
        inbox.on_broker_event(Notice(2103, "Market data farm connection is broken:usfuture", ""))
        assert isinstance(here.ask(), EntryTicket), "a farm of futures serves no stock"
        inbox.on_broker_event(Notice(2103, "Market data farm connection is broken:usfarm", ""))
        refused = here.ask()
        assert isinstance(refused, Refusal)
        assert refused.reason is Reason.PRODUCT_HALTED
        inbox.on_broker_event(Notice(2104, "Market data farm connection is OK:usfarm", ""))
        assert isinstance(here.ask(), EntryTicket)


@virtual
async def test_a_competing_session_takes_the_line_until_a_price_comes(tmp_path: Path) -> None:
    async with watching(tmp_path) as here:
        await pass_time(2.0)
        desk = here.here.desk
        here.silent = True
        here.here.inbox.on_broker_event(Notice(10197, "No market data during competing live session", "SPY"))
        assert not desk.quotes.is_live("SPY")
        await pass_time(1.0)
        (row,) = [r for r in here.watch.monitor.rows if r.name == "entitlement"]
        assert row.text == "competing session: SPY"
        assert here.here.alerts("delayed_data")
        here.quote()
        await pass_time(1.0)
        assert desk.quotes.is_live("SPY")
        assert not here.here.alerts("delayed_data")


@pytest.mark.req("FUT-EDGE-1")
@virtual
async def test_a_line_lost_in_the_restart_window_is_trouble_only_after_a_while(tmp_path: Path) -> None:
    async with watching(tmp_path, gateway="tws") as here:
        await pass_time(2.0)
        desk = here.here.desk
        desk.link = LinkState.DOWN
        desk.notices.raise_alert(Level.INFO, "link_down", "line to the broker: restart")
        await pass_time(14 * 60.0)
        assert [a.level for a in desk.notices.alerts if a.code == "link_down"] == [Level.INFO]
        await pass_time(2 * 60.0)
        assert [a.level for a in desk.notices.alerts if a.code == "link_down"] == [Level.ERROR]


@pytest.mark.req("PLAN-LOOP-STATELESS", "PLAN-LOOP-WATCHDOG")
@virtual
async def test_a_regular_round_that_hangs_is_told_within_ten_seconds_and_taken_back_when_it_turns(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path) as here:
        await pass_time(20.0)
        assert here.here.alerts("upkeep_round") == []

        here.hung = True
        await pass_time(7.0)
        assert here.here.alerts("upkeep_round") == []
        await pass_time(3.0)
        (told,) = here.here.alerts("upkeep_round")
        assert "the regular round hangs" in told

        here.hung = False
        await pass_time(1.5)
        assert here.here.alerts("upkeep_round") == []


@pytest.mark.req("PLAN-LOOP-WATCHDOG")
@virtual
async def test_a_process_that_stood_still_as_a_whole_is_no_round_that_hangs(tmp_path: Path) -> None:
    async with watching(tmp_path) as here:
        await pass_time(20.0)
        clock, was = here.here.desk.clock, here.here.desk.clock.monotonic
        clock.monotonic = lambda: was() + 16.0  # type: ignore[method-assign]  # nothing ran for so long

        here.watch.monitor.look()

        assert here.here.alerts("upkeep_round") == []
