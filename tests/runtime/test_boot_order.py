"""The order of a start on the real engine and the real gateway, with a position of the run before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.api import EngineState
from engine.broker.ibkr import IbkrBroker
from engine.domain.order import Intention, Proposal, Side
from engine.runtime.alerts.notices import Notices
from engine.runtime.engine import Engine
from engine.runtime.keeping.checkpoint import Checkpoints
from engine.runtime.reconcile.account import AccountDesk
from engine.runtime.upkeep import Upkeep
from tests.e2e.live import live
from tests.waiting import eventually_async

pytestmark = pytest.mark.slow


@pytest.mark.req("RECOVERY-STARTUP")
async def test_it_connects_compares_verifies_stops_subscribes_is_ready_and_only_then_saves_and_sends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(tmp_path) as here:
        await here.until(
            lambda s: any(p.protected_quantity == abs(p.quantity) > 0 for p in s.positions), why="no position"
        )

    trace: list[str] = []
    for owner, name in (
        (IbkrBroker, "connect"),
        (AccountDesk, "compare"),
        (Upkeep, "check_stops"),
        (IbkrBroker, "subscribe"),
        (IbkrBroker, "place"),
        (Checkpoints, "save"),
    ):
        monkeypatch.setattr(owner, name, _traced(name, getattr(owner, name), trace))
    told = Notices.event

    def event(self: Notices, level: Any, kind: str, text: str, **more: str) -> Any:
        if text.startswith(EngineState.READY.value):
            trace.append("ready")
        return told(self, level, kind, text, **more)

    monkeypatch.setattr(Notices, "event", event)
    compare, early, starting = AccountDesk.compare, dict[str, str](), list[Engine]()

    async def compared(self: AccountDesk, **more: bool) -> bool:
        if not early:
            early.update(await _signal(starting[0]))
        return await compare(self, **more)

    monkeypatch.setattr(AccountDesk, "compare", compared)
    soon: dict[str, Any] = {"state.checkpoint_s": 1.0}
    async with live(tmp_path, **soon) as again:
        starting.append(again.engine)
        await again.ready()
        await eventually_async(lambda: "save" in trace, within_s=20, why="never saved")
        (held,) = again.snapshot.positions
        assert held.is_verified

    assert early == {"QQQ": "not_recovered"}

    first = list(dict.fromkeys(trace))
    assert first[:6] == ["connect", "compare", "check_stops", "subscribe", "ready", "save"]
    assert "place" not in trace[: trace.index("ready")], "an order left before recovery was complete"


async def _signal(engine: Engine) -> dict[str, str]:
    """A strategy's wish to enter, through its usual way; why each symbol was refused."""
    trading, desk = engine.parts.trading, engine.parts.desk
    wish = Proposal(
        strategy="script",
        key="QQQ",
        intention=Intention.ENTER,
        side=Side.BUY,
        signal_id="early",
        at=desk.now(),
        stop_price=1.0,
    )
    await trading._act(trading.running[0], (wish,))
    return {key: refusal.code for (_, key), refusal in desk.why_not.items()}


def _traced(name: str, wrapped: Callable[..., Any], trace: list[str]) -> Callable[..., Any]:
    def called(*args: Any, **more: Any) -> Any:
        trace.append(name)
        return wrapped(*args, **more)

    return called
