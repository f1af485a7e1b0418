"""Asks again what may be asked again: only questions that change nothing, only where time will heal it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from engine.broker.port import BrokerError

T = TypeVar("T")

BASE_S: Final = 0.2
CAP_S: Final = 5.0
ATTEMPTS: Final = 6
"""Waits are drawn between 0 and min(cap, base x 2^n): full jitter, so that nobody comes back in step."""


class PassingError(BrokerError):
    """The broker could not answer just now; nothing was wrong with the question."""


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer of `ask`, asked up to six times while it raises PassingError; then that error is raised.

    Never for an order: one whose answer is lost may be at work.
    """
    attempts = AsyncRetrying(
        retry=retry_if_exception_type(PassingError),
        wait=wait_random_exponential(multiplier=BASE_S, max=CAP_S),
        stop=stop_after_attempt(ATTEMPTS),
        reraise=True,
    )
    return await attempts(ask)
