"""Who wants to hear of a change: added and ended from any thread while others are being told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Listener = TypeVar("Listener", bound=Callable[..., None])


class Listeners(Generic[Listener]):
    """The listeners of one source; going over them sees those of the moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: tuple[Listener, ...] = ()

    def __iter__(self) -> Iterator[Listener]:
        return iter(self._all)

    def add(self, listener: Listener) -> Callable[[], None]:
        """One more; returns how to end it."""
        with self._lock:
            self._all = (*self._all, listener)

        def end() -> None:
            with self._lock:
                self._all = tuple(one for one in self._all if one is not listener)

        return end
