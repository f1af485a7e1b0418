"""Tests that press keys paint the screen once, at their end: nobody looks at the pictures before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, TypeVar
from unittest.mock import patch

from textual._compositor import Compositor
from textual.app import App
from textual.pilot import Pilot

Result = TypeVar("Result")


def _forget(compositor: Compositor, **_: Any) -> None:
    """No picture for a driver that would throw it away."""
    compositor._dirty_regions.clear()


def unpainted() -> AbstractContextManager[object]:
    """While it lasts nothing is painted."""
    return patch.object(Compositor, "render_update", _forget)


@asynccontextmanager
async def painted_at_the_end(app: App[Result], *, size: tuple[int, int]) -> AsyncIterator[Pilot[Result]]:
    """`app.run_test`, with every screen painted whole at the end: what cannot be painted fails the test."""
    async with app.run_test(size=size) as pilot:
        with unpainted():
            yield pilot
        for screen in app.screen_stack:
            screen._compositor.render_full_update()
