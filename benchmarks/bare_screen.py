"""The smallest screen that Textual can make, as a control: nothing on top of Textual can be quicker.

Run by other benchmarks on a pseudo-terminal: python -m benchmarks.bare_screen
"""

from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Static

FRAME = "BARE SCREEN"


def answer(presses: int) -> str:
    """What it shows after so many keys."""
    return f"key {presses} seen"


class BareScreen(App[None]):
    """One line of text that counts keys."""

    presses = 0

    def compose(self) -> ComposeResult:
        """The line."""
        yield Static(FRAME)

    def on_key(self, _event: events.Key) -> None:
        """Say that it was pressed."""
        self.presses += 1
        self.query_one(Static).update(answer(self.presses))


if __name__ == "__main__":
    BareScreen().run()
