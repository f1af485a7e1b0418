"""Watches what the account loses and how often strategies fill, and pulls a brake where a limit is reached.

The gate refuses by the same figures; the watch is what makes a breach last: a brake that only a person lifts.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime

from engine.api import Command, CommandKind, Level, Outcome, PnlView, Scope, ScopeKind
from engine.config.values import OnBreach
from engine.domain.order import Order, Role
from engine.domain.reasons import Reason
from engine.ledger.pnl import unrealized_usd
from engine.risk.brakes import BrakeLevel, BrakeScope
from engine.risk.losses import Losses, account_breach, drawdown_pct
from engine.risk.refusal import Refusal
from engine.runtime.daypnl import trading_day
from engine.runtime.desk import Desk
from engine.store.journal import EquityPoint
from engine.store.operations import StoredState

_KIND_OF = {OnBreach.HALT: CommandKind.HALT, OnBreach.KILL: CommandKind.KILL}
_LEVEL_OF = {OnBreach.HALT: BrakeLevel.HALT, OnBreach.KILL: BrakeLevel.KILL}
_ALERTS = (Reason.DAILY_LOSS, Reason.DRAWDOWN)


class RiskWatch:
    """One look a second. Equity is the day's first known value plus its P&L: no deposit moves it."""

    def __init__(
        self,
        desk: Desk,
        *,
        pnl: Callable[[], PnlView],
        peaks: Sequence[float],
        today: Sequence[EquityPoint],
        pull: Callable[[Command], None],
    ) -> None:
        """`peaks` are the highest values of earlier trading days, oldest first; `today` is today's curve."""
        self._desk = desk
        self._pnl = pnl
        self._peaks = [p for p in peaks if math.isfinite(p)]
        self._pull = pull
        self._day: date = trading_day(desk.now())
        bases = (p.net_liquidation_usd - p.day_usd for p in today if p.net_liquidation_usd is not None)
        self._base_usd: float = next(bases, math.nan)
        self._best_usd: float = max((0.0, *(p.day_usd for p in today)))
        self._acted: set[Reason] = set()
        self._rearmed: dict[str, datetime] = {}
        """Strategy -> its newest filled entry when it was last paused for filling too often."""

    @classmethod
    def continued(
        cls,
        desk: Desk,
        *,
        stored: StoredState,
        pnl: Callable[[], PnlView],
        execute: Callable[[Command], Awaitable[Outcome]],
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> RiskWatch:
        """Go on from what the store kept; commands run as tasks of their own, so that no round waits."""
        is_today = stored.day == trading_day(desk.now())
        last = [p.net_liquidation_usd for p in stored.equity if p.net_liquidation_usd is not None]
        return cls(
            desk,
            pnl=pnl,
            peaks=stored.peaks if is_today or not last else (*stored.peaks, max(last)),
            today=stored.equity if is_today else (),
            pull=lambda command: spawn(f"limit: {command.kind.value}", lambda: execute(command)),
        )

    async def round(self) -> None:
        """Measure, and act on what is reached."""
        self._turn_day()
        self._measure()
        breach = account_breach(self._desk.losses, self._desk.limits())
        for code in _ALERTS:
            if breach is None or breach.reason is not code:
                self._desk.notices.clear_alert(code.value)
        if breach is not None:
            self._act(breach)
        self._repeats()

    def _turn_day(self) -> None:
        today = trading_day(self._desk.now())
        if today == self._day:
            return
        if math.isfinite(self._base_usd):
            self._peaks.append(self._base_usd + self._best_usd)
        self._day, self._base_usd, self._best_usd = today, math.nan, 0.0
        self._acted.clear()

    def _measure(self) -> None:
        """Everything in percent of the equity the day began with; NaN where that or a mark is missing."""
        desk, day_usd = self._desk, self._pnl().day_usd
        day = math.nan if day_usd is None else day_usd
        if not math.isfinite(self._base_usd):
            self._base_usd = desk.net_liquidation_usd - day
        if math.isfinite(day):
            self._best_usd = max(self._best_usd, day)
        base = self._base_usd
        best, now = base + self._best_usd, base + day
        window = self._peaks[-desk.limits().drawdown_window_days :]
        desk.losses = Losses(
            day_pct=_percent(day, base),
            session_drawdown_pct=drawdown_pct((best,), now),
            rolling_drawdown_pct=drawdown_pct((*window, best), now),
        )
        desk.symbol_losses = {key: _percent(usd, base) for key, usd in self._by_symbol().items()}

    def _by_symbol(self) -> dict[str, float]:
        desk, manager = self._desk, self._desk.books.ledger.positions
        total = {key: float(usd) for key, usd in manager.booked_usd().items()}
        for position in manager.positions():
            key = position.key
            open_usd = unrealized_usd((position,), {key: desk.quotes.mark(key)})
            total[key] = total.get(key, 0.0) + (math.nan if open_usd is None else open_usd)
        for key, usd in desk.carried.usd.items():
            total[key] = total.get(key, 0.0) - usd
        return total

    # --- acting ---------------------------------------------------------------------------------

    def _act(self, breach: Refusal) -> None:
        """Once a day and limit: a person who lifts the brake is not overruled; the gate still refuses."""
        desk, policy = self._desk, self._desk.config.risk.on_breach
        text = f"{breach.text}: {policy.value} by risk.on_breach; a person must resume"
        if breach.reason not in self._acted:
            desk.notices.raise_alert(Level.CRITICAL, breach.reason.value, text)
            self._acted.add(breach.reason)
            if (desk.brakes.account_level() or 0) < _LEVEL_OF[policy]:
                self._pull(self._command(_KIND_OF[policy], Scope(), breach.text))

    def _command(self, kind: CommandKind, scope: Scope, reason: str) -> Command:
        command_id = f"limit {kind.value} {scope} {self._desk.now().isoformat()}"
        return Command(command_id, kind, scope=scope, reason=reason, who="limit", confirmed=True)

    def _repeats(self) -> None:
        """Pause a strategy that filled more entries in the window than is in order."""
        desk, limits = self._desk, self._desk.limits()
        filled: dict[str, list[datetime]] = {}
        for order in reversed(desk.books.orders()):
            made = order.intent.created_at
            if (desk.now() - made).total_seconds() >= limits.repeat_window_s:
                break
            if _is_filled_entry(order):
                filled.setdefault(order.intent.strategy, []).append(made)
        for name, times in filled.items():
            newest = max(times)
            if len(times) > limits.repeat_fills and self._rearmed.get(name) != newest:
                self._rearmed[name] = newest
                self._pause(name, f"{len(times)} entries filled in {limits.repeat_window_s:g} s")

    def _pause(self, name: str, why: str) -> None:
        paused = self._desk.brakes.find(level=BrakeLevel.PAUSE, scope=BrakeScope.STRATEGY, name=name)
        if paused is not None:
            return
        text = f"strategy {name}: {why}; it is paused until a person resumes it"
        self._desk.notices.raise_alert(Level.ERROR, Reason.REPEATED_EXECUTION.value, text)
        self._pull(self._command(CommandKind.PAUSE, Scope(ScopeKind.STRATEGY, name), why))


def _is_filled_entry(order: Order) -> bool:
    return order.intent.role is Role.ENTRY and order.filled > 0


def _percent(usd: float, base_usd: float) -> float:
    return 100.0 * usd / base_usd if base_usd > 0 else math.nan
