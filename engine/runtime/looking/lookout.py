"""Gives those who look at a market its book and its tape, by lines that nobody trades with.

Looking changes no decision: a book that only a screen asked for never reaches the quote board, where the
gate and strategies read. What a strategy needs is given back to it at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from engine.api import Command, CommandKind, Outcome
from engine.api_market import BAR_LENGTHS_S, MarketView, TapePrint
from engine.broker.port import Broker, LineRefused, LinkState
from engine.domain.market import Depth, Print
from engine.domain.reasons import Reason
from engine.market.recent import RecentBars
from engine.runtime.desk import Desk
from engine.runtime.inbox import Inbox
from engine.runtime.keeping.checkpoint import Checkpoints
from engine.runtime.looking.looks import Looks
from engine.runtime.looking.view import Seen, market_view
from engine.runtime.outcomes import done, refused

VIEWER: Final = "viewer"
"""Who looks through a view that may cause nothing at the broker."""
BOOK_ROWS: Final = 10
"""Levels a side that people are shown."""
MOST_TAPES: Final = 3
"""Tapes at once: the broker gives five to most accounts."""
PRINTS_KEPT: Final = 60


class Lines(Protocol):
    """Who has which line already."""

    @property
    def subscribed(self) -> frozenset[str]:
        """Instruments that have a data line."""
        ...

    @property
    def deep(self) -> frozenset[str]:
        """Instruments whose book a strategy or the gate reads."""
        ...


class NoLines:
    """Before it is known who has lines."""

    subscribed: frozenset[str] = frozenset()
    deep: frozenset[str] = frozenset()


class Lookout:
    """One per engine. While nobody looks it asks for nothing and keeps nothing but bars."""

    def __init__(self, desk: Desk, *, broker: Broker) -> None:
        self._desk = desk
        self._broker = broker
        self.touch: Callable[[], None] = lambda: None
        """Called where what is looked at moved."""
        self.lines: Lines = NoLines()
        self.bars = RecentBars()
        self._looks = Looks()
        self._keys: tuple[str, ...] = ()
        self._books: dict[str, Depth | None] = {}
        """Books that are asked for here, and what came; None before the first."""
        self._tapes: dict[str, deque[TapePrint]] = {}
        """Tapes that are asked for here, and what came."""
        self._refused: dict[tuple[str, str], str] = {}
        """Instrument key and line -> why the broker gives it not."""

    def attach(
        self, inbox: Inbox, lines: Lines, checkpoints: Checkpoints, *, touch: Callable[[], None]
    ) -> None:
        """Hear what the broker sends, and who has which line."""
        inbox.on_looked_at, inbox.on_trade, inbox.on_refused = self.takes, self.on_print, self.refused
        checkpoints.on_bars = self.bars.take
        self.lines, self.touch = lines, touch

    # --- who looks ------------------------------------------------------------------------------

    @property
    def answers(self) -> dict[CommandKind, Callable[[Command], Awaitable[Outcome]]]:
        """The command of those who look."""
        return {CommandKind.WATCH: self.watch}

    async def watch(self, command: Command) -> Outcome:
        """`who` looks at `target` in bars of `value` seconds from now on; at nothing where it is empty."""
        key, now_s = command.target, self._desk.clock.monotonic()
        if not key:
            self._looks.leave(command.who)
        elif key not in self._desk.instruments:
            self._looks.leave(command.who)
            self._settle()
            return refused(command, Reason.WRONG_TARGET.value, f"{key}: no such market is known here")
        else:
            bar_s = int(command.value or 0)
            bar_s = bar_s if bar_s in BAR_LENGTHS_S else BAR_LENGTHS_S[0]
            may_ask = command.who.split(" ")[0] != VIEWER
            self._looks.look(command.who, key, bar_s=bar_s, now_s=now_s, may_ask=may_ask)
        self._settle()
        self.touch()
        return done(command, f"{command.who} looks at {key or 'no market'}")

    async def round(self) -> None:
        """Looks that were not said again end; lines that became free are asked for."""
        if self._keys:
            self._looks.expire(self._desk.clock.monotonic())
            self._settle()

    def views(self) -> tuple[MarketView, ...]:
        """Each market that is looked at; none while nobody looks."""
        if not self._keys:
            return ()
        return tuple(
            market_view(self._desk, key, bar_s, self._seen(key, bar_s)) for key, bar_s in self._looks.shown
        )

    def _seen(self, key: str, bar_s: int) -> Seen:
        is_ours = key in self._books
        return Seen(
            has_line=key in self.lines.subscribed,
            book=self._books[key] if is_ours else self._desk.quotes.depth(key),
            book_text=self._why_no_book(key),
            prints=tuple(reversed(self._tapes.get(key, ()))),
            tape_text=self._why_no_tape(key),
            bars=self.bars.bars(key, bar_s),
        )

    def _why_no_book(self, key: str) -> str:
        if key in self._books or key in self.lines.deep:
            return ""
        limit = self._desk.config.universe.futures.depth_lines
        no_room = f"no depth line is free: {len(self.lines.deep) + len(self._books)} of {limit} are used"
        return self._why_not(key, "book") or no_room

    def _why_no_tape(self, key: str) -> str:
        if key in self._tapes:
            return ""
        return self._why_not(key, "tape") or f"{MOST_TAPES} tapes are read already"

    def _why_not(self, key: str, what: str) -> str:
        if self._desk.link is not LinkState.UP:
            return "no connection to the broker"
        if key not in self.lines.subscribed:
            return "no data line"
        if (key, what) in self._refused:
            return self._refused[key, what]
        return "" if key in self._looks.asking else "a read-only view asks the broker for nothing"

    # --- lines ----------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Give back what nobody looks at; ask for what somebody does, where a line is free."""
        self._keys, asking = self._looks.keys, self._looks.asking
        for key in [key for key in self._tapes if key not in asking]:
            self._end_tape(key)
        for key in [key for key in self._books if key not in asking]:
            self._end_book(key)
        self._refused = {one: text for one, text in self._refused.items() if one[0] in asking}
        if self._desk.link is not LinkState.UP:
            return
        for key in asking:
            if key in self.lines.subscribed:
                self._ask(key)

    def _ask(self, key: str) -> None:
        instrument = self._desk.instruments[key]
        if key not in self._tapes and len(self._tapes) < MOST_TAPES and (key, "tape") not in self._refused:
            self._tapes[key] = deque(maxlen=PRINTS_KEPT)
            self._broker.subscribe_tape(instrument)
        if key in self.lines.deep or key in self._books or (key, "book") in self._refused:
            return
        used = len(self.lines.deep) + len(self._books)
        if used < self._desk.config.universe.futures.depth_lines:
            self._books[key] = None
            self._broker.subscribe_depth(instrument, BOOK_ROWS)

    def give_way(self, keys: Sequence[str]) -> None:
        """Strategies are about to ask for the books of these: they come first."""
        limit = self._desk.config.universe.futures.depth_lines
        for key in [key for key in self._books if key in keys]:
            self._end_book(key)
        while self._books and len(self.lines.deep) + len(keys) + len(self._books) > limit:
            self._end_book(next(iter(self._books)))

    def given_up(self, key: str) -> None:
        """Every line of this instrument was ended at the broker."""
        self._forget(key)

    def lost(self) -> None:
        """Every line of every instrument is gone; what is looked at is asked for anew."""
        for key in {*self._books, *self._tapes}:
            self._forget(key)
        self._refused.clear()

    def _forget(self, key: str) -> None:
        self._books.pop(key, None)
        self._tapes.pop(key, None)

    def _end_book(self, key: str) -> None:
        self._broker.unsubscribe_depth(self._desk.instruments[key])
        del self._books[key]

    def _end_tape(self, key: str) -> None:
        self._broker.unsubscribe_tape(self._desk.instruments[key])
        del self._tapes[key]

    # --- what comes -----------------------------------------------------------------------------

    def takes(self, depth: Depth) -> bool:
        """True where this book is only looked at: nobody may decide by it."""
        if depth.key in self._keys:
            self.touch()
        if depth.key not in self._books:
            return False
        self._books[depth.key] = depth
        return True

    def on_print(self, trade: Print) -> None:
        """One trade: beside the touch of that moment it was bought, sold, or neither."""
        tape = self._tapes.get(trade.key)
        if tape is None:
            return
        quote = self._desk.quotes.quote(trade.key)
        side = 0
        if quote is not None:
            side = 1 if trade.price >= quote.ask else -1 if trade.price <= quote.bid else 0
        tape.append(TapePrint(trade.at, trade.price, trade.size, side))
        self.touch()

    def refused(self, event: LineRefused) -> bool:
        """The broker gives no such line; True where it was asked for here, and only its viewers are told."""
        if event.key not in (self._books if event.what == "book" else self._tapes):
            return False
        if event.what == "book":
            del self._books[event.key]
        else:
            del self._tapes[event.key]
        self._refused[event.key, event.what] = f"the broker gives none: {event.text} ({event.code})"
        self.touch()
        return True
