"""The account of a run: cash as booked, equity at the marks, and how it stands against the loss limits."""

from __future__ import annotations

import math
from collections import deque
from decimal import Decimal

from engine.backtest.setting import BacktestConfig
from engine.backtest.slot import Slot
from engine.domain.quick import maker
from engine.risk.losses import Losses, account_breach, fall_pct
from engine.risk.refusal import Refusal

_make_losses = maker(Losses)


class Account:
    """Money that is booked is exact; equity is a float at the marks, asked for at every moment."""

    def __init__(self, config: BacktestConfig) -> None:
        self._config, self._stock_margin_pct = config, config.stock_margin_pct
        self.cash_usd = config.initial_cash_usd
        """Cash where every position is paid in full, futures too: with their value it makes the equity."""
        self._cash = float(config.initial_cash_usd)
        self.held: dict[int, Slot] = {}
        """Slots with a position, by index: in the order in which they were opened."""
        limits = config.limits
        self._peaks: deque[float] = deque(maxlen=limits.drawdown_window_days)
        self._base = self._peak = self._top = self._cash
        """Equity at the beginning of the day, its highest of the day, and of the window of days."""
        self.floor = -math.inf
        """Equity at or below which a limit may be reached."""
        self._set_floor()

    @property
    def equity_usd(self) -> float:
        """Cash and what is held at the last prices."""
        total = self._cash
        for slot in self.held.values():
            total += slot.quantity * slot.last * slot.multiplier
        return total

    def available_usd(self, equity_usd: float) -> float:
        """What of the equity can still be tied up."""
        used, margin_usd = 0.0, self.margin_usd
        for slot in self.held.values():
            used += abs(slot.quantity) * margin_usd(slot)
        return equity_usd - used

    def margin_usd(self, slot: Slot) -> float:
        """Initial margin of one unit at the last price."""
        if not slot.is_future:
            return abs(slot.last) * slot.multiplier * self._stock_margin_pct / 100.0
        config = self._config
        given = config.margins_usd.get(slot.key)
        if given is not None:
            return given
        return abs(slot.last) * slot.multiplier * config.future_margin_pct / 100.0

    def book(self, slot: Slot, signed_quantity: int, price: Decimal, fee_usd: Decimal) -> float:
        """A fill: cash moves by its value and its fee; the answer is what is left of it, USD."""
        flow = -(signed_quantity * price * slot.exact_multiplier) - fee_usd
        self.cash_usd += flow
        self._cash = float(self.cash_usd)
        slot.quantity += signed_quantity
        slot.flow_usd += float(flow)
        if slot.quantity:
            self.held[slot.index] = slot
        else:
            self.held.pop(slot.index, None)
        return self._cash

    # --- days and limits ------------------------------------------------------------------------

    def start_day(self, slots: list[Slot]) -> None:
        """A trading day begins: profit and loss of account and symbols start at nothing."""
        self._peaks.append(self._peak)
        self._base = self._peak = self.equity_usd
        for slot in slots:
            slot.flow_usd = 0.0
            slot.day_value_usd = slot.quantity * slot.last * slot.multiplier
        self._set_floor()

    def is_quiet(self) -> bool:
        """True where the marks neither make a new peak nor reach a limit. Asked at every moment."""
        total = self._cash
        for slot in self.held.values():
            total += slot.quantity * slot.last * slot.multiplier
        return self.floor < total <= self._peak

    def look(self) -> Refusal | None:
        """Mark, remember the peak, and name the limit that is reached, if any."""
        equity = self.equity_usd
        if equity > self._peak:
            self._peak = equity
            self._set_floor()
        elif equity <= self.floor:
            return account_breach(self._losses(equity, 0.0), self._config.limits)
        return None

    def losses(self, slot: Slot, equity_usd: float) -> Losses:
        """How account and symbol stand now."""
        symbol = slot.flow_usd + slot.quantity * slot.last * slot.multiplier - slot.day_value_usd
        return self._losses(equity_usd, 100.0 * symbol / self._base if self._base > 0 else math.nan)

    def _losses(self, equity: float, symbol_pct: float) -> Losses:
        base = self._base
        return _make_losses(
            100.0 * (equity - base) / base if base > 0 else math.nan,
            symbol_pct,
            fall_pct(max(self._peak, equity), equity),
            fall_pct(max(self._top, equity), equity),
        )

    def _set_floor(self) -> None:
        limits = self._config.limits
        self._top = max((*self._peaks, self._peak))
        # A little above the limits themselves: which one is reached, the live function decides.
        self.floor = (1.0 + 1e-9) * max(
            self._base * (1.0 - limits.daily_loss_pct / 100.0),
            self._peak * (1.0 - limits.session_drawdown_pct / 100.0),
            self._top * (1.0 - limits.rolling_drawdown_pct / 100.0),
        )
