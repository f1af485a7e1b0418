"""Looks once a second whether what is out exceeds a cap, however it came about, and alerts."""

from __future__ import annotations

from typing import Final

from engine.api import Level
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
        for overrun in self._look():
            found.setdefault(overrun.key, []).append(overrun)
        for key in self._told.keys() - found.keys():
            del self._told[key]
            self._desk.notices.clear_alert(ALERT, symbol=key)
        for key, exceeded in found.items():
            caps = frozenset(overrun.reason.value for overrun in exceeded)
            if not caps <= self._told.get(key, frozenset()):
                self._tell(key, exceeded)
            self._told[key] = caps | self._told.get(key, frozenset())

    def _look(self) -> tuple[Overrun, ...]:
        desk = self._desk
        worst = desk.commitments().worst
        if not worst:
            return ()
        return overruns(
            worst,
            owned=frozenset(p.key for p in desk.books.positions()),
            unit_usd={key: desk.unit_exposure_usd(key) for key in worst},
            roots=desk.roots(worst),
            net_liquidation_usd=desk.net_liquidation_usd,
            limits=desk.limits(),
        )

    def _tell(self, key: str, exceeded: list[Overrun]) -> None:
        caps = "; ".join(
            f"{o.reason.value} {o.used_usd:,.0f} of {o.limit_usd:,.0f} USD, worst case" for o in exceeded
        )
        text = f"{key or 'the account'}: exceeds {caps}; nothing is added, reduce it (f) or acknowledge"
        self._desk.notices.raise_alert(Level.CRITICAL, ALERT, text, symbol=key)
