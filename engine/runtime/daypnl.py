"""The trading day's P&L as shown: the ledger's figures at the board's marks, and their curve."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime

from engine.api import PnlView
from engine.config import Config
from engine.domain.market import NEW_YORK
from engine.ledger.pnl import BookedDay, DayCurve, booked_day, day_pnl, exposure_usd, stop_risk_usd
from engine.ledger.protection import protection
from engine.runtime.desk import Desk
from engine.runtime.limits import order_rules


def trading_day(at: datetime) -> date:
    """The New York date of a moment: the day that P&L belongs to."""
    return at.astimezone(NEW_YORK).date()


class DayPnl:
    """Remembers the curve, and what was booked until the books change; the rest is read anew each time."""

    def __init__(self) -> None:
        self._curve: DayCurve | None = None
        self._booked: tuple[int, Config, BookedDay] | None = None
        self.latest_usd: float | None = None
        """The day's net P&L when it was last known."""

    def start_day(self, at: datetime) -> None:
        """A new trading day: an empty curve."""
        self._curve = DayCurve(at.timestamp())

    def restore(self, began: datetime, points: Iterable[tuple[datetime, float]]) -> None:
        """Continue the curve of a day that an earlier run began."""
        self.start_day(began)
        for at, day_usd in points:
            self._add(at, day_usd)

    def _add(self, at: datetime, day_usd: float) -> DayCurve:
        curve = self._curve = self._curve or DayCurve(at.timestamp())
        curve.add(at.timestamp(), day_usd)
        return curve

    def _booked_day(self, desk: Desk) -> BookedDay:
        known, version = self._booked, desk.books.version
        if known is None or known[0] != version or known[1] is not desk.config:
            day = booked_day(desk.books.ledger.positions, schedule=order_rules(desk.config).fees)
            known = self._booked = (version, desk.config, day)
        return known[2]

    def view(self, desk: Desk) -> PnlView:
        """The P&L as it stands; what a missing price makes unknown is None."""
        manager = desk.books.ledger.positions
        positions = manager.positions()
        marks = {p.key: desk.quotes.mark(p.key) for p in positions}
        desk.carried.settle(positions, marks)
        day = day_pnl(manager, marks, self._booked_day(desk), carried_usd=desk.carried.total_usd)
        if day.net_usd is not None:
            self.latest_usd = day.net_usd
            self._add(desk.now(), day.net_usd)
        curve = self._curve or DayCurve(desk.now().timestamp())
        exposure = exposure_usd(positions, marks, margins=desk.margins)
        nlv = desk.net_liquidation_usd
        return PnlView(
            net_liquidation_usd=nlv if math.isfinite(nlv) else None,
            day_usd=day.net_usd,
            realized_usd=day.realized_usd,
            unrealized_usd=day.unrealized_usd,
            fees_usd=day.fees_usd,
            carried_usd=desk.carried.total_usd,
            sharpe=day.sharpe,
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
