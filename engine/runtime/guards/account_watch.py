"""Asks for the account's figures and the margins of futures before they are too old to enter on.

A broker tells them when they change, and else only every few minutes; the gate wants them younger.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from engine.api import Level
from engine.broker.port import Broker, LinkState
from engine.domain.instrument import Instrument, SecType
from engine.runtime.desk import Desk

PARTS = 4
"""Parts of the age from which figures are too old. After each it asks: two of three answers may be lost."""


class AccountWatch:
    """One look a second; nothing is asked twice at a time, and no round waits for an answer."""

    def __init__(
        self,
        desk: Desk,
        *,
        broker: Broker,
        margin: Callable[[Instrument], Awaitable[None]],
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> None:
        """`margin` asks for the margin of one contract and keeps it at the desk."""
        self._desk = desk
        self._broker = broker
        self._margin = margin
        self._spawn = spawn
        self._asked_s: dict[str, float] = {}
        """What was asked for ("" for the account) -> when, monotonic."""

    async def round(self) -> None:
        """Ask for what is due, and say what is too old."""
        desk = self._desk
        if desk.link is not LinkState.UP:
            self._asked_s.clear()
            return
        self._tell()
        if self._is_due("", desk.heard.values_age_s):
            self._spawn("figures of the account", self._broker.refresh_values)
        for key, instrument in desk.instruments.items():
            is_future = instrument.sec_type is SecType.FUTURE
            if is_future and self._is_due(key, desk.heard.margin_age_s(key)):
                self._spawn(f"margin of {key}", partial(self._margin, instrument))

    def _is_due(self, what: str, age_s: float) -> bool:
        """True where it is getting old and was not asked for a moment ago."""
        every_s = self._desk.limits().max_account_age_s / PARTS
        now_s = self._desk.clock.monotonic()
        if age_s < every_s or now_s - self._asked_s.get(what, float("-inf")) < every_s:
            return False
        self._asked_s[what] = now_s
        return True

    def _tell(self) -> None:
        desk = self._desk
        age_s, most_s = desk.heard.values_age_s, desk.limits().max_account_age_s
        if age_s <= most_s or not desk.verified:
            desk.notices.clear_alert("stale_account")
            return
        text = f"the broker has not named the account's figures for {most_s:.0f} s; no entries until it does"
        desk.notices.raise_alert(Level.WARNING, "stale_account", text)
