"""The keys for acts by hand: their part of the action table."""

from __future__ import annotations

from typing import Final

from cockpit.action import Action, Confirm, Group, Where

BY_HAND_ACTIONS: Final = (
    Action(
        "order",
        "Order by hand",
        "Buy or sell short through the same gate as every strategy: shows what each check says, then asks.",
        "b",
        Where.SCREEN,
        Group.TRADES,
        confirm=Confirm.ASK,
        verb="order",
    ),
    Action(
        "move_stop",
        "Move the stop of the selected position",
        "Asks for a price. Nearer to the market it acts at once, further away after a preview of the risk.",
        "s",
        Where.SCREEN,
        Group.TRADES,
        confirm=Confirm.ASK,
        verb="move-stop",
    ),
    Action(
        "partial",
        "Take a part of the selected position",
        "Asks for a share of what is held, half where nothing else is typed; its stop keeps the rest.",
        "e",
        Where.SCREEN,
        Group.TRADES,
        confirm=Confirm.ASK,
        verb="partial",
    ),
    Action(
        "command_line",
        "Command line",
        "A verb as in a shell, without `cockpit`: tab completes, arrows bring earlier lines back.",
        "colon",
        Where.SCREENS,
        Group.COCKPIT,
    ),
    Action(
        "note",
        "Write a note",
        "Your own words in the record, with the time; events and the day's report show them.",
        "i",
        Where.SCREENS,
        Group.COCKPIT,
        verb="note",
    ),
)
