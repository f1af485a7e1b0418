"""Judges an entry by the rules as they are written down, with arithmetic of its own: never the gate's.

It works from the account itself (positions, orders), not from the gate's sums. Given an entry it names every
rule that is broken; the gate may let through only what breaks none, and refuse only by one that is broken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from engine.domain.instrument import Instrument, SecType
from engine.domain.order import Order, OrderState, Proposal, Role, Side
from engine.domain.reasons import Reason
from engine.risk.brakes import BrakeLevel, BrakeScope

if TYPE_CHECKING:
    from tests.storm.gate_flow import Account

ROUND = 1e-7
_ET = ZoneInfo("America/New_York")
_OUT = frozenset(OrderState) - {
    OrderState.FILLED,
    OrderState.CANCELLED,
    OrderState.REJECTED,
    OrderState.ABANDONED,
}
"""Everything that may still fill, UNKNOWN too."""
_BY_LEVEL = {
    BrakeLevel.PAUSE: Reason.PAUSED,
    BrakeLevel.HALT: Reason.HALTED,
    BrakeLevel.KILL: Reason.KILLED,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What would be sent."""

    proposal: Proposal
    quantity: int
    limit: float
    own_ref: str = ""
    """Its own order, once it is among the account's: it does not count against itself."""


def broken(account: Account, entry: Entry, *, again: bool = False) -> set[Reason]:
    """Every rule that this entry breaks now. `again`: only those that the last look has to hold."""
    found = {*_standing(account, entry), *_exposure(account, entry)}
    if not again:
        found |= {*_wish(account, entry), *_past(account, entry), *_risk(account, entry)}
        if _is_thin(account, entry):
            found.add(Reason.ILLIQUID)
    return found


def _orders(account: Account, entry: Entry) -> list[Order]:
    return [o for o in account.orders if o.state in _OUT and o.intent.ref != entry.own_ref]


def _standing(account: Account, entry: Entry) -> Iterator[Reason]:
    key, limits = entry.proposal.key, account.limits
    instrument, quote = account.instruments[key], account.quotes[key]
    for brake in account.brakes.brakes:
        scope = {BrakeScope.STRATEGY: entry.proposal.strategy, BrakeScope.SYMBOL: key}
        if brake.scope is BrakeScope.ACCOUNT or scope[brake.scope] == brake.name:
            yield _BY_LEVEL[brake.level]
    if not any(s.open <= account.now < s.close for s in instrument.liquid_hours):
        yield Reason.SESSION_CLOSED
    if not limits.entry_start <= account.now.astimezone(_ET).time() < limits.entry_end:
        yield Reason.ENTRY_WINDOW
    selection = account.inputs.selection(key)
    checks = {
        Reason.RESTRICTED: key in limits.restricted or instrument.symbol in limits.restricted,
        Reason.MIN_VOLUME: key in account.inputs.excluded,
        Reason.PRODUCT_HALTED: selection.status.value != "trading",
        Reason.OUTLIER: selection.outlier is not None,
        Reason.STALE_DATA: selection.stale is not None,
        Reason.REGIME: selection.regime_multiplier <= 0,
        Reason.STALE_QUOTE: account.now.timestamp() - quote.at > limits.max_quote_age_s,
        Reason.SPREAD: _is_wide(quote.bid, quote.ask, instrument, limits.max_spread_bps),
        Reason.STALE_ACCOUNT: not account.equity_age_s <= limits.max_account_age_s
        or (instrument.sec_type is SecType.FUTURE and not account.margin_age_s <= limits.max_account_age_s),
        Reason.PRICE_COLLAR: abs(entry.limit / ((quote.bid + quote.ask) / 2) - 1) * 100
        > limits.price_collar_pct + ROUND,
        Reason.SHORT_NOT_ALLOWED: entry.proposal.side is Side.SELL
        and not (account.strategy_shorts and _class_shorts(account, instrument)),
    }
    yield from (reason for reason, is_broken in checks.items() if is_broken)
    yield from _losses(account)


def _class_shorts(account: Account, instrument: Instrument) -> bool:
    limits = account.limits
    return limits.allow_short_future if instrument.sec_type is SecType.FUTURE else limits.allow_short_stock


def _is_wide(bid: float, ask: float, instrument: Instrument, limit_bps: float) -> bool:
    steps = round((ask - bid) / instrument.min_tick)
    return steps > 1 and 1e4 * (ask - bid) / ((bid + ask) / 2) > limit_bps


