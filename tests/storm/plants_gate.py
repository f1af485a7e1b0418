"""Planted bugs of the gate, one rule each. `gate_flow` hunts them: it asks nothing but the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.domain.order import OrderState, Side
from engine.domain.reasons import Reason
from engine.risk import caps, exposure, gate, quality, sizing
from engine.risk.brakes import Brake
from engine.risk.order_check import OrderRules
from engine.risk.pace import RecentOrders
from engine.risk.refusal import Refusal
from tests.storm.put import Put


def _deaf_to(put: Put, place: Any, name: str, *reasons: Reason) -> None:
    """The check is made, and these answers of it are dropped."""

    def check(*args: Any, **more: Any) -> Any:
        refusal = before(*args, **more)
        return None if refusal is not None and refusal.reason in reasons else refusal

    before = put.over(place, name, check)


def _without_caps(put: Put, *reasons: Reason) -> None:
    """These caps are forgotten, in sizing and in the last look."""

    def caps_of(*args: Any) -> Any:
        found = before(*args)
        if isinstance(found, Refusal):
            return found
        return tuple(c for c in found if c[0][0] not in reasons)

    before = put.over(gate, "caps_of", caps_of)
    put.over(sizing, "caps_of", caps_of)


def unknown_orders_forgotten(put: Put) -> None:
    """An order of unknown fate counts for nothing."""

    def known(holdings: Any, orders: Any) -> Any:
        return before(holdings, [o for o in orders if o.state is not OrderState.UNKNOWN])

    before = put.over(exposure, "commitments", known)


def working_orders_forgotten(put: Put) -> None:
    """Exposure is what is held."""
    put.over(
        exposure, "worst_case_quantities", lambda holdings, _: {h.key: abs(h.quantity) for h in holdings}
    )


def sells_netted_in_advance(put: Put) -> None:
    """A short entry that is out makes room for a long one."""

    def netted(holdings: Any, orders: Any) -> dict[str, int]:
        total = {h.key: h.quantity for h in holdings}
        for order in orders:
            key, side = order.intent.key, order.intent.side
            total[key] = total.get(key, 0) + side.sign * order.remaining
        return {key: abs(quantity) for key, quantity in total.items() if quantity}

    put.over(exposure, "worst_case_quantities", netted)


def fills_counted_twice(put: Put) -> None:
    """A partly filled order counts whole beside the position it made."""

    def whole(holdings: Any, orders: Any) -> Any:
        return before(holdings, [replace(o, filled=0) for o in orders])

    before = put.over(exposure, "worst_case_quantities", whole)


def expiries_apart(put: Put) -> None:
    """Each expiry of a future has the cap of a symbol for itself."""
    put.over(caps, "_symbol_usd", lambda key, w: w.exposure.by_key.get(key, 0.0))


def no_gross_cap(put: Put) -> None:
    """Gross exposure and the share of the account are not limited."""
    _without_caps(put, Reason.GROSS_EXPOSURE, Reason.TOTAL_AT_RISK)


def no_symbol_cap(put: Put) -> None:
    """A stock has no cap of its own."""
    _without_caps(put, Reason.SYMBOL_NOTIONAL, Reason.POSITION_SIZE)


def no_theme_cap(put: Put) -> None:
    """Themes are not capped."""
    _without_caps(put, Reason.THEME_CAP)


def no_tier_cap(put: Put) -> None:
    """Tiers are not capped."""
    _without_caps(put, Reason.TIER_CAP)


def no_tier_size(put: Put) -> None:
    """A position may be as large in a thin tier as in the first."""
    _without_caps(put, Reason.TIER_SIZE)


def excluded_are_entered(put: Put) -> None:
    """What the universe leaves out is traded all the same."""
    _deaf_to(put, gate, "check_selection", Reason.MIN_VOLUME)


def funds_not_asked(put: Put) -> None:
    """Entries may tie up more than there is."""
    _without_caps(put, Reason.FUNDS)


def regime_without_a_lid(put: Put) -> None:
    """A regime's factor is taken as it is."""
    for place in (caps, sizing):
        put.over(place, "regime_factor", lambda world, _: world.selection.regime_multiplier)


