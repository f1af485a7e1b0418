"""The book as a ladder: bids left and asks right of the price, what stands up to there, our own orders."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.frame import Frame
from cockpit.panels.market_words import age_words, waiting
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Span, Tone, line, pad, title
from cockpit.widgets.bars import bar_of
from engine.api import OrderView
from engine.api_market import BookLevel, MarketView

MOST_LEVELS: Final = 10
_SIZE: Final = 6
_OWN: Final = 6


class Rung(NamedTuple):
    """One price of the ladder."""

    price: float
    bid: int | None
    """Size that is bid there; None where nobody bids."""
    ask: int | None
    filled: float
    """What stands from the touch to here, as a share of the most that is shown on either side, 0 to 1."""
    own: str
    """Our orders there."""


def rungs(view: MarketView, orders: Iterable[OrderView], *, levels: int) -> tuple[list[Rung], list[Rung]]:
    """Asks from the farthest to the nearest, and bids from the nearest to the farthest.

    Without a book the touch stands for it. Levels of ours between those of the book get a rung, too.
    """
    asks, bids = sides(view)
    asks, bids = asks[:levels], bids[:levels]
    most = max([sum(level.size for level in side) for side in (asks, bids) if side] or [0])
    ours = _own_by_price(orders)
    return _side(asks, ours, most=most, is_ask=True)[::-1], _side(bids, ours, most=most, is_ask=False)


def sides(view: MarketView) -> tuple[tuple[BookLevel, ...], tuple[BookLevel, ...]]:
    """Asks and bids, best first: the book's, else the touch."""
    if view.bids or view.asks:
        return view.asks, view.bids
    ask = () if view.ask is None else (BookLevel(view.ask, view.ask_size),)
    return ask, () if view.bid is None else (BookLevel(view.bid, view.bid_size),)


def _side(levels: Sequence[BookLevel], ours: dict[float, str], *, most: int, is_ask: bool) -> list[Rung]:
    """Best first."""
    if not levels:
        return []
    sums = accumulate(level.size for level in levels)
    made = [
        Rung(
            level.price,
            None if is_ask else level.size,
            level.size if is_ask else None,
            total / most if most else 0.0,
            ours.get(level.price, ""),
        )
        for level, total in zip(levels, sums, strict=True)
    ]
    low, high = sorted((levels[0].price, levels[-1].price))
    known = {level.price for level in levels}
    made += [Rung(p, None, None, 0.0, own) for p, own in ours.items() if low < p < high and p not in known]
    return sorted(made, key=lambda rung: rung.price, reverse=not is_ask)


def _own_by_price(orders: Iterable[OrderView]) -> dict[float, str]:
    """Price -> our orders that work there: `▲50`, `▼50 stp`."""
    found: dict[float, list[str]] = {}
    for order in orders:
        if order.price is not None and not order.is_done and order.is_ours:
            sign = "▲" if order.side == "BUY" else "▼"
            kind = "" if order.order_type == "LMT" else "s"
            found.setdefault(order.price, []).append(f"{sign}{order.quantity - order.filled}{kind}")
    return {price: " ".join(texts) for price, texts in found.items()}


