"""The keys of dialogs: their part of the action table."""

from __future__ import annotations

from typing import Final

from cockpit.action import Action, Group, Where

DIALOG_ACTIONS: Final = (
    Action(
        "confirm",
        "Yes",
        "Does what the preview shows, where nothing has to be typed.",
        "y",
        Where.DIALOG,
        Group.DIALOG,
    ),
    Action(
        "dismiss",
        "No",
        "Closes the dialog; nothing is sent. After the kill key the halt stays.",
        "escape",
        Where.DIALOG,
        Group.DIALOG,
    ),
    Action(
        "step_up",
        "One step up",
        "Raises the value, or switches the strategy on, under the cursor of the risk dial, after a preview.",
        "plus",
        Where.DIAL,
        Group.DIALOG,
    ),
    Action(
        "step_down",
        "One step down",
        "Lowers it, or switches the strategy off, at once. Enter takes a typed figure.",
        "minus",
        Where.DIAL,
        Group.DIALOG,
    ),
    Action(
        "acknowledge_this",
        "Acknowledge the selected alert",
        "In the list of alerts. It no longer blocks and is not escalated.",
        "a",
        Where.ALERTS,
        Group.DIALOG,
    ),
    Action(
        "filter_rows",
        "Filter the orders",
        "In the list of orders: only rows with every word that is typed. Enter goes back to the rows.",
        "slash",
        Where.ORDERS,
        Group.DIALOG,
    ),
    Action(
        "detach",
        "Detach",
        "The engine trades on; `cockpit attach` comes back.",
        "d",
        Where.LEAVE,
        Group.DIALOG,
    ),
    Action(
        "stop_flatten",
        "Stop, flatten",
        "Closes the positions, then stops the engine.",
        "f",
        Where.LEAVE,
        Group.DIALOG,
    ),
    Action(
        "stop_keep",
        "Stop, keep positions",
        "Stops the engine; stops stay at the broker.",
        "k",
        Where.LEAVE,
        Group.DIALOG,
    ),
)
