"""LIVE begins as CANARY: caps cut, connected hours added up over restarts, begun anew at a breach."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import Level, Mode
from engine.broker.port import LinkState
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from engine.runtime.modes.canary import CanaryWatch
from engine.runtime.modes.evidence import EvidenceBook
from engine.store.evidence import evidence
from tests.builders import proposal, quote
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual

NEEDED_H = 0.1


async def _watch(here: Rig, *, config_hash: str = "c0f1") -> CanaryWatch:
    gates = here.desk.config.gates.model_copy(update={"canary_hours": NEEDED_H})
    here.desk.config = here.desk.config.model_copy(update={"gates": gates})
    book = EvidenceBook(here.desk, here.store, "1.0", config_hash)
    watch = CanaryWatch(here.desk, book, known=await here.store.read(evidence))
    here.desk.notices.on_told(watch.hear)
    return watch


async def _rounds(watch: CanaryWatch, seconds: int) -> None:
    for _ in range(seconds):
        await watch.round()
        await pass_time(1.0)


@virtual
@pytest.mark.req("247-GATE-5")
async def test_live_is_cut_until_its_hours_are_over_and_full_afterwards(tmp_path: Path) -> None:
    async with rig(tmp_path, mode=Mode.LIVE) as here:
        risk = here.desk.config.risk
        watch = await _watch(here)
        await _rounds(watch, 300)
        assert (here.desk.limits().max_positions, here.desk.limits().max_position_size_pct) == (1, 2.5)
        assert "0.1 of 0.1 h" in watch.text

        await _rounds(watch, 70)
        assert here.desk.limits().max_positions == risk.max_positions
        assert here.desk.limits().max_position_size_pct == risk.max_position_size_pct


@virtual
@pytest.mark.req("247-GATE-5")
async def test_a_breach_cuts_the_caps_at_once_and_starts_the_hours_anew(tmp_path: Path) -> None:
    async with rig(tmp_path, mode=Mode.LIVE) as here:
        watch = await _watch(here)
        await _rounds(watch, 370)
        assert not here.desk.is_canary

        here.desk.notices.raise_alert(Level.CRITICAL, "daily_loss", "the limit is reached")
        assert here.desk.limits().max_positions == 1, "before any round"
        await _rounds(watch, 300)
        assert here.desk.is_canary
        assert "anew since daily_loss" in watch.text
        await _rounds(watch, 70)
        assert not here.desk.is_canary


@virtual
@pytest.mark.req("247-GATE-5")
async def test_hours_without_a_line_do_not_count(tmp_path: Path) -> None:
    async with rig(tmp_path, mode=Mode.LIVE) as here:
        watch = await _watch(here)
        here.desk.link = LinkState.DOWN
        await _rounds(watch, 400)

        assert here.desk.is_canary


@virtual
@pytest.mark.req("247-GATE-5")
async def test_it_goes_on_after_a_restart_and_anew_with_another_configuration(tmp_path: Path) -> None:
    async with rig(tmp_path, mode=Mode.LIVE) as here:
        await _rounds(await _watch(here), 245)
        again = await _watch(here)
        await _rounds(again, 125)
        assert not here.desk.is_canary

        here.desk.canary_is_over = False
        other = await _watch(here, config_hash="0ther")
        await _rounds(other, 125)
        assert here.desk.is_canary


@virtual
@pytest.mark.req("247-GATE-5")
async def test_paper_and_dry_runs_have_no_stages(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        watch = await _watch(here)
        await _rounds(watch, 3)

        assert not here.desk.is_canary
        assert watch.text == ""
        assert await here.store.read(evidence) == ()


@virtual
@pytest.mark.req("247-GATE-5")
async def test_the_gate_refuses_what_is_not_tier_one_in_the_canary_stage(tmp_path: Path) -> None:
    async with rig(tmp_path, mode=Mode.LIVE) as here:
        desk = here.desk
        desk.quotes.on_quote(quote("SPY", at=desk.now()))
        wish = proposal("SPY")

        said = check_entry(wish, desk.gate_world(wish, allow_short=False), desk.limits())

        assert isinstance(said, Refusal)
        assert said.reason is Reason.CANARY_TIER
