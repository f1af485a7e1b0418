"""The trading day's P&L as shown: the ledger's figures at the board's marks, and their curve."""

from __future__ import annotations

import math
from datetime import date, datetime
from zoneinfo import ZoneInfo

from engine.api import PnlView
from engine.ledger.pnl import DayCurve, day_pnl, exposure_usd, stop_risk_usd
from engine.ledger.protection import protection
from engine.runtime.desk import Desk

NEW_YORK = ZoneInfo("America/New_York")


def trading_day(at: datetime) -> date:
    """The New York date of a moment: the day that P&L belongs to."""
    return at.astimezone(NEW_YORK).date()


class DayPnl:
    """Remembers only the curve; everything else is read anew each time."""

    def __init__(self) -> None:
        self._curve: DayCurve | None = None

    def start_day(self, at: datetime) -> None:
        """A new trading day: an empty curve."""
        self._curve = DayCurve(at.timestamp())

    def view(self, desk: Desk) -> PnlView:
        """The P&L as it stands; what a missing price makes unknown is None."""
        manager = desk.books.ledger.positions
        positions = manager.positions()
        marks = {p.key: desk.quotes.mark(p.key) for p in positions}
        day = day_pnl(manager, marks)
        curve = self._curve or DayCurve(desk.now().timestamp())
        self._curve = curve
        if day.net_usd is not None:
            curve.add(desk.now().timestamp(), day.net_usd)
        exposure = exposure_usd(positions, marks, margins=desk.margins)
        nlv = desk.net_liquidation_usd
        return PnlView(
            net_liquidation_usd=nlv if math.isfinite(nlv) else None,
            day_usd=day.net_usd,
            realized_usd=day.realized_usd,
            unrealized_usd=day.unrealized_usd,
            fees_usd=day.fees_usd,
            worst_usd=curve.worst_usd,
            trades=day.trades,
            wins=day.wins,
            curve=curve.points,
            curve_step_s=curve.step_s,
            stock_exposure_usd=exposure.stock_notional_usd,
            futures_margin_usd=exposure.futures_margin_usd,
            stop_risk_usd=stop_risk_usd(positions, _stops(desk), marks),
        )


def _stops(desk: Desk) -> dict[str, float]:
    """The stop of every position that is wholly covered; a partly naked one counts as without."""
    found = {}
    for position in desk.books.positions():
        cover = protection(position, desk.books.open_orders(position.key))
        if cover.stop_price is not None and cover.protected == abs(position.quantity):
            found[position.key] = cover.stop_price
    return found
