"""An entry counts, and is on its way to the disk, before the turn of its own bar is over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.domain.order import OrderState, Role
from engine.execution import eager
from engine.runtime.trading import Trading
from tests.builders import proposal, quote
from tests.execution.rig import funded, rig
from tests.runtime.test_trading import Script, _bar, _running
from tests.virtual_time import pass_time, virtual


@virtual
async def test_an_entry_counts_in_the_books_before_its_bar_has_been_dealt_with(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        funded(here.desk, 1_000_000.0)
        here.desk.quotes.on_quote(quote("SPY", at=here.desk.now()))

        def begin(name: str, act: Callable[[], Any]) -> None:
            rest = eager.begin(act())
            if rest is not None:
                here.spawn(name, lambda: rest)

        one = _running("ma", Script(answers=[(proposal(),)]))
        trading = Trading(here.desk, executor=here.executor, running=(one,), spawn=here.spawn, begin=begin)
        trading.assign(one, one.symbols)
        trading.warm_up(one, "SPY", ())

        trading.on_bar(_bar())

        made = here.books.open_orders("SPY")
        assert [order.intent.role for order in made] == [Role.ENTRY, Role.STOP]
        assert {order.state for order in made} == {OrderState.PENDING}
        assert here.broker.sent == [], "not a byte goes before it is durable"
        await pass_time(1.0)
        assert here.broker.sent == [order.intent.ref for order in made]