def regime_leaves_caps_alone(put: Put) -> None:
    """A regime changes sizes only."""
    put.over(caps, "regime_factor", lambda *_: 1.0)


def wanted_not_checked(put: Put) -> None:
    """What a person wants is taken for within the caps."""

    def sized(*args: Any, wanted: int | None, **more: Any) -> Any:
        ticket = before(*args, wanted=None, **more)
        if wanted is None or not hasattr(ticket, "quantity"):
            return ticket
        return ticket._replace(quantity=wanted)

    before = put.over(gate, "size_entry", sized)


def fees_not_counted(put: Put) -> None:
    """The loss at the stop is reckoned without commissions."""
    put.over(OrderRules, "fee_usd", lambda *_, **__: 0.0)


def no_smaller_in_a_drawdown(put: Put) -> None:
    """Sizes stay whole until the limit."""
    put.over(sizing, "used_share", lambda *_: 0.0)


def no_surer_in_a_drawdown(put: Put) -> None:
    """The least conviction stays where it was."""
    put.over(gate, "conviction_needed", lambda _, limits: limits.min_conviction)


def unknown_loss_is_none(put: Put) -> None:
    """A loss that nobody knows is taken for none."""
    _deaf_to(put, gate, "check_losses", Reason.NOT_FINITE)


def drawdown_not_a_limit(put: Put) -> None:
    """Only the day's loss holds entries."""
    _deaf_to(put, gate, "check_losses", Reason.DRAWDOWN)


def loss_of_a_symbol_free(put: Put) -> None:
    """A symbol may lose what it likes."""
    _deaf_to(put, gate, "check_losses", Reason.SYMBOL_DAILY_LOSS)


def old_price_is_a_price(put: Put) -> None:
    """Nobody asks how old a quote is."""
    _deaf_to(put, gate, "check_quote", Reason.STALE_QUOTE)


def any_spread(put: Put) -> None:
    """A spread is never too wide."""
    _deaf_to(put, gate, "check_quote", Reason.SPREAD)


def never_heard_is_fresh(put: Put) -> None:
    """An age that is no number compares as young: fails open."""

    def check(key: str, world: Any, limits: Any) -> Any:
        refusal = before(key, world, limits)
        is_old = (
            world.equity_age_s > limits.max_account_age_s or world.margin_age_s > limits.max_account_age_s
        )
        return refusal if is_old else None

    before = put.over(gate, "check_account", check)


def no_collar(put: Put) -> None:
    """A limit may be anywhere."""
    _deaf_to(put, gate, "check_collar", Reason.PRICE_COLLAR)
    _deaf_to(put, sizing, "check_collar", Reason.PRICE_COLLAR)


def either_may_short(put: Put) -> None:
    """The strategy's leave to be short is enough."""
    put.over(gate, "_short_allowed", lambda world, _: world.strategy_allows_short)


def brake_of_a_symbol_deaf(put: Put) -> None:
    """Only brakes of the account hold."""
    put.over(Brake, "holds", lambda self, **_: not self.name)


def one_cooldown_for_all(put: Put) -> None:
    """A stop-out cools down no longer than a fill."""

    def past(proposal: Any, limits: Any, **more: Any) -> Any:
        return before(proposal, replace(limits, cooldown_after_stop_s=limits.cooldown_s), **more)

    before = put.over(gate, "check_past", past)


def one_attempt_more(put: Put) -> None:
    """The attempts at a pivot are counted one too few."""

    def past(proposal: Any, limits: Any, **more: Any) -> Any:
        return before(proposal, limits, **{**more, "attempts": more["attempts"] - 1})

    before = put.over(gate, "check_past", past)


def repeats_not_counted(put: Put) -> None:
    """Fills of a strategy are not counted."""
    put.over(RecentOrders, "_fills", lambda *_, **__: 0)


def working_is_no_reason(put: Put) -> None:
    """An entry that is out does not keep a second one away."""

    def holdings(proposal: Any, world: Any, limits: Any) -> Any:
        return before(
            proposal, replace(world, commitments=world.commitments._replace(working=frozenset())), limits
        )

    before = put.over(gate, "check_holdings", holdings)


