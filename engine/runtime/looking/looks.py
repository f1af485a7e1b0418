"""Who looks at which market: one look per screen, and each ends by itself. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from engine.api_market import LOOK_LEASE_S

MOST_LOOKS: Final = 8
"""Screens that look at once; beyond them the one that asked longest ago sees nothing."""


class Look(NamedTuple):
    """One screen's look at one market."""

    key: str
    bar_s: int
    until_s: float
    """Monotonic seconds at which it ends, unless it is said again."""
    may_ask: bool
    """False for a view that may cause nothing at the broker."""


class Looks:
    """Screen -> its look, the newest last."""

    def __init__(self) -> None:
        self._looks: OrderedDict[str, Look] = OrderedDict()

    def look(self, who: str, key: str, *, bar_s: int, now_s: float, may_ask: bool) -> None:
        """`who` looks at this market from now on."""
        self._looks[who] = Look(key, bar_s, now_s + LOOK_LEASE_S, may_ask)
        self._looks.move_to_end(who)
        while len(self._looks) > MOST_LOOKS:
            self._looks.popitem(last=False)

    def leave(self, who: str) -> None:
        """It looks at nothing any more."""
        self._looks.pop(who, None)

    def expire(self, now_s: float) -> None:
        """End what was not said again."""
        for who in [who for who, look in self._looks.items() if look.until_s <= now_s]:
            del self._looks[who]

    @property
    def keys(self) -> tuple[str, ...]:
        """Instruments that are looked at, the newest look first."""
        return tuple(dict.fromkeys(look.key for look in reversed(self._looks.values())))

    @property
    def asking(self) -> tuple[str, ...]:
        """Those of them for which something may be asked of the broker."""
        return tuple(dict.fromkeys(look.key for look in reversed(self._looks.values()) if look.may_ask))

    @property
    def shown(self) -> tuple[tuple[str, int], ...]:
        """Instrument and bar length of each different look."""
        return tuple(dict.fromkeys((look.key, look.bar_s) for look in self._looks.values()))