def _losses(account: Account) -> Iterator[Reason]:
    day, symbol, session, rolling = account.losses
    limits = account.limits
    if any(math.isnan(figure) for figure in account.losses):
        yield Reason.NOT_FINITE
    if -day >= limits.daily_loss_pct - ROUND:
        yield Reason.DAILY_LOSS
    if -symbol >= limits.symbol_daily_loss_pct - ROUND:
        yield Reason.SYMBOL_DAILY_LOSS
    if session >= limits.session_drawdown_pct - ROUND or rolling >= limits.rolling_drawdown_pct - ROUND:
        yield Reason.DRAWDOWN


def _exposure(account: Account, entry: Entry) -> Iterator[Reason]:
    """What is held, and everything that may still fill, with this entry on top."""
    key, limits, inputs = entry.proposal.key, account.limits, account.inputs
    orders, nlv = _orders(account, entry), account.nlv_usd
    entering = {o.intent.key for o in orders if o.intent.role is Role.ENTRY}
    if len({k for k, q in account.held.items() if q} | entering | {key}) > limits.max_positions:
        yield Reason.MAX_POSITIONS
    known = [nlv, account.funds_usd, *(account.unit_usd(k) for k in {*account.held, key})]
    if any(not math.isfinite(figure) for figure in known):
        yield Reason.NOT_FINITE
        return
    instrument = account.instruments[key]
    is_future = instrument.sec_type is SecType.FUTURE
    own = entry.quantity * (account.margins[key] if is_future else entry.limit * instrument.multiplier)
    used = {k: _worst(account, orders, k) * account.unit_usd(k) for k in account.instruments}
    pending = sum(_left(o) * account.unit_usd(o.intent.key) for o in orders if o.intent.role is Role.ENTRY)
    root = {k: i.symbol if i.sec_type is SecType.FUTURE else k for k, i in account.instruments.items()}
    symbol = own + sum(u for k, u in used.items() if root[k] == root[key])
    gross, factor = own + sum(used.values()), min(inputs.regime_multiplier, 1.2)
    caps = {
        Reason.SYMBOL_MARGIN: (symbol, limits.symbol_margin_cap_usd if is_future else math.inf),
        Reason.SYMBOL_NOTIONAL: (symbol, math.inf if is_future else limits.symbol_notional_cap_usd),
        Reason.POSITION_SIZE: (symbol, nlv * limits.max_position_size_pct / 100 * factor),
        Reason.ORDER_VALUE: (own, limits.max_order_value_usd),
        Reason.GROSS_EXPOSURE: (gross, limits.max_gross_exposure_usd),
        Reason.TOTAL_AT_RISK: (gross, nlv * limits.max_total_at_risk_pct / 100 * factor),
        Reason.FUNDS: (own + pending, account.funds_usd),
        Reason.THEME_CAP: (own + _group(inputs.themes, key, used), nlv * limits.theme_cap_pct / 100 * factor),
        Reason.TIER_CAP: (own + _group(inputs.tiers, key, used), _tier_usd(account, key)),
        Reason.TIER_SIZE: (symbol, nlv * _size_pct(account, key) / 100 * factor),
        Reason.ORDER_SIZE: (
            entry.quantity,
            limits.max_order_contracts if is_future else limits.max_order_shares,
        ),
    }
    if key not in inputs.themes:
        del caps[Reason.THEME_CAP]
    yield from (reason for reason, (value, cap) in caps.items() if value > cap * (1 + ROUND))


def _left(order: Order) -> int:
    return order.intent.quantity - order.filled


def _worst(account: Account, orders: list[Order], key: str) -> int:
    held = account.held.get(key, 0)
    entries = [o for o in orders if o.intent.key == key and o.intent.role is Role.ENTRY]
    bought = sum(_left(o) for o in entries if o.intent.side is Side.BUY)
    sold = sum(_left(o) for o in entries if o.intent.side is Side.SELL)
    return max(abs(held + bought), abs(held - sold))


def _group(groups: dict[str, str] | dict[str, int], key: str, used: dict[str, float]) -> float:
    return sum(usd for k, usd in used.items() if k in groups and groups[k] == groups.get(key))


def _tier_usd(account: Account, key: str) -> float:
    tier = account.inputs.tiers.get(key)
    share = {None: math.inf, 1: 0.6, 2: 0.3, 3: 0.1}[tier]
    return share * account.limits.max_gross_exposure_usd


def _size_pct(account: Account, key: str) -> float:
    return {None: math.inf, 1: 5.0, 2: 3.0, 3: 1.0}[account.inputs.tiers.get(key)]


