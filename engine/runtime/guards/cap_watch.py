"""Looks once a second whether what is out exceeds a cap, however it came about, and alerts."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Final

from engine.api import Level
from engine.risk.exposure import exposure
from engine.risk.overrun import Overrun, overruns
from engine.runtime.desk import Desk

ALERT: Final = "cap_breach"


class CapWatch:
    """A step of the regular round. It alerts only: the gate takes no more, and stops guard what is held."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._told: dict[str, frozenset[str]] = {}
        """Key ("" for the account) -> the caps it was told of."""

    async def round(self) -> None:
        """Tell what is exceeded now and was not at the last look; take back what is not any more."""
        found: dict[str, list[Overrun]] = {}
        overruns, is_known = self._look()
        for overrun in overruns:
            found.setdefault(overrun.key, []).append(overrun)
        if is_known:  # what is not known takes nothing back
            self._end(found.keys())
        for key, exceeded in found.items():
            caps = frozenset(overrun.reason.value for overrun in exceeded)
            if not caps <= self._told.get(key, frozenset()):
                self._tell(key, exceeded)
            self._told[key] = caps | self._told.get(key, frozenset())

    def _end(self, exceeded: Collection[str]) -> None:
        """Also what the run before told: it stands until somebody sees that it is over."""
        notices = self._desk.notices
        for key in {alert.symbol for alert in notices.alerts if alert.code == ALERT}.difference(exceeded):
            self._told.pop(key, None)
            notices.clear_alert(ALERT, symbol=key)

    def _look(self) -> tuple[tuple[Overrun, ...], bool]:
        """What is exceeded, and whether every figure behind it is known."""
        desk = self._desk
        out, equity_usd = exposure(desk.commitments(), desk.unit_exposure_usd), desk.net_liquidation_usd
        is_known = desk.verified and math.isfinite(equity_usd) and math.isfinite(out.total_usd)
        found = overruns(
            out,
            owned=frozenset(p.key for p in desk.books.positions()),
            roots=desk.roots(out.by_key),
            net_liquidation_usd=equity_usd,
            limits=desk.limits(),
        )
        return found, is_known

    def _tell(self, key: str, exceeded: list[Overrun]) -> None:
        caps = "; ".join(
            f"{o.reason.value} {o.used_usd:,.0f} of {o.limit_usd:,.0f} USD, worst case" for o in exceeded
        )
        text = f"{key or 'the account'}: exceeds {caps}; nothing is added, reduce it (f) or acknowledge"
        self._desk.notices.raise_alert(Level.CRITICAL, ALERT, text, symbol=key)
