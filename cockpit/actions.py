"""The one table of everything a key can do: bindings, footer, help and palette are made from it."""

from __future__ import annotations

from typing import Final

from cockpit.action import Action, Confirm, Group, Where
from cockpit.recovery_actions import RECOVERY_ACTIONS

_SAFETY = (
    Action(
        "pause",
        "Pause or resume entries",
        "Blocks new entries at once; exits and stops go on. Pressed again it asks for a reason and resumes.",
        "p",
        Where.SCREENS,
        Group.SAFETY,
        label="pause",
        rank=0,
        verb="pause",
    ),
    Action(
        "halt",
        "Halt",
        "At once: no entries, every working order that adds risk is cancelled, protective stops stay.",
        "H",
        Where.EVERYWHERE,
        Group.SAFETY,
        label="halt",
        rank=0,
        verb="halt",
    ),
    Action(
        "kill",
        "Kill: halt, flatten, prove flat",
        "Halts at once, then shows what would be closed and asks for the word FLATTEN.",
        "K",
        Where.EVERYWHERE,
        Group.SAFETY,
        confirm=Confirm.WORD,
        label="kill",
        rank=0,
        verb="kill",
    ),
    Action(
        "resume",
        "Lift a brake",
        "Lifts a brake, scoped ones too, with a reason; after halt or kill also with the account id.",
        "R",
        Where.SCREENS,
        Group.SAFETY,
        confirm=Confirm.WORD,
        label="resume",
        rank=6,
        verb="resume",
    ),
    Action(
        "acknowledge",
        "Acknowledge the worst alert",
        "A CRITICAL alert blocks entries until it is acknowledged or its cause has ended.",
        "a",
        Where.SCREEN,
        Group.SAFETY,
        label="ack",
        rank=7,
    ),
)

_TRADES = (
    Action(
        "flatten",
        "Flatten the selected position",
        "Closes the position under the cursor of the positions panel; its stop goes as it closes.",
        "f",
        Where.SCREEN,
        Group.TRADES,
        confirm=Confirm.ASK,
        label="flatten",
        rank=2,
    ),
    Action(
        "flatten_all",
        "Flatten every position",
        "Closes every position of ours. Entries stay as they are: pause or halt first to stay flat.",
        "F",
        Where.SCREEN,
        Group.TRADES,
        confirm=Confirm.ASK,
        label="flatten all",
        rank=8,
    ),
    Action(
        "cancel_order",
        "Cancel the selected order",
        "Asks the broker to cancel the order under the cursor; says so where that bares a position.",
        "x",
        Where.SCREEN,
        Group.TRADES,
        confirm=Confirm.ASK,
        label="cancel order",
        rank=3,
    ),
    Action(
        "details",
        "Details",
        "Everything about the selected position or order: ids, fills, stop, last words of the broker.",
        "enter",
        Where.TABLE,
        Group.TRADES,
        label="details",
        rank=4,
    ),
)

_RISK = (
    Action(
        "risk",
        "Risk dial",
        "Every value that may change while trading, with its bounds. Tightening acts at once.",
        "r",
        Where.SCREEN,
        Group.RISK,
        label="risk",
        rank=5,
    ),
    Action(
        "risk_down",
        "Less risk per trade",
        "One step down, at once.",
        "minus",
        Where.SCREEN,
        Group.RISK,
    ),
    Action(
        "risk_up",
        "More risk per trade",
        "One step up, after a preview.",
        "plus",
        Where.SCREEN,
        Group.RISK,
        confirm=Confirm.ASK,
    ),
    Action(
        "positions_down",
        "Fewer positions",
        "Lowers the most positions held at once by one step, at once.",
        "m",
        Where.SCREEN,
        Group.RISK,
    ),
    Action(
        "positions_up",
        "More positions",
        "Raises the most positions held at once by one step, after a preview.",
        "M",
        Where.SCREEN,
        Group.RISK,
        confirm=Confirm.ASK,
    ),
)

_MOVE = (
    Action("next_panel", "Next panel", "Moves the focus on.", "tab", Where.SCREEN, Group.MOVE),
    Action(
        "previous_panel", "Previous panel", "Moves the focus back.", "shift+tab", Where.SCREEN, Group.MOVE
    ),
    Action("cursor_down", "Down", "Next row.", "down,j", Where.TABLE, Group.MOVE),
    Action("cursor_up", "Up", "Row before.", "up,k", Where.TABLE, Group.MOVE),
    Action("page_down", "Page down", "One screenful on.", "pagedown,space", Where.TABLE, Group.MOVE),
    Action("page_up", "Page up", "One screenful back.", "pageup", Where.TABLE, Group.MOVE),
    Action("first_row", "First row", "To the top.", "home,g", Where.TABLE, Group.MOVE),
    Action("last_row", "Last row", "To the end.", "end,G", Where.TABLE, Group.MOVE),
    Action(
        "cockpit", "Cockpit", "Back to the positions of the cockpit screen.", "1", Where.SCREENS, Group.MOVE
    ),
    Action(
        "recovery",
        "Recovery",
        "What differs from the broker, and the restart report. Opens by itself where something waits.",
        "O",
        Where.SCREEN,
        Group.MOVE,
        label="recovery",
        rank=8,
    ),
    Action(
        "hide_report",
        "Hide the restart report",
        "It stays on the recovery screen and in the log.",
        "escape",
        Where.SCREEN,
        Group.MOVE,
    ),
)

_COCKPIT = (
    Action(
        "help", "Help", "This page.", "question_mark,f1", Where.SCREENS, Group.COCKPIT, label="help", rank=1
    ),
    Action(
        "command_palette",
        "Command palette",
        "Every action by name.",
        "ctrl+p",
        Where.SCREENS,
        Group.COCKPIT,
        label="palette",
        rank=8,
    ),
    Action(
        "theme",
        "Next theme",
        "Colours: safe, dark, light, terminal's own.",
        "t",
        Where.SCREENS,
        Group.COCKPIT,
    ),
    Action(
        "leave",
        "Leave",
        "Detach and trade on, or stop with or without flattening.",
        "q",
        Where.SCREENS,
        Group.COCKPIT,
        confirm=Confirm.ASK,
        label="quit",
        rank=1,
        verb="stop",
    ),
    Action(
        "interrupt",
        "Leave (as in a shell)",
        "Asks how to leave; a second one within 3 s stops by shutdown.on_signal.",
        "ctrl+c",
        Where.EVERYWHERE,
        Group.COCKPIT,
        confirm=Confirm.ASK,
        verb="stop",
    ),
)

_DIALOG = (
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
        "Raises the value under the cursor of the risk dial, after a preview.",
        "plus",
        Where.DIAL,
        Group.DIALOG,
    ),
    Action(
        "step_down",
        "One step down",
        "Lowers it at once. Enter takes a typed figure.",
        "minus",
        Where.DIAL,
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

ACTIONS: Final[tuple[Action, ...]] = (
    *_SAFETY,
    *_TRADES,
    *RECOVERY_ACTIONS,
    *_RISK,
    *_MOVE,
    *_COCKPIT,
    *_DIALOG,
)
