"""Screen 4: one market as it trades now: chart with our marks, book, tape, and which market that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Input

from cockpit.action import Where
from cockpit.frame import Frame
from cockpit.keymap import bindings_for
from cockpit.looking import Gaze
from cockpit.panels.chart import ChartPanel
from cockpit.panels.footer import MARKET_PLACES, FooterKeys, StatusLine
from cockpit.panels.header import Header
from cockpit.panels.ladder import LadderPanel
from cockpit.panels.market_list import AboutLine, MarketList
from cockpit.panels.tape import TapePanel
from cockpit.widgets.ticking_table import TickingTable
from engine.api_market import BAR_LENGTHS_S, MarketView

SMALL_WIDTH: Final = 100
SMALL_HEIGHT: Final = 30
WIDE: Final = 150
_USUAL_BARS: Final = 1
"""Place of the bars' length to begin with."""


class MarketScreen(Screen[None]):
    """Follows the market under the cursor. The engine is told where it looks, and shows nothing else."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(binding.key, f"app.{binding.action}", binding.description, id=binding.id, show=False)
            for binding in bindings_for(Where.SCREENS, Where.PAGE)
        ),
        *bindings_for(Where.MARKET),
    ]

    def __init__(
        self,
        *,
        keys: Mapping[str, str],
        frame: Callable[[], Frame],
        gaze: Gaze,
        chosen: str | None,
        details: Callable[[str], None],
    ) -> None:
        """`frame` is what there is to show when it opens, `chosen` the market to begin with.

        `details` opens all about one market.
        """
        super().__init__()
        self._keys = keys
        self._now = frame
        self._gaze = gaze
        self._chosen = chosen
        self._details = details
        self._bars = _USUAL_BARS
        self.status = StatusLine(id="status")
        self.markets = MarketList(id="markets")
        self._header = Header(keys=keys, id="header")
        self._find = Input(placeholder="part of a symbol …", id="find", compact=True)
        about = AboutLine(self.markets, id="about")
        self._chart = ChartPanel(view=self._view, id="chart")
        self._ladder = LadderPanel(view=self._view, id="ladder")
        self._tape = TapePanel(view=self._view, id="tape")
        for panel in (self._chart, self._ladder, self._tape):
            panel.can_focus = False
        self._panels = (self._header, self.markets, about, self._chart, self._ladder, self._tape)

    def compose(self) -> ComposeResult:
        """Header; which market; a line about it; chart, book and tape; status, keys."""
        header, markets, about, *views = self._panels
        self._find.display = False
        yield from (header, self._find, markets, about)
        with Horizontal(id="market"):
            yield from views
        yield self.status
        yield FooterKeys(keys=self._keys, places=MARKET_PLACES, id="keys")

    def on_mount(self) -> None:
        """The list has the keys, its cursor on the market to begin with."""
        self.markets.focus()
        self.show(self._now())
        if self._chosen is not None:
            self.markets.choose(self._chosen)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self._gaze.away()

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for this size."""
        width, height = event.size
        self.set_class(width < SMALL_WIDTH or height < SMALL_HEIGHT, "-small")
        self.set_class(width >= WIDE, "-wide")
        self.set_class(height >= 50, "-tall")
        self.call_after_refresh(lambda: self.show(self._now()))

    def show(self, frame: Frame) -> None:
        """Follow the engine."""
        self.markets.show(frame)
        self._gaze.look(self.markets.cursor_key or "", BAR_LENGTHS_S[self._bars])
        for panel in self._panels:
            panel.show(frame)

    def _view(self, frame: Frame) -> MarketView | None:
        """The picture of the market under the cursor; None until the engine made one."""
        symbol, bar_s = self.markets.cursor_key, BAR_LENGTHS_S[self._bars]
        found = [view for view in frame.snapshot.markets if view.symbol == symbol]
        # In other bars it is the same market: better than nothing until the engine follows.
        return next((view for view in found if view.bar_s == bar_s), found[0] if found else None)

    def on_ticking_table_moved(self, event: TickingTable.Moved) -> None:
        """Another market."""
        event.stop()
        self.show(self._now())

    def on_ticking_table_chosen(self, event: TickingTable.Chosen) -> None:
        """Enter: all about it."""
        event.stop()
        self._details(event.key)

    def action_shorter_bars(self) -> None:
        """Less time, more detail."""
        self._set_bars(self._bars - 1)

    def action_longer_bars(self) -> None:
        """More time, less detail."""
        self._set_bars(self._bars + 1)

    def _set_bars(self, place: int) -> None:
        self._bars = min(max(place, 0), len(BAR_LENGTHS_S) - 1)
        self.show(self._now())

    def action_tape_or_book(self) -> None:
        """The other one beside the chart, where there is no room for both."""
        self.toggle_class("-on-tape")
        self.call_after_refresh(lambda: self.show(self._now()))

    def action_find_market(self) -> None:
        """Show the field; what is typed there filters at once."""
        self._find.display = True
        self._find.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Only rows with what is typed."""
        event.stop()
        self.markets.want(event.value)
        self.show(self._now())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: back to the rows, on the one that was found; the field goes, and all rows are back."""
        event.stop()
        found = self.markets.cursor_key
        self._find.value = ""
        self._find.display = False
        self.markets.want("")
        self.markets.focus()
        if found is not None:
            self.markets.choose(found)
