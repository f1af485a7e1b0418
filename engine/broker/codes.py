"""What the broker's error codes mean to us: the line's state, a dead request, or only information."""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.broker.port import LinkState

CLIENT_ID_IN_USE: Final = 326
CONNECT_CODES: Final = frozenset({326, 501, 502, 503, 504, 507, 1300})
"""Codes that end a connection attempt at once."""
DEPTH_RESET: Final = 317
NO_DEFINITION: Final = 200
UNREADABLE: Final = -2
"""Our own code: a message of the broker that could not be read."""
PACED: Final = -3
"""Our own code: the broker's pacing does not allow a request yet; it is made when it does."""

_INFORMATION: Final = frozenset({165, 399, 404, 434, 492, 10167, 10349})
"""Codes outside the 2100s that change nothing: 399 order message, 404 held for shares, 10167 delayed
data follow, 10349 a preset changed the time in force (the order lives)."""
_PASSING: Final = frozenset({100, 420})
"""Too many messages in a second, too many lines of 5-second bars in ten minutes."""
_HISTORY_TROUBLE: Final = 162
"""One code for everything that history can refuse: only its text tells pacing from no data."""
_WARNINGS: Final = range(2100, 2200)
_BROKER_LOST: Final = frozenset({1100, 2110})


def is_information(code: int) -> bool:
    """True where the order or request the message names goes on as before."""
    return code in _INFORMATION or code in _WARNINGS


def is_passing(code: int, text: str) -> bool:
    """True where the same question may be answered a moment later: we asked too much at once."""
    return code in _PASSING or (code == _HISTORY_TROUBLE and "pacing" in text.lower())


def is_refusal(code: int, text: str) -> bool:
    """True where what the message names does not begin, and asking for it again would change nothing."""
    return not is_information(code) and not is_passing(code, text)


def is_no_data(text: str) -> bool:
    """True where history says that there are no bars, which is an answer and not a failure."""
    return f"(code {_HISTORY_TROUBLE})" in text and "no data" in text.lower()


class LinkChange(NamedTuple):
    """What a message without an order or request says about the line."""

    state: LinkState
    data_lost: bool


def link_change(code: int) -> LinkChange | None:
    """The line's new state after a general message; None where the message says nothing about it.

    1100 and 2110: the broker's own uplink is down while our socket lives. 1101: back, but every
    subscription is gone. 1102: back with its data.
    """
    if code in _BROKER_LOST:
        return LinkChange(LinkState.BROKER_LOST, data_lost=False)
    if code == 1101:
        return LinkChange(LinkState.UP, data_lost=True)
    if code == 1102:
        return LinkChange(LinkState.UP, data_lost=False)
    return None


_ADVICE: Final = {
    326: "another program uses this client id: stop it, or set connection.client_id to a free one",
    502: "TWS or the gateway could not be reached: start it and enable its API",
    504: "TWS or the gateway is not connected: log in there first",
    507: "it dropped the connection: check its API settings and its log",
    1300: "its API port was changed: set connection.port to the new one",
}


def advice(code: int) -> str:
    """What a person can do about a code that ended a connection attempt; empty where nothing is known."""
    return _ADVICE.get(code, "")
