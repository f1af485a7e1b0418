"""Asks again what may be asked again: only questions that change nothing, only where time will heal it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from engine.broker.port import BrokerError

T = TypeVar("T")


class Patience(NamedTuple):
    """How often, and how long apart, a question is asked again.

    Waits are drawn between 0 and min(cap, base x 2^n): full jitter, so that nobody comes back in step.
    """

    base_s: float = 0.2
    cap_s: float = 5.0
    attempts: int = 6
    """The first one counts."""


USUAL = Patience()


class PassingError(BrokerError):
    """The broker could not answer just now; nothing was wrong with the question."""


async def patiently(ask: Callable[[], Awaitable[T]], patience: Patience) -> T:
    """The answer of `ask`, asked as often as `patience` allows while it raises PassingError; then that error.

    Never for an order: one whose answer is lost may be at work.
    """
    attempts = AsyncRetrying(
        retry=retry_if_exception_type(PassingError),
        wait=wait_random_exponential(multiplier=patience.base_s, max=patience.cap_s),
        stop=stop_after_attempt(patience.attempts),
        reraise=True,
    )
    return await attempts(ask)
