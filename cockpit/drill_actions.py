"""The keys of the drills: their part of the action table."""

from __future__ import annotations

from typing import Final

from cockpit.action import Action, Confirm, Group, Where

DRILL_ACTIONS: Final = (
    Action(
        "drills",
        "Drills",
        "What goes wrong on a bad day, practised on a gateway of its own: run one or all, last results.",
        "D",
        Where.SCREENS,
        Group.COCKPIT,
        verb="drill list",
    ),
    Action(
        "drill_all",
        "Run every drill",
        "In the list of drills, one after the other; enter runs the one under the cursor.",
        "a",
        Where.DRILLS,
        Group.DIALOG,
        confirm=Confirm.ASK,
        verb="drill all",
    ),
    Action(
        "drill_stop",
        "Stop the drills",
        "In the list of drills. The engine and the gateway of the drill are taken down first.",
        "x",
        Where.DRILLS,
        Group.DIALOG,
    ),
)
