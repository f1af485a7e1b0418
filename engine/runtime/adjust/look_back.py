"""What the last sessions would have looked like with a looser limit, as far as the record knows it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from engine.api import Command, Outcome
from engine.config import RuntimeRefusal, with_value
from engine.domain.reasons import Reason
from engine.risk.canary import canary_limits
from engine.risk.limits import RiskLimits
from engine.risk.loosening import REASONS, Loosened, loosened
from engine.runtime.desk import Desk
from engine.runtime.limits import limits_of
from engine.runtime.outcomes import done, refused
from engine.store.errors import StoreError
from engine.store.refusals import Refusals, refusals_of

SESSIONS: Final = 20
"""Newest sessions that are looked at."""
LOOK_S: Final = 2.0
"""Real seconds after which it is given up: somebody waits for the preview."""
_MOST_SYMBOLS: Final = 8


class LookBack:
    """Reads the record beside the engine's loop and judges its refusals again. Changes nothing."""

    def __init__(self, desk: Desk, *, path: Path) -> None:
        self._desk = desk
        self._path = path

    async def answer(self, command: Command) -> Outcome:
        """What `value` for the runtime value `target` would have let through, line by line in the details."""
        try:
            lines = await self.lines(command.target, command.value)
        except RuntimeRefusal as err:
            return refused(command, err.code.value, str(err))
        return done(command, lines[0] if lines else "nothing is known of it", lines)

    async def lines(self, key: str, value: float | None) -> tuple[str, ...]:
        """The same for people. Raises RuntimeRefusal for a value that cannot be set."""
        reason = REASONS.get(key)
        if reason is None or value is None:
            return ()
        limits = self._limits(key, value)
        try:
            found = await asyncio.to_thread(self._read, reason)
        except StoreError as err:
            return (f"what it would have let through is not known: {err}",)
        return words_of(key, value, found, loosened(key, limits, found.refused))

    def _limits(self, key: str, value: float) -> RiskLimits:
        """As they would be in force; the first stage of LIVE cuts them."""
        desk = self._desk
        limits = limits_of(with_value(desk.config, key, value))
        return canary_limits(limits, factor=desk.config.gates.canary_cap_factor) if desk.is_canary else limits

    def _read(self, reason: Reason) -> Refusals:
        return refusals_of(self._path, reason.value, sessions=SESSIONS, within_s=LOOK_S)


def words_of(key: str, value: float, found: Refusals, judged: Loosened) -> tuple[str, ...]:
    """`7 entries refused by it in the last 12 sessions; 5 of them would have passed: SPY 3, QQQ 2` …"""
    last = "the last session" if found.sessions == 1 else f"the last {found.sessions} sessions"
    if not judged.refused:
        return (f"no refusals by this limit in {last}",)
    many = "entry" if judged.refused == 1 else "entries"
    more = "" if found.is_whole else " (at least)"
    lines = [f"{judged.refused} {many}{more} refused by this limit in {last}"]
    if judged.let_through:
        named = ", ".join(f"{symbol} {count}" for symbol, count in judged.symbols[:_MOST_SYMBOLS])
        rest = len(judged.symbols) - _MOST_SYMBOLS
        lines.append(f"at {value:g} it lets {judged.let_through} of them through: {named}{_more(rest)}")
        lines.append(f"largest then: {_figure(key, judged)}")
    else:
        lines.append(f"at {value:g} it still refuses all of them that can be judged")
    if judged.not_judged:
        lines.append(f"{judged.not_judged} of them cannot be judged again: a figure is not in the record")
    lines.append("what the checks behind it would have said, their fills and P&L are not known")
    return tuple(lines)


def _more(rest: int) -> str:
    return f" and {rest} more" if rest > 0 else ""


def _figure(key: str, judged: Loosened) -> str:
    highest = judged.highest or 0.0
    if key == "risk.max_positions":
        return f"{highest:.0f} positions at once"
    what = {
        "risk.risk_per_trade_pct": "at risk in one trade",
        "risk.max_position_size_pct": "exposure of one position",
    }.get(key, "exposure of everything")
    return f"{highest:,.2f} USD {what}"
