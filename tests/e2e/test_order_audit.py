"""The record of an order that a real engine sent to the real gateway, read while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.domain.preview import FigureSource
from engine.store.order_audit import audit_order
from tests.e2e.live import live
from tests.waiting import eventually_async

pytestmark = pytest.mark.slow


@pytest.mark.req("REQ-X2")
async def test_an_order_on_the_gateway_leaves_its_whole_record(tmp_path: Path) -> None:
    async with live(tmp_path) as here:
        await here.ready()
        await here.until(lambda s: bool(s.positions), why="it never entered")
        path = next(tmp_path.glob("*/cockpit.db"))
        await eventually_async(
            lambda: all(f.commission_usd is not None for f in audit_order(path, "-entry").fills),
            within_s=20,
            why="the commission never came",
        )

        found = audit_order(path, "-entry")

        told = await here.at_broker()
        ticket, preview, order = found.ticket, found.preview, found.order
        assert ticket is not None
        assert preview is not None
        assert ticket.quantity == order.intent.quantity
        assert preview.cost_usd == pytest.approx(ticket.limit_price * ticket.quantity)
        assert (preview.fee_by, preview.margin_by) == (FigureSource.ESTIMATED, FigureSource.ESTIMATED)
        assert {f.exec_id for f in found.fills} <= {e.fill.exec_id for e in told.executions}
        assert {b.perm_id for b in found.at_broker} >= {f.perm_id for f in found.fills}
        assert all(f.commission_at is not None and f.commission_at >= f.at for f in found.fills)
        assert [s.status for s in found.steps][:2] == ["pending", "sending"]
        assert [r.role for r in found.relatives] == ["stop"]
