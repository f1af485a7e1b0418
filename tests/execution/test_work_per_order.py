"""An order late in a busy day costs what the first one cost: its work does not grow with the day."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from engine.domain.order import Order, OrderState, Role, Side
from engine.domain.preview import EntryTicket
from engine.ledger.changes import BookedFill
from engine.ledger.ledger import Ledger, LedgerState
from engine.risk.gate import check_entry
from engine.runtime import views
from engine.runtime.daypnl import DayPnl
from tests.builders import TEN, intent, proposal, quote
from tests.execution.rig import Rig, funded, rig
from tests.ledger.building import fill
from tests.virtual_time import virtual

ROOT = str(Path(__file__).resolve().parents[2] / "engine")
DAY = timedelta(hours=5)


class Lines:
    """How many lines of the engine ran on this thread: work that no busy machine can blur."""

    def __init__(self) -> None:
        self.count = 0

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(ROOT):
            return None
        self.count += event == "line"
        return self._trace

    @contextmanager
    def counted(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(before)


def _day(round_trips: int) -> Ledger:
    """A day in which one share was bought and sold so many times, and as many entries were rejected."""
    orders, fills = [], []
    for n in range(2 * round_trips):
        side, role = ((Side.BUY, Role.ENTRY), (Side.SELL, Role.EXIT))[n % 2]
        made = TEN - DAY + timedelta(seconds=n)
        ref = f"o{n}"
        filled = intent("SPY", role, side, ref=ref, quantity=1, created_at=made, stop_price=None)
        orders.append(Order(filled, OrderState.FILLED, n, 9000 + n, 1, 100.0, made))
        rejected = intent("SPY", ref=f"r{n}", quantity=1, created_at=made)
        orders.append(Order(rejected, OrderState.REJECTED, updated_at=made))
        signed = 1 if side is Side.BUY else -1
        fills.append(BookedFill(replace(fill(f"e{n}", signed, "100", ref=ref), at=made), "signal", None))
    return Ledger(LedgerState(orders=tuple(orders), fills=tuple(fills)))


async def _one_more(here: Rig) -> dict[str, int]:
    """Lines that the gate, an order from intent to fill to close, and the rows of the screen take."""
    desk, pnl = here.desk, DayPnl()
    wish = proposal()

    def ask() -> object:
        desk.quotes.on_quote(quote("SPY", at=desk.now()))
        return check_entry(wish, desk.gate_world(wish, allow_short=False), desk.limits())

    def show() -> None:
        views.shown_orders(desk)
        views.shown_fills(desk)
        pnl.view(desk)

    show()
    assert isinstance(ask(), EntryTicket)
    gate, way, screen = Lines(), Lines(), Lines()
    with gate.counted():
        ask()
    with way.counted():
        await here.enter(10)
        await here.close()
    show()
    with screen.counted():
        show()
    return {"gate": gate.count, "way": way.count, "screen": screen.count}


@virtual
async def test_the_work_of_an_order_does_not_grow_with_the_orders_of_the_day(tmp_path: Path) -> None:
    found = []
    for number, round_trips in enumerate((150, 1500)):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with rig(folder, ledger=_day(round_trips)) as here:
            funded(here.desk, 1_000_000.0)
            here.without_cooldowns()
            found.append(await _one_more(here))

    early, late = found
    assert min(early.values()) > 50, "nothing was counted"
    for part, lines in early.items():
        assert late[part] <= 1.1 * lines + 50, f"{part}: {lines} lines early, {late[part]} late in the day"
