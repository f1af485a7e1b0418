"""A storm for the gate alone: an account, a market and wishes at random; another one judges each answer.

`python -m tests.storm.gate_flow --seeds 0..999`. A seed takes some milliseconds. What is let through turns
into orders that fill, cancel, vanish into UNKNOWN; the world may turn between a ticket and the last look.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from engine.domain.instrument import Instrument, SecType
from engine.domain.market import Depth, Level, Quote
from engine.domain.order import Order, OrderState, Proposal, Role, Side
from engine.domain.plan import NO_PLAN, Plan
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk import exposure, gate
from engine.risk.brakes import Brake, BrakeLevel, BrakeScope, BrakeSet
from engine.risk.exposure import Holding
from engine.risk.limits import RiskLimits
from engine.risk.losses import Losses
from engine.risk.pace import RecentOrders
from engine.risk.refusal import Refusal
from engine.risk.selection import Objection, ProductStatus
from engine.risk.world import GateWorld
from engine.runtime.inputs import GateInputs
from tests.builders import LIMITS, TEN, future, intent, proposal, quote, stock, world
from tests.storm.gate_judge import Entry, broken

ACTS = 120
KEYS = ("AAA", "BBB", "CCC", "ESZ6", "ESH7")
PRICE = {"AAA": 100.0, "BBB": 40.0, "CCC": 250.0, "ESZ6": 5000.0, "ESH7": 5050.0}
STRATEGIES = ("one", "two")
_ENDS = (OrderState.CANCELLED, OrderState.REJECTED, OrderState.ABANDONED)
_LIVES = (OrderState.SENDING, OrderState.WORKING, OrderState.CANCEL_PENDING, OrderState.UNKNOWN)


class Account:
    """The account and the market as they are; the gate is asked with what its inputs make of them."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.now: datetime = TEN
        self.instruments: dict[str, Instrument] = {
            key: future(key) if key.startswith("ES") else stock(key) for key in KEYS
        }
        self.quotes: dict[str, Quote] = {}
        self.depths: dict[str, Depth] = {}
        """Books of those where they are subscribed."""
        self.margins = {"ESZ6": 12_000.0, "ESH7": 12_000.0}
        self.held: dict[str, int] = {}
        self.orders: list[Order] = []
        self.ever: list[Order] = []
        """Every order that was made, as it was made."""
        self.filled: dict[str, int] = {}
        self.recent = RecentOrders()
        self.inputs = GateInputs()
        self.brakes = BrakeSet()
        self.losses = Losses()
        self.nlv_usd = 1_000_000.0
        self.funds_usd = 500_000.0
        self.equity_age_s = self.margin_age_s = 0.0
        self.strategy_shorts = True
        self.signals_used: set[str] = set()
        self.last_fill: dict[str, datetime] = {}
        self.last_stop_out: dict[str, datetime] = {}
        self.attempts = 0
        self.limits = _limits(rng)
        for key in KEYS:
            self.tick(key)

    def tick(self, key: str) -> None:
        """A fresh quote near the price it began with."""
        step = self.instruments[key].min_tick
        bid = round(PRICE[key] * self.rng.uniform(0.98, 1.02) / step) * step
        now = quote(key, bid, bid + step * self.rng.choice((0, 1, 1, 2)), at=self.now)
        sizes = (300, 300, 300, 300, 100, 7, 0)
        self.quotes[key] = now._replace(bid_size=self.rng.choice(sizes), ask_size=self.rng.choice(sizes))
        if key in self.depths:
            self.show_book(key)

    def show_book(self, key: str) -> None:
        """Its book, from now on with every tick; sometimes one that has lost a side."""
        now, step, rng = self.quotes[key], self.instruments[key].min_tick, self.rng
        rows = range(rng.choice((0, 3, 3, 3, 3)))
        bids = tuple(Level(now.bid - n * step, rng.choice((1, 60, 400))) for n in rows)
        asks = tuple(Level(now.ask + n * step, rng.choice((1, 60, 400))) for n in range(3))
        at = self.now.timestamp() - rng.choice((0.0, 0.0, 0.0, 7.0))
        self.depths[key] = Depth(key, bids, asks, at)

    def unit_usd(self, key: str) -> float:
        """Exposure of one unit by the marks of now."""
        instrument, now = self.instruments[key], self.quotes[key]
        if instrument.sec_type is SecType.FUTURE:
            return self.margins[key]
        return (now.bid + now.ask) / 2 * instrument.multiplier

    def asked(self, wish: Proposal, *, without: str = "") -> GateWorld:
        """The gate's world."""
        key = wish.key
        out = [o for o in self.orders if o.intent.ref != without]
        roots = {k: i.symbol for k, i in self.instruments.items() if i.sec_type is SecType.FUTURE}
        return world(
            now=self.now,
            brakes=self.brakes,
            instrument=self.instruments[key],
            quote=self.quotes[key],
            depth=self.depths.get(key),
            depth_floor=self.inputs.depth_floors.get(key, 0),
            net_liquidation_usd=self.nlv_usd,
            equity_age_s=self.equity_age_s,
            available_funds_usd=self.funds_usd,
            unit_usd={k: self.unit_usd(k) for k in KEYS},
            margin_usd=self.margins.get(key),
            margin_age_s=self.margin_age_s,
            strategy_allows_short=self.strategy_shorts,
            signals_used=self.signals_used,
            out=exposure.commitments([Holding(*h) for h in self.held.items() if h[1]], out),
            losses=self.losses,
            pace=self.recent.pace(
                self.now, strategy=wish.strategy, key=key, side=wish.side, limits=self.limits
            ),
            selection=self.inputs.selection(key),
            roots=roots,
            last_fill_at=self.last_fill.get(key),
            last_stop_out_at=self.last_stop_out.get(key),
            attempts=self.attempts,
        )