def slots_of_positions_only(put: Put) -> None:
    """Working entries use no slot."""

    def held_only(holdings: Any, orders: Any) -> Any:
        made = before(holdings, orders)
        return made._replace(busy=made.held)

    before = put.over(exposure, "commitments", held_only)


def last_look_is_a_glance(put: Put) -> None:
    """The last look asks for brakes only."""
    put.over(
        gate, "check_again", lambda intent, world, _: gate.check_engine(intent.strategy, intent.key, world)
    )


def last_look_without_caps(put: Put) -> None:
    """The last look forgets exposure."""
    put.over(gate, "first_exceeded", lambda *_: None)


def halted_product_trades(put: Put) -> None:
    """What the exchange says of a product, and what is wrong with its data, is not asked."""
    reasons = (Reason.PRODUCT_HALTED, Reason.OUTLIER, Reason.STALE_DATA)
    _deaf_to(put, gate, "check_selection", *reasons)


def stop_on_any_side(put: Put) -> None:
    """A stop is taken as it comes."""

    def stop(proposal: Any, instrument: Any, limit: float) -> Any:
        found = before(proposal, instrument, limit)
        meant = proposal.stop_price
        away = -0.01 if proposal.side is Side.BUY else 0.01
        return found if meant is None or isinstance(found, float) else limit * (1 + away)

    before = put.over(sizing, "_stop", stop)


def any_number_of_units(put: Put) -> None:
    """The size of an order is not limited."""
    put.over(sizing, "most_units", lambda *_: 10**9)
    for place in (gate, sizing):
        _deaf_to(put, place, "check_size", Reason.ORDER_SIZE)


def refuses_what_is_fine(put: Put) -> None:
    """A spread of one step is too wide where the price is small: nothing is wrong, and it says so."""

    def quote(key: str, world: Any, limits: Any) -> Any:
        return before(key, world, replace(limits, max_spread_bps=0.5))

    before = put.over(gate, "check_quote", quote)
    put.over(quality, "check_quote", quote)


def depth_not_asked(put: Put) -> None:
    """Whatever is there to be bought, any size goes."""
    put.over(gate, "check_depth", lambda *_: None)


def half_a_book_is_a_book(put: Put) -> None:
    """A book that has lost a side, or is old, is read like any other."""

    def check(side: Any, quantity: int, limit: float, world: Any, limits: Any) -> Any:
        if world.depth is not None:
            asks, bids = world.depth.asks or world.depth.bids, world.depth.bids or world.depth.asks
            fresh = world.depth._replace(at=world.now.timestamp(), asks=asks, bids=bids)
            world = replace(world, depth=fresh)
        return before(side, quantity, limit, world, limits)

    before = put.over(gate, "check_depth", check)


GATE = (
    depth_not_asked,
    half_a_book_is_a_book,
    unknown_orders_forgotten,
    working_orders_forgotten,
    sells_netted_in_advance,
    fills_counted_twice,
    expiries_apart,
    no_gross_cap,
    no_symbol_cap,
    no_theme_cap,
    no_tier_cap,
    no_tier_size,
    excluded_are_entered,
    funds_not_asked,
    regime_without_a_lid,
    regime_leaves_caps_alone,
    wanted_not_checked,
    fees_not_counted,
    no_smaller_in_a_drawdown,
    no_surer_in_a_drawdown,
    unknown_loss_is_none,
    drawdown_not_a_limit,
    loss_of_a_symbol_free,
    old_price_is_a_price,
    any_spread,
    never_heard_is_fresh,
    no_collar,
    either_may_short,
    brake_of_a_symbol_deaf,
    one_cooldown_for_all,
    one_attempt_more,
    repeats_not_counted,
    working_is_no_reason,
    slots_of_positions_only,
    last_look_is_a_glance,
    last_look_without_caps,
    halted_product_trades,
    stop_on_any_side,
    any_number_of_units,
    refuses_what_is_fine,
)
