"""How long the broker takes: round trips of questions, and orders until its first word on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

_KEPT: Final = 4096
_WAITING: Final = 1024


class BrokerTimes(NamedTuple):
    """What was measured since the last asking, ms, at most 4,096 of each."""

    requests_ms: tuple[float, ...] = ()
    acks_ms: tuple[float, ...] = ()


class Timings:
    """Written by the adapter as it goes, over all connections; whoever shows them takes them away."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._requests: deque[float] = deque(maxlen=_KEPT)
        self._acks: deque[float] = deque(maxlen=_KEPT)
        self._sent: dict[int, float] = {}

    def sent(self, order_ids: Iterable[int]) -> None:
        """The bytes of these orders are with the transport."""
        now_s, sent = self._clock(), self._sent
        for order_id in order_ids:
            sent[order_id] = now_s
        while len(sent) > _WAITING:  # never answered: their fate is told elsewhere
            del sent[next(iter(sent))]

    def heard(self, order_id: int) -> None:
        """The broker said something about this order; the first word counts."""
        sent_s = self._sent.pop(order_id, None)
        if sent_s is not None:
            self._acks.append((self._clock() - sent_s) * 1000.0)

    def answered(self, ms: float) -> None:
        """A question was answered to its end."""
        self._requests.append(ms)

    def take(self) -> BrokerTimes:
        """Everything since the last call."""
        times = BrokerTimes(tuple(self._requests), tuple(self._acks))
        self._requests.clear()
        self._acks.clear()
        return times
