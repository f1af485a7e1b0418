"""What a strategy is to the engine: complete bars in, unsized proposals out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple, Self

from engine.domain.market import Bar
from engine.domain.order import Proposal
from engine.domain.reasons import Reason


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


class Waiting(NamedTuple):
    """Why there is no proposal right now."""

    code: Reason
    text: str


class Strategy(ABC):
    """Decides on complete bars of the instruments it was given. Pure: no clock, no I/O, no randomness.

    The same bars and views always give the same proposals. Time comes with the bars.
    """

    long_only: ClassVar[bool] = False

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
