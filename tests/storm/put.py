"""Puts something over a part of the engine, and takes it away again."""

from __future__ import annotations

from typing import Any


class Put:
    """Sets attributes and remembers what was there."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def over(self, place: Any, name: str, value: Any) -> Any:
        """Put `value` over `place.name`; the answer is what was there. AttributeError where nothing was."""
        before = getattr(place, name)
        self._before.append((place, name, place.__dict__[name]))
        setattr(place, name, value)
        return before

    def back(self) -> None:
        """Everything as it was."""
        for place, name, value in reversed(self._before):
            setattr(place, name, value)


async def true(*_: Any, **__: Any) -> bool:
    """For acts that are skipped and called done."""
    return True


async def nothing(*_: Any, **__: Any) -> tuple[()]:
    """For acts that are skipped and leave nothing."""
    return ()
