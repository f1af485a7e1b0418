"""Screen 6: can the numbers be trusted, is everything fast enough, and may it go live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen

from cockpit.action import Where
from cockpit.frame import Frame
from cockpit.keymap import bindings_for
from cockpit.panels.footer import PAGE_PLACES, FooterKeys, StatusLine
from cockpit.panels.header import Header
from cockpit.panels.health_page import HealthPage


class HealthScreen(Screen[None]):
    """A page that follows the engine and scrolls where it does not fit."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(binding.key, f"app.{binding.action}", binding.description, id=binding.id, show=False)
        for binding in bindings_for(Where.SCREENS, Where.PAGE)
    ]

    def __init__(self, *, keys: Mapping[str, str], frame: Callable[[], Frame]) -> None:
        """`frame` is what there is to show when it opens."""
        super().__init__()
        self._frame = frame
        self._keys = keys
        self.status = StatusLine(id="status")
        self._header = Header(keys=keys, id="header")
        self._page = HealthPage(id="health-page")

    def compose(self) -> ComposeResult:
        """Header, the page in a scrolling box that has the keys, status, keys."""
        yield self._header
        with VerticalScroll(id="page"):
            yield self._page
        yield self.status
        yield FooterKeys(keys=self._keys, places=PAGE_PLACES, id="keys")

    def on_mount(self) -> None:
        """The box scrolls with the arrow keys."""
        self.query_one("#page").focus()
        self.call_after_refresh(lambda: self.show(self._frame()))

    def show(self, frame: Frame) -> None:
        """Follow the engine."""
        self._header.show(frame)
        self._page.show(frame)
