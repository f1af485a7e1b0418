"""Moving about: from panel to panel, to the screens that are only read, and back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from textual.app import App

from cockpit.exits import Exit
from cockpit.frame import Frame
from cockpit.screens.cockpit import CockpitScreen
from cockpit.screens.health import HealthScreen
from cockpit.screens.recovery import RecoveryScreen


class Moving(App[Exit]):
    """The keys that change what is looked at and nothing else."""

    @property
    @abstractmethod
    def frame(self) -> Frame:
        """What is shown now."""

    @property
    @abstractmethod
    def keys(self) -> Mapping[str, str]:
        """The operator's own keys."""

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
        if isinstance(self.screen, RecoveryScreen | HealthScreen):
            self.pop_screen()

    def action_health(self) -> None:
        """Everything about health at full size."""
        if self.health_screen is None:
            self.action_close_page()
            self.push_screen(HealthScreen(keys=self.keys, frame=lambda: self.frame))

    @property
    def health_screen(self) -> HealthScreen | None:
        """The health screen where it is open, whatever lies over it."""
        return next((screen for screen in self.screen_stack if isinstance(screen, HealthScreen)), None)

    @property
    def recovery_screen(self) -> RecoveryScreen | None:
        """The recovery screen where it is open, whatever lies over it."""
        return next((screen for screen in self.screen_stack if isinstance(screen, RecoveryScreen)), None)
