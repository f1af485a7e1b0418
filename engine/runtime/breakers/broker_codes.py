"""How bad the broker's messages are: one table of its codes, for notices and refusals alike.

INFO: all is well, or it says only how. WARNING: look at it; what it names may be missing something. ERROR:
what it names (an order, a line, a question) does not go on. A code that is not listed is an ERROR, told as
unmapped.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.api import Level
from engine.broker.codes import PACED, UNREADABLE

_INFO_CODES: Final = (
    PACED,
    165,  # a question's progress
    399,  # how an order is handled
    202,  # an order was cancelled, as asked for
    434,  # a size is zero
    1102,  # uplink back, subscriptions kept
    2100,  # account updates were ended
    2104,  # market data farm is there
    2106,  # history farm is there
    2107,  # history farm is idle
    2108,  # market data farm is idle
    2119,  # market data farm is being connected
    2158,  # contract data farm is there
    10349,  # a preset changed the time in force
)
_WARNING_CODES: Final = (
    100,  # too many messages: asked again
    110,  # price off the grid
    161,  # an order that cannot be cancelled now
    162,  # history was refused: asked again
    300,  # no such line any more
    310,  # no such depth line any more
    317,  # the book begins anew
    366,  # no such history question any more
    404,  # held until shares are found
    492,  # how smart depth is put together
    2103,  # market data farm lost
    2105,  # history farm lost
    2109,  # outside regular hours was ignored
    2110,  # TWS lost its uplink
    2157,  # contract data farm lost
    10090,  # part of the data is not subscribed
    10147,  # the order to cancel is not there
    10148,  # the order to cancel is over
    10167,  # delayed data instead of live
)
_ERROR_CODES: Final = (
    UNREADABLE,
    101,  # no data line left
    103,  # order id used twice
    104,  # a filled order cannot be changed
    105,  # another order than the one to change
    109,  # price too far away
    112,  # question and instrument do not fit
    135,  # no order with this id
    200,  # no such contract
    201,  # order refused
    203,  # instrument not allowed for this account
    309,  # no depth line left
    320,  # unreadable question
    321,  # invalid question
    322,  # the question could not be worked on
    326,  # client id in use
    354,  # not subscribed
    387,  # order type not supported
    420,  # real-time bars refused
    *range(501, 532),  # the line could not be opened, or a message not be built, sent or read
    1100,  # uplink lost: CRITICAL only when reconnecting was given up
    1101,  # uplink back, subscriptions lost
    1300,  # the API port changed
    10006,  # no such parent order
    10089,  # not subscribed through the API
    10168,  # neither live nor delayed data
    10190,  # no tick line left
    10197,  # a competing session has the data
)


def _each(codes: Iterable[int], level: Level) -> dict[int, Level]:
    return dict.fromkeys(codes, level)


OF_CODE: Final[dict[int, Level]] = (
    _each(_INFO_CODES, Level.INFO) | _each(_WARNING_CODES, Level.WARNING) | _each(_ERROR_CODES, Level.ERROR)
)


def level_of_code(code: int) -> tuple[Level, bool]:
    """How bad a message of this code is, and whether the table lists it."""
    level = OF_CODE.get(code)
    return (Level.ERROR, False) if level is None else (level, True)
