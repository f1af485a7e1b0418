"""What the broker says about whether a product can be traded now: halt flags, broken market data farms."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from engine.domain.instrument import Instrument, SecType

FARM_BROKEN: Final = 2103
FARM_OK: Final = frozenset({2104, 2108})

_FARM: Final = re.compile(r":\s*([A-Za-z][A-Za-z0-9_.-]{0,30})\s*$")


class Trouble(StrEnum):
    """Why an instrument cannot be traded."""

    HALTED = "halted"
    VOLATILITY = "volatility halt"
    FARM = "data farm broken"


class Untradable(NamedTuple):
    """One instrument that cannot be traded."""

    trouble: Trouble
    text: str


_HALTS: Final = {1: Trouble.HALTED, 2: Trouble.VOLATILITY}
"""The broker's halt flag; 0 is none, -1 not known."""


class Products:
    """Written by the broker's messages on the engine loop."""

    def __init__(self) -> None:
        self._halts: dict[str, int] = {}
        self._broken: set[str] = set()

    def on_halt(self, key: str, flag: int) -> None:
        """The broker told the halt flag of one instrument."""
        self._halts[key] = flag

    def on_notice(self, code: int, text: str) -> bool:
        """A message about a market data farm; False where it is about something else."""
        if code != FARM_BROKEN and code not in FARM_OK:
            return False
        found = _FARM.search(text)
        name = found[1].lower() if found else "unnamed"
        if code == FARM_BROKEN:
            self._broken.add(name)
        else:
            self._broken.discard(name)
        return True

    def new_line(self) -> None:
        """A new connection: the broker tells flags and farms anew."""
        self._halts.clear()
        self._broken.clear()

    def untradable(self, instruments: Iterable[Instrument]) -> dict[str, Untradable]:
        """Instrument key -> why it cannot be traded; only those that cannot."""
        if not self._broken and not any(flag in _HALTS for flag in self._halts.values()):
            return {}
        judged = ((instrument.key, self._judge(instrument)) for instrument in instruments)
        return {key: trouble for key, trouble in judged if trouble is not None}

    def _judge(self, instrument: Instrument) -> Untradable | None:
        halt = _HALTS.get(self._halts.get(instrument.key, 0))
        if halt is not None:
            return Untradable(halt, halt.value)
        farm = next((name for name in sorted(self._broken) if serves(name, instrument.sec_type)), "")
        return Untradable(Trouble.FARM, f"data farm {farm} broken") if farm else None


def serves(farm: str, sec_type: SecType) -> bool:
    """Whether a market data farm delivers an asset class. One whose name says nothing counts for all."""
    if "fut" in farm:
        return sec_type is SecType.FUTURE
    if farm.startswith(("usopt", "cashfarm")):
        return False
    return sec_type is SecType.STOCK if farm.startswith("usfarm") else True