def _limits(rng: random.Random) -> RiskLimits:
    """Each seed is tight somewhere else."""
    pick = rng.choice
    return replace(
        LIMITS,
        risk_per_trade_pct=pick((0.05, 0.5, 5.0)),
        max_positions=pick((2, 3, 5)),
        max_gross_exposure_usd=pick((60_000.0, 120_000.0, 1e6)),
        symbol_notional_cap_usd=pick((15_000.0, 40_000.0, 1e6)),
        symbol_margin_cap_usd=pick((24_000.0, 50_000.0, 1e6)),
        max_position_size_pct=pick((2.0, 5.0, 50.0)),
        max_total_at_risk_pct=pick((6.0, 15.0, 90.0)),
        max_order_value_usd=pick((12_000.0, 50_000.0, 1e6)),
        max_order_shares=pick((100, 10_000)),
        max_order_contracts=pick((2, 50)),
        theme_cap_pct=pick((3.0, 10.0)),
        allow_short_stock=pick((False, True)),
        allow_short_future=pick((False, True)),
        min_conviction=pick((0.0, 0.5)),
        orders_per_minute=pick((3, 60)),
        repeat_fills=pick((1, 5)),
        entry_ticks_through=pick((0, 2)),
        price_collar_pct=pick((0.02, 2.0)),
        depth_share_stock=pick((0.0, 1.0, 4.0)),
        depth_share_future=pick((0.0, 1.0)),
        restricted=pick((frozenset(), frozenset({"BBB"}))),
    )


def turn(account: Account) -> None:
    """Something about the world is otherwise from now on, or ordinary again."""
    rng, key = account.rng, account.rng.choice(KEYS)
    inputs = account.inputs
    turns: list[Callable[[], object]] = [
        lambda: inputs.status.update({key: rng.choice(tuple(ProductStatus))}),
        lambda: inputs.outliers.update({key: Objection("9 sigma", 6.0, 9.0)}),
        inputs.outliers.clear,
        lambda: inputs.stale.update({key: Objection("95 s", 90.0, 95.0)}),
        inputs.stale.clear,
        lambda: setattr(inputs, "regime_multiplier", rng.choice((0.0, 0.6, 1.0, 1.0, 1.2, 3.0))),
        lambda: inputs.themes.update({key: rng.choice(("x", "y"))}),
        lambda: inputs.tiers.update({key: rng.randint(1, 3)}),
        lambda: inputs.excluded.update({key: Refusal(Reason.MIN_VOLUME, f"{key}: thin")}),
        inputs.excluded.clear,
        lambda: inputs.depth_floors.update({key: rng.choice((0, 50, 200))}),
        lambda: account.show_book(key),
        account.depths.clear,
        lambda: setattr(account, "brakes", _brakes(rng, key)),
        lambda: setattr(account, "brakes", BrakeSet()),
        *[lambda: setattr(account, "losses", _losses(rng))] * 3,
        lambda: setattr(account, "losses", Losses()),
        lambda: setattr(account, "nlv_usd", rng.choice((1e6, 1e6, 3e5, math.nan))),
        lambda: setattr(account, "funds_usd", rng.choice((5e5, 5e4, 1e4, math.nan))),
        lambda: setattr(account, "equity_age_s", rng.choice((0.0, 0.0, 59.0, 61.0, math.nan))),
        lambda: setattr(account, "margin_age_s", rng.choice((0.0, 0.0, 61.0, math.nan))),
        lambda: setattr(account, "strategy_shorts", rng.random() < 0.7),
        lambda: setattr(account, "attempts", rng.randint(0, 3)),
        lambda: account.last_fill.update({key: account.now - timedelta(seconds=rng.uniform(30, 90))}),
        lambda: account.last_stop_out.update({key: account.now - timedelta(seconds=rng.uniform(30, 400))}),
        lambda: account.tick(key),
        lambda: account.quotes.update({key: _wide(account.quotes[key])}),
    ]
    rng.choice(turns)()


