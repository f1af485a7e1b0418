"""Moving about: from panel to panel, to the screens that are only read, and back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.app import App

from cockpit.exits import Exit
from cockpit.frame import Frame
from cockpit.looking import Gaze
from cockpit.screens.cockpit import CockpitScreen

if TYPE_CHECKING:
    from cockpit.screens.health import HealthScreen
    from cockpit.screens.market import MarketScreen
    from cockpit.screens.recovery import RecoveryScreen


class Moving(App[Exit]):
    """The keys that change what is looked at and nothing else."""

    gaze: Gaze
    """Where this screen looks."""

    def __init__(self) -> None:
        super().__init__()
        self._health: HealthScreen | None = None
        """The last one that was opened; whether it still lies there, the stack of screens says."""
        self._market: MarketScreen | None = None
        self._recovery: RecoveryScreen | None = None

    @property
    @abstractmethod
    def frame(self) -> Frame:
        """What is shown now."""

    @property
    @abstractmethod
    def keys(self) -> Mapping[str, str]:
        """The operator's own keys."""

    @abstractmethod
    def open_symbol(self, symbol: str) -> None:
        """All about one symbol."""

    @property
    @abstractmethod
    def cockpit(self) -> CockpitScreen:
        """The cockpit screen, whatever lies over it."""

    def action_next_panel(self) -> None:
        """Focus the next panel."""
        self.cockpit.move_focus(1)

    def action_previous_panel(self) -> None:
        """Focus the panel before."""
        self.cockpit.move_focus(-1)

    def action_cockpit(self) -> None:
        """Back to the positions."""
        self.action_close_page()
        self.cockpit.focus_panel("positions")

    def action_close_page(self) -> None:
        """Back from another screen to the cockpit."""
        if self.screen in (self._recovery, self._health, self._market):
            self.pop_screen()

    def action_health(self) -> None:
        """Everything about health at full size."""
        from cockpit.screens.health import HealthScreen

        if self.health_screen is None:
            self.action_close_page()
            self._health = HealthScreen(keys=self.keys, frame=lambda: self.frame)
            self.push_screen(self._health)

    def action_markets(self) -> None:
        """One market as it trades: the selected position's first."""
        from cockpit.screens.market import MarketScreen

        if self.market_screen is None:
            self.action_close_page()
            self._market = MarketScreen(
                keys=self.keys,
                frame=lambda: self.frame,
                gaze=self.gaze,
                chosen=self.cockpit.positions.cursor_key,
                details=self.open_symbol,
            )
            self.push_screen(self._market)

    @property
    def open_screens(self) -> tuple[RecoveryScreen | HealthScreen | MarketScreen, ...]:
        """Screens over the cockpit that follow the engine."""
        found = (self.recovery_screen, self.health_screen, self.market_screen)
        return tuple(screen for screen in found if screen is not None)

    @property
    def market_screen(self) -> MarketScreen | None:
        """The market screen where it is open, whatever lies over it."""
        return self._market if self._market in self.screen_stack else None

    @property
    def health_screen(self) -> HealthScreen | None:
        """The health screen where it is open, whatever lies over it."""
        return self._health if self._health in self.screen_stack else None

    @property
    def recovery_screen(self) -> RecoveryScreen | None:
        """The recovery screen where it is open, whatever lies over it."""
        return self._recovery if self._recovery in self.screen_stack else None
