"""How fast a KILL is at a real wire: 20 working orders, slow answers, 600 questions queued before it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from engine.api import Command, CommandKind, Level, OutcomeStatus
from engine.domain.order import OrderState
from engine.domain.preview import EntryTicket
from engine.execution.far_orders import DRILL, FarOrders
from engine.execution.refs import RefMaker
from engine.execution.sender import Sender
from engine.risk.drill import drill_ticket
from engine.runtime.process.gateway_process import FOLDER
from tests.e2e.live import ONE_STOCK, Live, live
from tests.waiting import eventually_async, lateness_s

pytestmark = pytest.mark.slow

QUIET = {"script": {**ONE_STOCK, "params": {"enter_at": 0}}}
ORDERS, QUEUED = 20, 600


def _drill(here: Live, **command: object) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as admin:
        admin.settimeout(10.0)
        admin.connect(str(here.state_dir / FOLDER / "admin.sock"))
        admin.sendall(json.dumps(command).encode() + b"\n")
        with admin.makefile("rb") as answers:
            answer: dict[str, Any] = json.loads(answers.readline())
    assert answer["ok"], answer
    return answer


async def _place(here: Live, number: int) -> list[str]:
    """Orders that work at the exchange and never fill."""
    parts = here.engine.parts
    desk = parts.desk
    refs = RefMaker(
        desk.account, epoch_ms=lambda: time.time_ns() // 1_000_000, entropy=lambda n: bytes(n - 1) + b"\x01"
    )
    sender = Sender(broker=parts.broker, books=desk.books, now=desk.now, preview=desk.preview, confirm_s=3.0)
    orders = FarOrders(sender, books=desk.books, refs=refs, now=desk.now, may_enter=desk.may_enter)
    await eventually_async(lambda: desk.quotes.quote("SPY") is not None, within_s=20.0)
    ticket = drill_ticket(desk.instruments["SPY"], desk.quotes.quote("SPY"), unit_usd=1.0, max_value_usd=1e6)
    assert isinstance(ticket, EntryTicket)
    placed: list[str] = []

    async def one_more() -> bool:
        # The last look before the bytes go out may hold one back for a moment, on a busy machine several.
        ref = await orders.put_far(desk.instruments["SPY"], ticket)
        placed.extend([ref] if ref else [])
        return len(placed) == number

    await eventually_async(one_more, why="the gate holds them back")

    def working() -> bool:
        return all(o.state is OrderState.WORKING for ref in placed if (o := desk.books.order(ref)))

    await eventually_async(working, within_s=20.0, why="they do not all work")
    return placed


async def _orders(here: Live, answers_s: list[float]) -> Any:
    """What works at the gateway; how long its answer took is added."""
    asked_s = time.monotonic()
    report = await asyncio.to_thread(_drill, here, do="report")
    answers_s.append(time.monotonic() - asked_s)
    return report["orders"]


@pytest.mark.req("REQ-K1", "247-GATE-3", "CARD-KILL")
@pytest.mark.parametrize("way", ["command", "file"])
async def test_kill_switch_timings(tmp_path: Path, way: str) -> None:
    async with live(tmp_path, strategies=QUIET) as here:
        await here.ready()
        desk, broker = here.engine.parts.desk, here.engine.parts.broker
        refs = await _place(here, ORDERS)
        _drill(here, do="delay_orders", seconds=2.0)
        ended = asyncio.Event()
        lateness = asyncio.ensure_future(lateness_s(ended))
        questions = [asyncio.ensure_future(broker.instruments("SPY", "STK", "SMART")) for _ in range(QUEUED)]
        await asyncio.sleep(0)
        began_s = time.monotonic()
        took: dict[str, float] = {}
        answers_s = [0.0]

        async def watch() -> None:
            while len(took) < 4:
                since_s = time.monotonic() - began_s
                if desk.may_enter("script", "SPY") is not None:
                    took.setdefault("blocked", since_s)
                if any(a.code == "kill" and a.level is Level.CRITICAL for a in desk.notices.alerts):
                    took.setdefault("alert", since_s)
                if "blocked" in took and not await _orders(here, answers_s):
                    took.setdefault("on the wire", time.monotonic() - began_s)
                if all(o.state.is_done for ref in refs if (o := desk.books.order(ref))):
                    took.setdefault("gone", since_s)
                await asyncio.sleep(0.002)

        watching = asyncio.ensure_future(watch())
        if way == "command":
            outcome = await here.engine.execute(
                Command("k", CommandKind.KILL, reason="timed", confirmed=True)
            )
            assert outcome.status is OutcomeStatus.DONE, outcome
        else:
            (tmp_path / "KILL").write_text("timed")
            await here.until(lambda s: any("PROVEN FLAT" in b.proof for b in s.brakes), within_s=40.0)
        async with asyncio.timeout(60):
            await watching
        ended.set()
        # A gateway that is slow to say what it holds was as slow to read the cancels.
        late_s = max(await lateness, *answers_s)
        for question in questions:
            question.cancel()
        await asyncio.gather(*questions, return_exceptions=True)

        print(f"kill by {way}: {took}, timers up to {late_s:.3f} s late")
        detect_s = 0.05 if way == "command" else 3.0
        wire_s = took["on the wire"] - took["blocked"]
        assert took["blocked"] <= detect_s + 3 * late_s
        assert took["alert"] <= 5.0 + 3 * late_s
        assert wire_s <= 1.0 + 3 * late_s
        assert took["gone"] <= 10.0 + 3 * late_s
        assert here.rows("SELECT kind, reason, proof LIKE 'PROVEN FLAT%' FROM brake") == [
            ("KILL", "timed", 1)
        ]
        assert desk.may_enter(DRILL, "SPY") is not None
