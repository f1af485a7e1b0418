"""The keys of the market screen: their part of the action table."""

from __future__ import annotations

from typing import Final

from cockpit.action import Action, Group, Where


def _action(name: str, title: str, text: str, keys: str, label: str, rank: int) -> Action:
    return Action(name, title, text, keys, Where.MARKET, Group.MARKET, label=label, rank=rank)


MARKET_ACTIONS: Final = (
    _action(
        "shorter_bars", "Shorter bars", "The chart shows less time, in more detail.", "left,h", "bars", 5
    ),
    _action("longer_bars", "Longer bars", "The chart shows more time, in less detail.", "right,l", "bars", 5),
    _action(
        "find_market", "Find a market", "Only rows with what is typed; enter goes back.", "slash", "find", 4
    ),
    _action(
        "tape_or_book",
        "Tape or book",
        "On a small terminal, which of them stands beside the chart.",
        "tab",
        "tape",
        6,
    ),
)
