"""The keys of a replay: their part of the action table."""

from __future__ import annotations

from typing import Final

from cockpit.action import Action, Group, Where


def _action(name: str, title: str, text: str, keys: str) -> Action:
    return Action(name, title, text, keys, Where.REPLAY, Group.REPLAY)


REPLAY_ACTIONS: Final = (
    _action("replay_toggle", "Play or pause", "The session goes on, or stands still.", "space"),
    _action("replay_faster", "Faster", "Up to a thousand seconds in one.", "right_square_bracket,plus"),
    _action("replay_slower", "Slower", "Down to its own pace.", "left_square_bracket,minus"),
    _action("replay_step", "Step", "Pauses, and goes to what happened next.", "full_stop"),
    _action("replay_back", "Step back", "Pauses, and goes to what happened before.", "comma"),
    _action("replay_trade", "Next trade", "Pauses at the next execution.", "n"),
    _action("replay_alert", "Next alert", "Pauses at the next alert.", "N"),
)
