"""Keeps the data lines of the account where they are needed most, and asks again for one that went silent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from engine.api import EngineState, Level
from engine.broker.port import Broker, LinkState
from engine.domain.instrument import Instrument
from engine.risk.selection import ProductStatus
from engine.runtime.desk import Desk
from engine.runtime.markets import Markets

MINUTE_S: Final = 60.0
MOST_PAUSE_S: Final = 600.0
"""Longest pause before a line that stays silent is asked for once more."""


@dataclass(slots=True)
class _Silence:
    """One line that delivers nothing."""

    next_s: float
    """Real time of the next request."""
    pause_s: float


class LineKeeper:
    """One per engine; a step of the regular round."""

    def __init__(
        self,
        desk: Desk,
        *,
        broker: Broker,
        markets: Markets,
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self._desk = desk
        self._broker = broker
        self._markets = markets
        self._spawn = spawn
        self._since: dict[str, datetime] = {}
        """Instrument key -> exchange time from which its line may be expected to speak."""
        self._silent: dict[str, _Silence] = {}
        self._moving = False

    async def round(self) -> None:
        """Move lines where somebody needs one more; look for silent ones."""
        desk = self._desk
        if desk.link is not LinkState.UP or desk.state is EngineState.RECONCILING:
            self._since.clear()
            self._silent.clear()
            return
        if not self._moving and self._markets.lines_moved():
            self._moving = True
            self._spawn("data lines", self._move)
        for key in self._markets.subscribed:
            self._look(key, desk.instruments[key])

    async def _move(self) -> None:
        try:
            await self._markets.move_lines()
        finally:
            self._moving = False

    # --- silent lines ---------------------------------------------------------------------------

    def _look(self, key: str, instrument: Instrument) -> None:
        """A line is silent where neither quote nor bar came for long, in an open and unbroken market."""
        now, after_s = self._desk.now(), self._desk.config.market_data.resubscribe_after_s
        status = self._desk.inputs.status.get(key, ProductStatus.TRADING)
        if instrument.liquid_session(now) is None or status is not ProductStatus.TRADING:
            self._since.pop(key, None)  # shut, halted or without a farm: nothing is expected
            return
        since_s = (now - self._since.setdefault(key, now)).total_seconds()
        quote_s, bar_s = self._desk.quotes.age_s(key, now), self._desk.quotes.bar_age_s(key, now)
        silent_s = min(
            since_s,
            math.inf if quote_s is None else quote_s,
            math.inf if bar_s is None else max(0.0, bar_s - MINUTE_S),
        )
        if silent_s < after_s:
            if self._silent.pop(key, None) is not None:
                self._desk.notices.event(Level.INFO, "link", f"{key}: its line delivers again", symbol=key)
                self._spawn(f"bars of {key}", partial(self._markets.mend, key))
            return
        self._ask_again(key, instrument, silent_s)

    def _ask_again(self, key: str, instrument: Instrument, silent_s: float) -> None:
        """With growing pauses: what has nothing to say must not be asked for ever."""
        now_s, known = self._desk.clock.monotonic(), self._silent.get(key)
        if known is not None and now_s < known.next_s:
            return
        pause_s = self._desk.config.market_data.resubscribe_after_s
        pause_s = pause_s if known is None else min(MOST_PAUSE_S, 2.0 * known.pause_s)
        self._silent[key] = _Silence(now_s + pause_s, pause_s)
        self._broker.unsubscribe(instrument)
        self._broker.subscribe(instrument)
        text = f"{key}: nothing came for {silent_s:.0f} s; its line is asked for again"
        self._desk.notices.event(Level.WARNING, "link", text, symbol=key)