def settle(account: Account) -> None:
    """The world is ordinary again; what the account holds stays."""
    account.inputs = GateInputs(themes=account.inputs.themes, tiers=account.inputs.tiers)
    account.brakes, account.losses, account.attempts = BrakeSet(), Losses(), 0
    account.nlv_usd, account.funds_usd = 1e6, 5e5
    account.equity_age_s = account.margin_age_s = 0.0
    account.strategy_shorts = True
    for key in KEYS:
        account.tick(key)


def _wide(now: Quote) -> Quote:
    return now._replace(ask=now.ask + round(now.bid * 0.004))


def _brakes(rng: random.Random, key: str) -> BrakeSet:
    scope = rng.choice(tuple(BrakeScope))
    name = {BrakeScope.ACCOUNT: "", BrakeScope.STRATEGY: rng.choice(STRATEGIES), BrakeScope.SYMBOL: key}
    return BrakeSet((Brake("b", rng.choice(tuple(BrakeLevel)), scope, name[scope], "why", "me", TEN),))


def _losses(rng: random.Random) -> Losses:
    return Losses(
        rng.choice((0.0, 0.0, 0.0, -1.99, -2.0)),
        rng.choice((0.0, 0.0, 0.0, -1.0, math.nan)),
        rng.choice((0.0, 1.4, 1.5, 2.5, 3.0)),
        rng.choice((0.0, 4.0, 6.0, 9.0, 10.0)),
    )


