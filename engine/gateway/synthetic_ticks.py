"""Turns one 5-second slot into its ticks: prints that add up to the slot's bar, with quotes and depth.

A slot's ticks depend on the seed, the contract and the slot alone, so a restart finds the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.gateway.model import Contract, DepthTick, MarketEvent, QuoteTick, TradeTick
from engine.gateway.synthetic_factors import SLOT_S, Floats
from engine.gateway.synthetic_path import Ints, Slots

LEVELS = 10
_THINS = 0.12
"""Share by which the lighter side of a book is thinner at most."""
_GROWTH = np.concatenate([1.0 + 0.35 * np.arange(LEVELS)] * 2)
"""Mean size by level, bids then asks: heavier away from the touch."""


class PriceLadder:
    """Floats of whole ticks, made once per price: the tick generator's hottest line."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._prices: dict[int, float] = {}
        self._bids: dict[int, tuple[float, ...]] = {}
        self._asks: dict[int, tuple[float, ...]] = {}

    def price(self, ticks: int) -> float:
        """The price of a whole number of ticks."""
        price = self._prices.get(ticks)
        if price is None:
            price = self._prices[ticks] = self._contract.price(ticks)
        return price

    def bids(self, best: int) -> tuple[float, ...]:
        """Ten prices downwards from the best bid; fewer where zero is near."""
        prices = self._bids.get(best)
        if prices is None:
            lowest = max(best - LEVELS, 0)
            prices = self._bids[best] = tuple(self.price(ticks) for ticks in range(best, lowest, -1))
        return prices

    def asks(self, best: int) -> tuple[float, ...]:
        """Ten prices upwards from the best ask."""
        prices = self._asks.get(best)
        if prices is None:
            prices = self._asks[best] = tuple(self.price(ticks) for ticks in range(best, best + LEVELS))
        return prices


@dataclass(slots=True)
class _Tape:
    """The slot's ticks while they are made: where the quote stands and which sizes come next."""

    con_id: int
    ladder: PriceLadder
    bid: int
    ask: int
    sizes: list[list[int]]
    is_wide: bool
    events: list[MarketEvent] = field(default_factory=list)

    def quote(self, ts: float, bid: int, ask: int) -> None:
        """Show a new book: best prices as given, fresh sizes on ten levels."""
        self.bid, self.ask = bid, ask
        sizes = self.sizes.pop()
        bids = tuple(zip(self.ladder.bids(bid), sizes[:LEVELS], strict=False))
        asks = tuple(zip(self.ladder.asks(ask), sizes[LEVELS:], strict=False))
        self.events.append(QuoteTick(ts, self.con_id, bids[0][0], bids[0][1], asks[0][0], asks[0][1]))
        self.events.append(DepthTick(ts, self.con_id, bids, asks))

    def trade(self, ts: float, price: int, size: int, *, buy_inside: bool) -> None:
        """Print at the touch; a print beyond or inside the quote moves the quote to it first."""
        spread = self.ask - self.bid
        if self.is_wide and self.bid < price < self.ask:
            # Where makers ask that much for the touch, a deal between two others does not move them.
            self.events.append(
                TradeTick(ts, self.con_id, self.ladder.price(price), size, 1 if buy_inside else -1)
            )
            return
        if price > self.ask or (self.bid < price < self.ask and buy_inside):
            self.quote(ts, price - spread if price > self.ask else self.bid, price)
        elif price < self.bid or self.bid < price < self.ask:
            self.quote(ts, price, price + spread if price < self.bid else self.ask)
        aggressor = 1 if price == self.ask else -1
        self.events.append(TradeTick(ts, self.con_id, self.ladder.price(price), size, aggressor))


