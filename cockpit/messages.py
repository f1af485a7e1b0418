"""What other threads tell the screen; Textual's post_message is the only door they use."""

from __future__ import annotations

from textual.message import Message

from cockpit.exits import Exit
from engine.api import Command, Outcome


class Urgent(Message):
    """Something happened that must be seen at once."""

    def can_replace(self, message: Message) -> bool:
        """Several at once are one look at the snapshot."""
        return isinstance(message, Urgent)


class OutcomeArrived(Message):
    """A command ended."""

    def __init__(self, command: Command, outcome: Outcome) -> None:
        super().__init__()
        self.command = command
        self.outcome = outcome


class LeaveNow(Message):
    """The screen must go (terminal lost, engine stopped); no question is asked."""

    def __init__(self, how: Exit) -> None:
        super().__init__()
        self.how = how


class DrillTold(Message):
    """The process that runs drills said something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class DrillsEnded(Message):
    """The process that runs drills is gone."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code
