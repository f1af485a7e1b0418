"""The limits the gate holds, as plain values with their units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time

from engine.risk.order_check import OrderRules


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Every number the gate compares with. Percentages are of net liquidation value."""

    risk_per_trade_pct: float
    """Loss at the initial stop that one trade may risk."""
    max_positions: int
    """Open positions plus working entries."""
    max_gross_exposure_usd: float
    """Sum of exposures: notional for stocks, initial margin for futures."""
    symbol_notional_cap_usd: float
    """Per stock."""
    symbol_margin_cap_usd: float
    """Per future."""
    max_position_size_pct: float
    """Exposure of one position."""
    allow_short_stock: bool
    allow_short_future: bool
    entry_start: time
    """Wall time of the exchange (New York) from which entries are allowed."""
    entry_end: time
    """Wall time from which they no longer are."""
    cooldown_s: float
    """Time after any fill of an instrument in which it takes no entry."""
    cooldown_after_stop_s: float
    """The same after a protective stop closed a position in it."""
    max_attempts: int
    """Entries per trading day at one pivot and side that may fill."""
    order_rules: OrderRules
    """Fees, and what an entry must be worth after them."""
    max_quote_age_s: float
    entry_ticks_through: int
    """How many ticks through the touch an entry limit is set."""
    open_delay_s: float = 0.0
    """Time after the open of a regular session in which nothing is entered."""
    volatility_target_pct: float = 0.0
    """What one position may move in a typical session; 0: its size follows the distance of its stop alone."""
    max_order_value_usd: float = 50_000.0
    """Exposure of one order."""
    max_order_shares: int = 10_000
    max_order_contracts: int = 50
    max_total_at_risk_pct: float = 15.0
    """Exposure of everything held and working."""
    theme_cap_pct: float = 10.0
    """Exposure of the instruments of one theme or cluster."""
    tier_caps_pct: tuple[float, ...] = (60.0, 30.0, 10.0)
    """Exposure of each tier of the universe, the first one first, in percent of the gross limit."""
    tier_sizes_pct: tuple[float, ...] = (5.0, 3.0, 1.0)
    """Exposure of one position in each tier of the universe, the first one first."""
    regime_cap: float = 1.2
    """Highest factor a regime may put on the risk of a trade and on the caps in percent."""
    max_account_age_s: float = 60.0
    """Age from which equity, funds and margins are too old to enter on."""
    price_collar_pct: float = 2.0
    """Farthest an order's limit may be from the fresh price, in percent of that price."""
    max_spread_bps: float = 30.0
    """Widest spread, in hundredths of a percent of the mid."""
    depth_share_stock: float = 0.0
    """Most of the size that is visible to it which an entry in a stock may be; 0: not asked."""
    depth_share_future: float = 0.0
    """The same of a future."""
    restricted: frozenset[str] = frozenset()
    """Symbols or keys that are never entered."""
    only_tier: int | None = None
    """Tier of the universe outside of which nothing is entered; None where there is no such rule."""
    min_conviction: float = 0.0
    """Least conviction of a proposal, 0 to 1."""
    orders_per_minute: int = 60
    """Orders of every role after which entries wait."""
    duplicate_window_s: float = 2.0
    """Time in which the same symbol and side takes no second entry without a new signal."""
    repeat_fills: int = 5
    """Filled entries of one strategy in `repeat_window_s`; more, and it needs a person to go on."""
    repeat_window_s: float = 60.0
    daily_loss_pct: float = 2.0
    """Loss of the account today, of the equity the day began with."""
    symbol_daily_loss_pct: float = 1.0
    """Loss of one symbol today, of the same."""
    session_drawdown_pct: float = 3.0
    """Fall from the highest equity of the day."""
    rolling_drawdown_pct: float = 10.0
    """Fall from the highest equity of the last `drawdown_window_days` days."""
    drawdown_window_days: int = 20
    derisk_start: float = 0.5
    """Share of a drawdown limit from which entries shrink, linearly down to 0 at the limit."""
    max_quote_age_of: Mapping[str, float] = field(default_factory=dict)
    """Asset class -> oldest quote of it, where that is another one."""

    def quote_age_s(self, sec_type: str) -> float:
        """Oldest quote that an entry of an asset class may be judged by."""
        return self.max_quote_age_of.get(sec_type, self.max_quote_age_s)