def slot_ticks(
    rng: np.random.Generator,
    slots: Slots,
    index: int,
    *,
    contract: Contract,
    ladder: PriceLadder,
    touch: float,
) -> list[MarketEvent]:
    """All ticks of slot `index` in time order. `touch` is the ordinary size at the best price."""
    prints = int(slots.count[index])
    refreshes = int(rng.poisson(0.7 * prints)) + 1
    total = prints + refreshes
    start = slots.start + index * SLOT_S
    # Never on the boundary itself: who starts or stops at a full slot has whole bars.
    milliseconds = np.sort(rng.integers(1, int(SLOT_S * 1000), total)).tolist()
    is_print = np.zeros(total, dtype=bool)
    is_print[rng.permutation(total - 1)[:prints]] = True
    tape = _Tape(
        con_id=contract.con_id,
        ladder=ladder,
        bid=int(slots.bid[index]),
        ask=int(slots.ask[index]),
        is_wide=slots.is_wide,
        sizes=_book_sizes(rng, total + 3, touch, lean=float(slots.lean[index])),
    )
    if index == 0 or not slots.is_open[index - 1]:
        # Parts of the day meet only approximately, and an opening has no quote before it.
        tape.quote(start, tape.bid, tape.ask)
    jump = _jump(rng, slots, index)
    made = _print_prices(rng, slots, index) if jump is None else _jumping_prices(rng, slots, index, jump)
    prices = iter(made.tolist())
    sizes = iter(_print_sizes(rng, int(slots.volume[index]), prints).tolist())
    coins = iter((rng.random(prints) < 0.5).tolist())
    after = int(slots.bid[index + 1]), int(slots.ask[index + 1])
    printed = 0
    for millisecond, traded in zip(milliseconds[:-1], is_print.tolist(), strict=False):
        ts = start + millisecond / 1000.0
        if traded:
            if printed == jump:
                tape.quote(ts, *after)
            printed += 1
            tape.trade(ts, next(prices), next(sizes), buy_inside=next(coins))
        else:
            tape.quote(ts, tape.bid, tape.ask)
    tape.quote(start + milliseconds[-1] / 1000.0, *after)
    return tape.events


def _jump(rng: np.random.Generator, slots: Slots, index: int) -> int | None:
    """The print before which the slot's whole move happens; None where it happens bit by bit."""
    if not slots.jumps:
        return None
    count = int(slots.count[index])
    return int(rng.integers(1, count)) if count > 1 else 0


def _jumping_prices(rng: np.random.Generator, slots: Slots, index: int, jump: int) -> Ints:
    """Prints at the touch before the jump and at the one after it: none tells of what comes next."""
    count = int(slots.count[index])
    edges = index + (np.arange(count) >= jump)
    prices: Ints = np.where(rng.integers(0, 2, count) == 1, slots.ask[edges], slots.bid[edges])
    if count:
        prices[0], prices[-1] = slots.open[index], slots.close[index]
    return np.clip(prices, int(slots.low[index]), int(slots.high[index]))


def _print_prices(rng: np.random.Generator, slots: Slots, index: int) -> Ints:
    """Prices from first to last print that reach the slot's high and low and never go beyond."""
    count = int(slots.count[index])
    first, last = int(slots.open[index]), int(slots.close[index])
    high, low = int(slots.high[index]), int(slots.low[index])
    if count <= 2:
        return np.array([first, last][2 - count :], dtype=np.int64)
    knots, values = [0, count - 1], [first, last]
    if count >= 4:
        at_high, at_low = (int(place) + 1 for place in rng.permutation(count - 2)[:2])
        knots += [at_high, at_low]
        values += [high, low]
    order = np.argsort(knots)
    at, ticks = np.array(knots)[order], np.array(values)[order]
    between = np.interp(np.arange(count), at, ticks)
    bounce = (rng.integers(0, 2, count) - 0.5) * int(slots.ask[index] - slots.bid[index])
    prices: Ints = np.clip(np.rint(between + bounce), low, high).astype(np.int64)
    prices[at] = ticks
    return prices


def _print_sizes(rng: np.random.Generator, volume: int, count: int) -> Ints:
    """Sizes of at least one that add up to the slot's volume: many small ones, a few large."""
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    weights = rng.exponential(1.0, count) ** 1.6
    sizes: Ints = 1 + np.floor((volume - count) * weights / weights.sum()).astype(np.int64)
    sizes[int(np.argmax(weights))] += volume - int(sizes.sum())
    return sizes


def _book_sizes(rng: np.random.Generator, books: int, touch: float, *, lean: float) -> list[list[int]]:
    """Sizes of ten bids and ten asks for each book; the bids are heavier by the share `lean`."""
    noise: Floats = np.exp(rng.standard_normal((books, 2 * LEVELS), dtype=np.float32) * 0.55)
    sizes = noise * (_GROWTH * touch)
    # The lighter side hardly shrinks: who follows the heavier one finds somebody to trade with.
    sizes[:, :LEVELS] *= 1.0 + max(lean, -_THINS)
    sizes[:, LEVELS:] *= 1.0 + max(-lean, -_THINS)
    result: list[list[int]] = np.maximum(sizes, 1.0).astype(np.int64).tolist()
    return result
