"""Whatever happens, screen, risk and strategies read the same positions, and those are the manager's."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from engine.domain.managed import PositionState
from engine.domain.order import Role
from engine.domain.reasons import Reason
from engine.ledger.pnl import exposure_usd
from engine.runtime.views import position_views
from tests.execution.rig import Rig, rig
from tests.virtual_time import virtual

KEYS = ("AMD", "QQQ", "SPY")
OPERATIONS = 100


async def act(here: Rig, draw: Random) -> str:
    """One random create, partial or close of one instrument; what was done."""
    key = draw.choice(KEYS)
    instrument = here.desk.instruments[key]
    position = here.books.position(key)
    if position is None:
        await here.enter(draw.randint(1, 300), key=key)
        return f"enter {key}"
    if draw.random() < 0.6:
        fraction = draw.choice([0.25, 0.5, 0.6])
        await here.executor.reduce(key, instrument, fraction=fraction)
        return f"reduce {key} by {fraction}"
    await here.executor.close(key, instrument, role=Role.EXIT, reason=Reason.SIGNAL)
    return f"close {key}"


def assert_all_read_the_same(here: Rig, done: str) -> None:
    """Rows, exposure and holdings equal the manager's snapshot, and so does what it says of each key."""
    manager = here.books.ledger.positions
    truth = {p.key: p for p in manager.positions()}

    rows = {row.symbol: row for row in position_views(here.desk)}
    assert {k: (r.quantity, r.avg_price, r.owner) for k, r in rows.items()} == {
        k: (p.quantity, float(p.avg_price), p.owner) for k, p in truth.items()
    }, done
    assert {h.key: h.quantity for h in here.desk.holdings()} == {k: p.quantity for k, p in truth.items()}
    for key in KEYS:
        held = truth.get(key)
        managed = manager.get_position(key)
        assert here.books.quantity(key) == (0 if held is None else held.quantity)
        assert (managed is None) == (held is None), "nothing pending is left over"
        if held is not None and managed is not None:
            assert managed.state is PositionState.OPEN
            assert managed.remaining == held.remaining
            assert sum(p.quantity for p in held.partials) + abs(held.quantity) == held.entered
    stocks = sum(abs(p.quantity) * float(p.avg_price) for p in truth.values())
    assert exposure_usd(manager.positions(), {}, margins={}).stock_notional_usd == pytest.approx(stocks)


@pytest.mark.req("REQ-ARCH-001", "REQ-POS-002")
@virtual
async def test_after_each_of_100_random_operations_everybody_reads_the_same_positions(tmp_path: Path) -> None:
    draw, done = Random(20261121), set()
    async with rig(tmp_path, keys=KEYS) as here:
        here.broker.unfilled = {Role.ENTRY, Role.STOP}
        for _ in range(OPERATIONS):
            what = await act(here, draw)
            done.add(what.split()[0])
            assert_all_read_the_same(here, what)

        assert done == {"enter", "reduce", "close"}
        assert here.books.ledger.positions.trades()