def _wish(account: Account, entry: Entry) -> Iterator[Reason]:
    wish, limits = entry.proposal, account.limits
    if wish.signal_id in account.signals_used:
        yield Reason.DUPLICATE_SIGNAL
    used = max(
        account.losses.session_drawdown_pct / limits.session_drawdown_pct,
        account.losses.rolling_drawdown_pct / limits.rolling_drawdown_pct,
    )
    least = limits.min_conviction
    if used >= limits.derisk_start:
        least += (1 - least) * used
    if wish.conviction < least - ROUND:
        yield Reason.LOW_CONVICTION
    if account.held.get(wish.key) or any(o.intent.key == wish.key for o in _orders(account, entry)):
        yield Reason.DUPLICATE_POSITION
    stop = math.nan if wish.stop_price is None else wish.stop_price
    if not stop > 0 or (entry.limit - stop) * wish.side.sign <= 0:
        yield Reason.STOP_INVALID


def _past(account: Account, entry: Entry) -> Iterator[Reason]:
    wish, limits, key = entry.proposal, account.limits, entry.proposal.key
    if _passed_s(account, account.last_fill.get(key)) < limits.cooldown_s:
        yield Reason.COOLDOWN
    if _passed_s(account, account.last_stop_out.get(key)) < limits.cooldown_after_stop_s:
        yield Reason.COOLDOWN
    if wish.plan.pivot is not None and account.attempts >= limits.max_attempts:
        yield Reason.MAX_ATTEMPTS
    ages = {o.intent.ref: _passed_s(account, o.intent.created_at) for o in account.ever}
    if sum(age < 60.0 for age in ages.values()) >= limits.orders_per_minute:
        yield Reason.MESSAGE_RATE
    filled = [
        o
        for o in account.ever
        if o.intent.strategy == wish.strategy and o.intent.role is Role.ENTRY and account.filled[o.intent.ref]
    ]
    if sum(ages[o.intent.ref] < limits.repeat_window_s for o in filled) > limits.repeat_fills:
        yield Reason.REPEATED_EXECUTION


def _is_thin(account: Account, entry: Entry) -> bool:
    """Too large a part of what can be seen, or less to be seen than there ever is."""
    key, limits, buys = entry.proposal.key, account.limits, entry.proposal.side is Side.BUY
    quote, book = account.quotes[key], account.depths.get(key)
    touch = quote.ask_size if buys else quote.bid_size
    if touch < account.inputs.depth_floors.get(key, 0):
        return True
    is_future = account.instruments[key].sec_type is SecType.FUTURE
    share = limits.depth_share_future if is_future else limits.depth_share_stock
    if share == 0:
        return False
    if book is None:
        return entry.quantity > touch * share + ROUND
    if account.now.timestamp() - book.at > limits.max_quote_age_s or not (book.bids and book.asks):
        return True
    side = book.asks if buys else book.bids
    worst = entry.limit + ROUND if buys else entry.limit - ROUND
    seen = sum(size for price, size in side if (price <= worst if buys else price >= worst))
    return entry.quantity > seen * share + ROUND


def _passed_s(account: Account, since: datetime | None) -> float:
    return math.inf if since is None else (account.now - since).total_seconds()


def _risk(account: Account, entry: Entry) -> Iterator[Reason]:
    """The loss at the stop with both fees, and what the order is worth after its fee."""
    wish, limits = entry.proposal, account.limits
    instrument = account.instruments[wish.key]
    if wish.stop_price is None or not math.isfinite(account.nlv_usd):
        return
    value = entry.limit * entry.quantity * instrument.multiplier
    if instrument.sec_type is SecType.FUTURE:
        fee = 2.25 * entry.quantity
    else:
        fee = min(max(1.0, 0.005 * entry.quantity), value * 0.01)
    used = max(
        account.losses.session_drawdown_pct / limits.session_drawdown_pct,
        account.losses.rolling_drawdown_pct / limits.rolling_drawdown_pct,
    )
    share = 1.0 - used if used >= limits.derisk_start else 1.0
    budget = account.nlv_usd * limits.risk_per_trade_pct / 100 * share
    budget *= min(account.inputs.regime_multiplier, 1.2)
    steps = wish.stop_price / instrument.min_tick
    away = math.floor(steps + 1e-6) if wish.side is Side.BUY else math.ceil(steps - 1e-6)
    loss = abs(entry.limit - away * instrument.min_tick) * instrument.multiplier
    risk = entry.quantity * loss + 2 * fee
    if risk > budget * (1 + ROUND):
        yield Reason.SIZE_ZERO
    if value - fee < limits.order_rules.min_order_value_usd:
        yield Reason.MIN_ORDER_VALUE
