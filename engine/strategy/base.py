"""What a strategy is to the engine: complete bars in, unsized proposals out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple, Self

from engine.domain.instrument import Instrument
from engine.domain.market import Bar, Depth, Quote
from engine.domain.order import Proposal
from engine.domain.reasons import Reason
from engine.domain.setup import Setup


class Holding(NamedTuple):
    """The position it owns, as far as a decision needs it. Prices per unit."""

    entry_price: float
    opened_at: datetime
    stop_price: float | None
    """Where its protective stop is now."""
    initial_stop: float | None
    """Where it was at entry; the distance to it is 1 R."""
    has_partial: bool
    """A part of it was closed already."""
    target1: float | None = None
    target2: float | None = None


class StrategyView(NamedTuple):
    """How this strategy stands in the instrument of the bar."""

    quantity: int = 0
    """Signed position that it owns."""
    entry_working: bool = False
    """An entry of it is on its way or working."""
    exit_working: bool = False
    """A close of its position is on its way or working."""
    allow_short: bool = False
    """Shorts are allowed here, by asset class and by strategy."""
    holding: Holding | None = None
    """What it holds; None while `quantity` is 0."""
    attempts_long: int = 0
    """Entries that filled today at the pivot above."""
    attempts_short: int = 0
    """The same at the pivot below."""
    max_attempts: int = 0
    """Entries allowed per pivot, side and day; 0 = the gate alone decides."""


class SetupState(NamedTuple):
    """How one instrument of the watch list stands, for people. Distances in percent of price, NaN unknown."""

    key: str
    resistance: float
    support: float
    score: float
    above_pct: float
    """Way up to resistance; negative beyond it."""
    below_pct: float
    """Way down to support; negative beyond it."""
    stages: tuple[str, str]
    """Stage of the pivot above and of the one below."""
    attempts: tuple[int, int]
    """Filled entries of today, above and below."""
    filters: tuple[tuple[str, bool, float, float], ...]
    """Of the last break that was judged: name, passed, value, limit."""
    source: str


class Waiting(NamedTuple):
    """Why there is no proposal right now."""

    code: Reason
    text: str


class Conviction(NamedTuple):
    """How sure a strategy that learns is in one instrument, for people. NaN where data does not tell."""

    key: str
    direction: int
    """+1 up, -1 down, 0 while it has no opinion."""
    probability: float
    needed: float
    """Probability from which it trades; infinite while nothing is proven."""
    samples: int
    """Outcomes it has learnt from."""
    evidence: float
    """Wealth of the bets on its shadow trades, in the book that is nearest to its proof."""
    evidence_needed: float
    shadow_trades: int
    """Since trust was last lost."""
    live_trades: int
    explored: int
    """Trades made only to learn; none of them is evidence."""
    mean_r: float
    """Mean net of those shadow trades, in multiples of the most that one can lose."""
    mean_low: float
    mean_high: float
    """Its 95 % interval."""
    drift: str
    """What became of the last alarm of drift; empty where there was none."""
    text: str
    """Why it does not trade now, or that it does."""


class Account(NamedTuple):
    """What a strategy that sizes its own entries may know of the account."""

    equity_usd: float
    """NaN while it is not known."""
    is_paper: bool


class Strategy(ABC):
    """Decides on complete bars of the instruments it was given. Pure: no clock, no I/O, no randomness.

    The same bars and views always give the same proposals. Time comes with the bars.
    """

    long_only: ClassVar[bool] = False
    wants_setups: ClassVar[bool] = False
    """True where it trades the levels of a scanner."""
    reads_quotes: ClassVar[bool] = False
    """True where it is asked at quotes and by the clock, and not at bars alone."""
    reads_clock: ClassVar[bool] = False
    """True where it is asked by the clock although it does not read quotes."""
    learns: ClassVar[bool] = False
    """True where it learns from outcomes: it is told of contracts, account and books, and is remembered."""
    only_profile: ClassVar[str] = ""
    """The one profile it may run under; empty where any will do."""
    only_timeframe: ClassVar[str] = ""
    """The one timeframe it understands; empty where any will do."""

    def __init__(self, name: str, *, keys: Sequence[str]) -> None:
        self.name = name
        self.keys = tuple(keys)

    @classmethod
    @abstractmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        """One instance from a configuration table. Raises ParamError naming the wrong parameter."""

    @abstractmethod
    def warm_up_bars(self) -> int:
        """Bars of history it needs before it can propose."""

    @abstractmethod
    def warm_up(self, bars: Iterable[Bar]) -> None:
        """Take history. Nothing is proposed, then or later, because of it.

        It may come after live bars have begun, and again after a hole: bars that were seen already are
        kept, and what is missing before and between them is filled in.
        """

    @abstractmethod
    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """Take the next complete bar and answer with what is wanted now.

        A bar that is not newer than the last one of its instrument, or of an instrument that is not one
        of `keys`, changes nothing.
        """

    @abstractmethod
    def why_not(self, key: str) -> Waiting:
        """What it waits for in this instrument, for people. Raises KeyError for a key that is not its own."""

    def take_setups(self, setups: Sequence[Setup]) -> None:  # noqa: B027 - most have no use for levels
        """Take the watch list of the day. What is not in it any more is not entered; positions are kept."""

    def setup_states(self) -> tuple[SetupState, ...]:
        """Its watch list as it stands; empty for strategies without levels."""
        return ()

    def wants_quote(self, quote: Quote) -> bool:
        """Whether this quote changes anything for it. Asked at every tick, so it may cost next to nothing."""
        return False

    def on_quote(self, quote: Quote, view: StrategyView) -> tuple[Proposal, ...]:
        """Take a quote it wanted, and answer with what is wanted now."""
        return ()

    def on_clock(self, key: str, now: datetime, view: StrategyView) -> tuple[Proposal, ...]:
        """Asked once a second per instrument: for what must happen while nothing trades."""
        return ()

    # --- only asked of those that learn -----------------------------------------------------------

    def describe(self, instrument: Instrument, *, fee_usd: float) -> None:  # noqa: B027 - most need no terms
        """Take the terms of one of its instruments, with the fee of one contract and way."""

    def take_account(self, account: Account) -> None:  # noqa: B027 - most are sized by the gate alone
        """Take what the account is worth now."""

    def on_depth(self, depth: Depth) -> None:  # noqa: B027 - most do not read books
        """Take the visible book. Nothing is proposed because of it."""

    def on_lost_data(self, key: str) -> None:  # noqa: B027 - most look at bars alone
        """Prices of this instrument were missed."""

    def follow(self, before: Strategy) -> None:  # noqa: B027 - most know only what bars tell
        """Go on with what `before`, of the same name, has learnt: its instruments were chosen anew."""

    def convictions(self) -> tuple[Conviction, ...]:
        """How sure it is, per instrument."""
        return ()