def ladder_lines(view: MarketView, orders: Sequence[OrderView], *, width: int, height: int) -> list[Line]:
    """At most `height` lines of at most `width` cells."""
    words = _words(view, width=width)
    levels = max(1, min(MOST_LEVELS, (height - 1 - len(words)) // 2))
    asks, bids = rungs(view, orders, levels=levels)
    price_width = max([len(_price(view, rung.price)) for rung in (*asks, *bids)] or [1])
    asks, bids = asks[-levels:], bids[:levels]
    lines = [
        *(_rung_line(rung, view, width=width, price_width=price_width) for rung in asks),
        _middle(view, width=width),
        *(_rung_line(rung, view, width=width, price_width=price_width) for rung in bids),
        *(line(Span(pad(text, width=width), tone)) for text, tone in words),
        *_out_of_sight(view, orders, shown={rung.price for rung in (*asks, *bids)}, width=width),
    ]
    return lines[: max(0, height)]


def _out_of_sight(
    view: MarketView, orders: Iterable[OrderView], *, shown: set[float], width: int
) -> list[Line]:
    """Our orders at prices that the ladder does not reach."""
    far = sorted((price, own) for price, own in _own_by_price(orders).items() if price not in shown)
    return [
        line(Span(pad(f" {own} at {_price(view, price)}: out of sight", width=width), Tone.ACCENT))
        for price, own in reversed(far)
    ]


def _words(view: MarketView, *, width: int) -> list[tuple[str, Tone]]:
    texts: list[tuple[str, Tone]] = []
    if view.book_text:
        texts.append((f"touch only: {view.book_text}", Tone.MUTED))
    if view.data_text:
        texts.append((view.data_text, Tone.WARN))
    return [
        (f" {part}", tone)
        for text, tone in texts
        for part in textwrap.wrap(clean(text), width=max(1, width - 1))
    ]


def _rung_line(rung: Rung, view: MarketView, *, width: int, price_width: int) -> Line:
    """`own  size ▐██ price ██▌ size`: bids grow to the left, asks to the right."""
    bars = max(0, (width - 2 * _SIZE - price_width - _OWN - 4) // 2)
    blank = " " * (bars + _SIZE + 1)
    left = right = blank
    if rung.bid is not None:
        bar = bar_of(rung.filled, cells=bars, to_left=True)
        left = f"{pad(_size(rung.bid), width=_SIZE, right=True)} {bar}"
    if rung.ask is not None:
        right = f"{bar_of(rung.filled, cells=bars)} {pad(_size(rung.ask), width=_SIZE)}"
    text = pad(_price(view, rung.price), width=price_width, right=True)
    return line(
        Span(left, Tone.GAIN),
        Span(f" {text} ", Tone.STRONG if rung.own else Tone.TEXT),
        Span(right, Tone.LOSS),
        Span(pad(f" {rung.own}" if rung.own else "", width=_OWN), Tone.ACCENT),
    )


def _middle(view: MarketView, *, width: int) -> Line:
    """Between the sides: how wide the market is, or what is wrong with it."""
    asks, bids = sides(view)
    if not asks and not bids:
        return line(Span(pad(" no price yet", width=width), Tone.MUTED))
    if not asks or not bids:
        side = "asks" if bids else "bids"
        return line(Span(pad(f" no {side}: a one-sided market", width=width), Tone.WARN))
    spread = asks[0].price - bids[0].price
    if spread < 0:
        return line(Span(pad(" crossed: bid above ask", width=width), Tone.WARN))
    text = f" spread {_price(view, spread)} · last {_price(view, view.last)} × {_size(view.last_size)}"
    return line(Span(pad(text, width=width), Tone.MUTED))


def _price(view: MarketView, value: float | None) -> str:
    return fmt.price(value, decimals=view.decimals)


def _size(size: int) -> str:
    return f"{size:,}" if size < 100_000 else fmt.compact(size)


class LadderPanel(Panel):
    """The book of the market that is looked at."""

    def __init__(self, *, view: Callable[[Frame], MarketView | None], id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="panel")
        self._view = view

    def title_of(self, frame: Frame) -> str:
        """Name and age of the book, else of the touch."""
        view = self._view(frame)
        if view is None:
            return "Book"
        name, age_s = ("Book", view.book_age_s) if view.bids or view.asks else ("Touch", view.quote_age_s)
        return title([(0, name), (1, age_words(age_s, frame=frame))], width=self.width)

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """The ladder."""
        view = self._view(frame)
        if view is None:
            return [line(Span(waiting(frame), Tone.MUTED))]
        orders = [order for order in frame.snapshot.orders if order.symbol == view.symbol]
        return ladder_lines(view, orders, width=width, height=height)