class GateFlow:
    """One seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"gate {seed}")
        self.account = Account(self.rng)
        self.violations: list[str] = []
        self.passed = self.refused = 0
        self._made = 0

    def run(self) -> GateFlow:
        """All its acts, or up to the first broken rule."""
        for _ in range(ACTS):
            draw = self.rng.random()
            if draw < 0.45:
                self._wish()
            elif draw < 0.65:
                self._move()
            elif draw < 0.75:
                turn(self.account)
            elif draw < 0.85:
                settle(self.account)
            else:
                self._pass_time()
            if self.violations:
                break
        return self

    def _pass_time(self) -> None:
        account = self.account
        account.now += timedelta(seconds=self.rng.choice((0.5, 4.0, 6.0, 30.0, 70.0)))
        for key in KEYS:
            if self.rng.random() < 0.9:
                account.tick(key)

    def _move(self) -> None:
        """The broker says something of an order, or a position is left."""
        account, rng = self.account, self.rng
        if account.orders and rng.random() < 0.8:
            old = account.orders.pop(rng.randrange(len(account.orders)))
            more = rng.randint(0, old.remaining) if rng.random() < 0.6 else 0
            state = OrderState.FILLED if more == old.remaining else rng.choice((*_LIVES, *_ENDS))
            moved = replace(old, state=state, filled=old.filled + more)
            self._book(moved, more)
            if state not in (*_ENDS, OrderState.FILLED):
                account.orders.append(moved)
        elif rng.random() < 0.2:
            self._surface()
        elif account.held:
            account.held.pop(rng.choice(list(account.held)))

    def _surface(self) -> None:
        """An entry that nobody expected any more is out: it counts, whoever let it through."""
        account, rng = self.account, self.rng
        self._made += 1
        key, side = rng.choice(KEYS), rng.choice(tuple(Side))
        ref = f"ck-0000-{key}-{self._made}-entry"
        known = intent(key, Role.ENTRY, side, ref=ref, quantity=rng.randint(1, 50), created_at=TEN)
        account.orders.append(Order(intent=known, state=OrderState.UNKNOWN))
        account.filled[ref] = 0

    def _book(self, order: Order, more: int) -> None:
        account, key = self.account, order.intent.key
        if more:
            account.held[key] = account.held.get(key, 0) + more * order.intent.side.sign
            account.filled[order.intent.ref] += more
            account.recent.note(order)
            if account.rng.random() < 0.3:
                account.last_fill[key] = account.now

    def _wish(self) -> None:
        account, rng = self.account, self.rng
        key, side = rng.choice(KEYS), rng.choice(tuple(Side))
        price = account.quotes[key].bid if side is Side.SELL else account.quotes[key].ask
        stop = price * (1 - side.sign * rng.choice((0.002, 0.01, 0.05)))
        self._made += 1
        wish = proposal(
            key,
            side,
            strategy=rng.choice(STRATEGIES),
            signal_id=f"s{self._made if rng.random() < 0.9 else self._made - 1}",
            stop_price=rng.choice((stop, stop, stop, stop, None, price)),
            conviction=rng.choice((1.0, 1.0, 0.7, 0.3)),
            plan=Plan(pivot=price) if rng.random() < 0.3 else NO_PLAN,
        )
        wanted = rng.choice((None, None, 1, rng.randint(1, 400)))
        verdict = gate.check_entry(wish, account.asked(wish), account.limits, wanted=wanted)
        if isinstance(verdict, EntryTicket):
            self._let_through(wish, verdict, wanted)
        else:
            self._refuse(wish, verdict, wanted)

    def _refuse(self, wish: Proposal, refusal: Refusal, wanted: int | None) -> None:
        """A rule that is named must be one that is broken, by as little as one unit where none was asked.

        What is too much for the depth is not cut to it: there the size that the caps left is judged.
        """
        self.refused += 1
        reason, units = refusal.reason, wanted or 1
        if reason is Reason.ILLIQUID and wanted is None:
            units = max(1, int(refusal.value or 1))
        entry = Entry(wish, units, self._touch(wish))
        if reason not in broken(self.account, entry):
            self.violations.append(f"{wish.key} refused by {reason}, which nothing breaks")

    def _touch(self, wish: Proposal) -> float:
        account = self.account
        now, step = account.quotes[wish.key], account.instruments[wish.key].min_tick
        through = account.limits.entry_ticks_through * step
        return now.ask + through if wish.side is Side.BUY else now.bid - through

    def _let_through(self, wish: Proposal, ticket: EntryTicket, wanted: int | None) -> None:
        self.passed += 1
        account = self.account
        entry = Entry(wish, ticket.quantity, ticket.limit_price)
        if found := broken(account, entry):
            self.violations.append(f"{wish.key} passed with {ticket.quantity}: {sorted(found)}")
        if wanted is not None and ticket.quantity != wanted:
            self.violations.append(f"{wish.key}: {wanted} were wanted, {ticket.quantity} passed")
        account.signals_used.add(wish.signal_id)
        sent = self._written(wish, ticket)
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            turn(account)
        entry = replace(entry, own_ref=sent.intent.ref)
        refusal = gate.check_again(sent.intent, account.asked(wish, without=sent.intent.ref), account.limits)
        found = broken(account, entry, again=True)
        if refusal is None and found:
            self.violations.append(f"{wish.key} left with {ticket.quantity}: {sorted(found)}")
        if refusal is not None:
            account.orders.remove(sent)
            if refusal.reason not in found:
                self.violations.append(f"{wish.key} held back by {refusal.reason}, which nothing breaks")

    def _written(self, wish: Proposal, ticket: EntryTicket) -> Order:
        account = self.account
        made = Order(
            intent=intent(
                wish.key,
                Role.ENTRY,
                wish.side,
                ref=f"ck-0000-{wish.key}-{self._made}-entry",
                strategy=wish.strategy,
                quantity=ticket.quantity,
                limit_price=ticket.limit_price,
                signal_id=wish.signal_id,
                created_at=account.now,
            ),
            state=OrderState.PENDING,
        )
        account.filled[made.intent.ref] = 0
        account.ever.append(made)
        account.orders.append(made)
        account.recent.note(made)
        return made


def main() -> int:
    """Run a range. 1 where a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm.gate_flow", description=__doc__)
    parser.add_argument("--seeds", default="0..999")
    first, last = map(int, parser.parse_args().seeds.split(".."))
    runs = {seed: GateFlow(seed).run() for seed in range(first, last + 1)}
    wrong = {seed: run for seed, run in runs.items() if run.violations}
    for seed, run in wrong.items():
        print(f"seed {seed}: {run.violations[0]}")
    passed, refused = (sum(getattr(r, name) for r in runs.values()) for name in ("passed", "refused"))
    print(f"{len(wrong)} violating of {len(runs)} seeds; {passed} entries passed, {refused} were refused")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
