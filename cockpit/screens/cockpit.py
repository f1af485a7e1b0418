"""Screen 1: the five panels, why nothing trades, what happened, and the keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.screen import Screen

from cockpit.action import Where
from cockpit.frame import Frame
from cockpit.keymap import bindings_for
from cockpit.panels.confidence import ConfidencePanel
from cockpit.panels.events import EventsPanel
from cockpit.panels.footer import FooterKeys, StatusLine
from cockpit.panels.header import Header
from cockpit.panels.health import HealthPanel
from cockpit.panels.orders import OrdersPanel
from cockpit.panels.pnl import PnlLine, PnlPanel
from cockpit.panels.positions import PositionsPanel
from cockpit.panels.report import ReportBlock, report_hints
from cockpit.panels.why_not import WhyNotPanel

PANELS = ("positions", "orders", "pnl", "health", "why", "confidence", "events")
"""Panels in the order of the tab key."""

SMALL_WIDTH = 100
SMALL_HEIGHT = 30


class ShowsFrames(Protocol):
    """Anything that shows a frame."""

    def show(self, frame: Frame) -> None:
        """Show it."""


class CockpitScreen(Screen[None]):
    """Layout, and which panel has the keys. Data comes down as frames; it asks nothing of the engine."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(binding.key, f"app.{binding.action}", binding.description, id=binding.id, show=False)
        for binding in bindings_for(Where.SCREENS, Where.SCREEN)
    ]

    def __init__(self, *, keys: Mapping[str, str]) -> None:
        super().__init__()
        self._keys = keys
        self._frame: Frame | None = None
        self.positions = PositionsPanel(id="positions")
        self.orders = OrdersPanel(id="orders")
        self.report = ReportBlock(hints=report_hints(keys), id="report")
        self.status = StatusLine(id="status")
        self._shown_by: dict[str, ShowsFrames] = {}

    def compose(self) -> ComposeResult:
        """Header, body in two columns, event line, status line, keys."""
        side = {
            "pnl": PnlPanel(id="pnl", classes="panel"),
            "health": HealthPanel(id="health", classes="panel"),
            "why": WhyNotPanel(id="why", classes="panel"),
            "confidence": ConfidencePanel(id="confidence", classes="panel"),
        }
        happened = EventsPanel(id="events", classes="panel")
        news = EventsPanel(id="news")
        news.can_focus = False
        header, day = Header(keys=self._keys, id="header"), PnlLine(id="pnl-line")
        self.positions.add_class("panel")
        self.orders.add_class("panel")
        self._shown_by = {
            "header": header,
            "report": self.report,
            "positions": self.positions,
            "orders": self.orders,
            **side,
            "events": happened,
            "news": news,
            "day": day,
        }
        yield header
        yield self.report
        with Container(id="body"):
            with Vertical(id="left"):
                yield self.positions
                yield self.orders
                yield happened
            with Vertical(id="side"):
                yield from side.values()
        yield day
        yield news
        yield self.status
        yield FooterKeys(keys=self._keys, id="keys")

    def on_mount(self) -> None:
        """The positions have the keys first."""
        self.positions.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for this size."""
        width, height = event.size
        self.set_class(width < SMALL_WIDTH or height < SMALL_HEIGHT, "-small")
        self.set_class(height >= 44, "-tall")
        self.set_class(width >= 150, "-wide")
        self.set_class(width >= 190 and height >= 50, "-huge")
        # Titles and the header fit themselves to widths that are only known after the layout.
        self.call_after_refresh(self._show_again)

    def show(self, frame: Frame) -> None:
        """Show a frame in every panel; each repaints only what differs."""
        self._frame = frame
        for panel in self._shown_by.values():
            panel.show(frame)

    def _show_again(self) -> None:
        if self._frame is not None:
            self.show(self._frame)

    def move_focus(self, step: int) -> None:
        """Focus the next panel (or the one before); on a small screen it also becomes the lower one."""
        here = self.focused.id if self.focused is not None else None
        names = [name for name in PANELS if name != "events" or not self.has_class("-small")]
        place = names.index(here) if here in names else 0
        self.focus_panel(names[(place + step) % len(names)])

    def focus_panel(self, name: str) -> None:
        """Give the keys to a panel and make sure that it can be seen."""
        if name != "positions":
            on_side = name not in {"orders", "events"}
            self.set_class(on_side, "-on-side")
            for other in ("pnl", "health", "why", "confidence"):
                self.query_one(f"#{other}").set_class(other == name, "-shown")
        self.query_one(f"#{name}").focus()
