"""Where there is a position, or anything that may become one, the same symbol is never entered again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from engine.api import Level
from engine.api_recovery import RecoveryKind
from engine.domain.order import OrderState, Role
from engine.domain.preview import EntryTicket
from engine.ledger.ledger import Ledger
from engine.recovery.compare import Finding
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from tests.builders import proposal, quote
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import pass_time, virtual


def _asked(here: Rig, signal: str) -> EntryTicket | Refusal:
    """One more wish to enter, told as a strategy's would be."""
    desk = here.desk
    funded(desk, 1_000_000.0)
    desk.quotes.on_quote(quote("SPY", at=desk.now()))
    wish = proposal(signal_id=signal)
    verdict = check_entry(wish, desk.gate_world(wish, allow_short=True), desk.limits())
    if isinstance(verdict, Refusal):
        desk.refused(wish, verdict)
    return verdict


def _warnings(here: Rig) -> list[str]:
    return [
        e.text
        for e in here.desk.notices.events
        if "duplicate_position" in e.text and e.level is Level.WARNING
    ]


async def _is_open(here: Rig) -> None:
    await here.enter(100)


async def _is_pending(here: Rig) -> None:
    await here.enter(100, filled=0)


async def _is_closing(here: Rig) -> None:
    await here.enter(100)
    here.broker.unfilled.add(Role.EXIT)
    here.spawn("close", here.close)
    await pass_time(1)
    assert OrderState.WORKING in here.state_of(Role.EXIT)


async def _is_an_orphan(here: Rig) -> None:
    found = Finding(RecoveryKind.ORPHAN, "SPY", here.spy.con_id, 0, Decimal(50), excess=Decimal(50))
    here.desk.differences = (found,)


@pytest.mark.req("RECOVERY-RISK-4")
@virtual
@pytest.mark.parametrize("stands", [_is_open, _is_pending, _is_closing, _is_an_orphan])
async def test_a_second_position_is_refused_and_warned_of_once(
    tmp_path: Path, stands: Callable[[Rig], Awaitable[None]]
) -> None:
    async with rig(tmp_path) as here:
        here.without_cooldowns()
        await stands(here)

        verdicts = [_asked(here, f"again-{n}") for n in range(3)]

        assert all(isinstance(v, Refusal) and v.reason == "duplicate_position" for v in verdicts)
        assert len(_warnings(here)) == 1


@pytest.mark.req("RECOVERY-RISK-4")
@virtual
async def test_right_after_a_restart_it_is_refused_just_so(tmp_path: Path) -> None:
    async with rig(tmp_path / "before") as here:
        await here.enter(100)
        stored = await here.store.load()

    async with rig(tmp_path / "after", ledger=Ledger(stored.ledger)) as here:
        here.without_cooldowns()
        verdict = _asked(here, "again")

        assert isinstance(verdict, Refusal)
        assert verdict.reason == "duplicate_position"
        assert len(_warnings(here)) == 1


@virtual
async def test_a_flat_symbol_is_entered(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        assert isinstance(_asked(here, "first"), EntryTicket)
