"""What an action is: its keys, what it does, where it works and what stands before it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Where(StrEnum):
    """Where a key works."""

    EVERYWHERE = "every screen and every dialog, also while you type"
    SCREENS = "every screen"
    SCREEN = "the cockpit screen"
    RECOVERY = "the recovery screen"
    PAGE = "a screen to read"
    MARKET = "the market screen"
    TABLE = "a table with the focus"
    DIALOG = "a dialog"
    LEAVE = "the question how to leave"
    DIAL = "the risk dial"
    ALERTS = "the list of alerts"
    ORDERS = "the list of orders"
    DRILLS = "the list of drills"
    REPLAY = "a replay"


class Confirm(StrEnum):
    """What stands between the key and the deed. The safe direction is cheap."""

    NONE = "at once"
    ASK = "preview, Cancel is focused"
    WORD = "preview and a typed word"


class Group(StrEnum):
    """Headings of the help page."""

    SAFETY = "Safety"
    TRADES = "Positions and orders"
    RECOVERY = "Recovery"
    RISK = "Risk"
    MARKET = "On the market screen"
    MOVE = "Moving about"
    COCKPIT = "Cockpit"
    DIALOG = "In dialogs"
    REPLAY = "In a replay"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a key can do. `id` is also the name in `[keys]` and of the method that does it."""

    id: str
    title: str
    help: str
    keys: str
    """Default key, or keys with a comma between them, in Textual's names."""
    where: Where
    group: Group
    confirm: Confirm = Confirm.NONE
    label: str = ""
    """Word in the footer; empty keeps it out of there."""
    rank: int = 9
    """In a narrow footer higher ranks go first; 0 always stays."""
    verb: str = ""
    """The command line's word for the same deed."""
