"""Screen 2: every order with its life and fills, filtered by what is typed; foreign text as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.screens.orders import OrdersDialog, matching, slippage
from engine.api import EventView, Level
from tests.cockpit.conftest import Desk, OpenDesk
from tests.cockpit.scripted import NORMAL, ago, order

ENTRY = order(
    "QQQ",
    order_ref="ck-1-QQQ-entry",
    side="BUY",
    quantity=40,
    filled=40,
    order_type="LMT",
    price=512.30,
    status="filled",
    role="entry",
    is_done=True,
    avg_fill_price=512.31,
)
STOP = order("TSLA")
BAD = order(
    "AMD", order_ref="ck-1-AMD-entry", status="rejected", is_done=True, message="201 [b]no[/b]\x1b[31m margin"
)
FILL = replace(NORMAL.fills[1], order_ref=ENTRY.order_ref)
TOLD = EventView(7, ago(97), Level.INFO, "order", "QQQ", "QQQ: entry BUY 40 sent at 512.30", ENTRY.order_ref)
DAY = replace(NORMAL, orders=(STOP, ENTRY, BAD), fills=(FILL,), events=(TOLD,))


def keys_of(desk: Desk) -> list[str]:
    dialog = desk.app.screen
    assert isinstance(dialog, OrdersDialog)
    return [row.key for row in dialog.table.rows]


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_every_order_is_there_with_its_steps_ids_and_what_its_fills_cost(
    open_desk: OpenDesk, size: tuple[int, int]
) -> None:
    async with open_desk(DAY, size=size) as desk:
        await desk.press("2", "down")
        words = " ".join(desk.text("text").split())

        assert keys_of(desk) == [STOP.order_ref, ENTRY.order_ref, BAD.order_ref]
        for told in (
            "filled QQQ BUY 40 LMT 512.30 DAY",
            f"perm {ENTRY.perm_id} · {ENTRY.order_ref}",
            "entry BUY 40 sent at 512.30",
            "fill BUY 40 @ 512.31 · commission not reported yet · 0.01 worse than its limit",
            "1 shown · commissions —, 1 not reported yet",
            FILL.exec_id,
        ):
            assert told.replace("DAY", ENTRY.tif) in words
        await desk.press("down")
        assert "201 [b]no[/b]" in desk.text("text")
        assert "\x1b" not in desk.text("text")


async def test_what_is_typed_after_the_slash_filters_at_once_and_the_empty_answer_is_said(
    open_desk: OpenDesk,
) -> None:
    async with open_desk(DAY, size=(160, 45)) as desk:
        await desk.press("2", "slash")
        await desk.type("rejected amd")
        assert keys_of(desk) == [BAD.order_ref]
        await desk.type("zzz")
        assert keys_of(desk) == []
        await desk.press(*["backspace"] * 20)
        await desk.press("enter", "down")
        assert len(keys_of(desk)) == 3
        await desk.press("escape")
        assert desk.app.screen is desk.app.cockpit


async def test_a_day_without_orders_says_so(open_desk: OpenDesk) -> None:
    async with open_desk(replace(NORMAL, orders=(), fills=()), size=(80, 24)) as desk:
        await desk.press("2")
        assert keys_of(desk) == []
        assert "none today" in desk.text("text")


def test_slippage_is_against_the_operator_where_it_is_positive() -> None:
    sold = replace(FILL, side="SELL", price=442.10)
    assert slippage(FILL, ENTRY) == pytest.approx(0.01)
    assert slippage(sold, STOP) == pytest.approx(0.20)
    assert slippage(FILL, replace(ENTRY, price=None)) is None
    assert matching(DAY.orders, "") == list(DAY.orders)
