"""The words that configuration keys accept, and how a key is declared."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time
from enum import IntEnum, StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator

Scalar = bool | int | float | str


class Gateway(StrEnum):
    """Where orders go."""

    AUTO = "auto"
    """Embedded with --paper, tws otherwise; IB_HOST or IB_PORT select tws."""
    EMBEDDED = "embedded"
    TWS = "tws"


class World(StrEnum):
    """What the books of the embedded gateway's futures know of the next half minute."""

    NULL = "null"
    """Nothing, and prices wander."""
    EDGE = "edge"
    """Enough to trade on."""
    FLIP = "flip"
    """The same, but every two hours the other way round."""
    COSTLY = "costly"
    """The same, at a spread that eats it."""


class OnExhausted(StrEnum):
    """What happens when every reconnect attempt has failed."""

    STANDBY = "standby"
    """Stay up with entries blocked and keep trying at growing intervals."""
    EXIT = "exit"
    """Save and exit with code 1."""


class MarketDataType(IntEnum):
    """Which prices are asked for, in the broker's numbering."""

    LIVE = 1
    FROZEN = 2
    DELAYED = 3
    DELAYED_FROZEN = 4


class TimeInForce(StrEnum):
    """How long an order stays."""

    DAY = "DAY"
    GTC = "GTC"


class UnfilledPolicy(StrEnum):
    """What happens to the rest of an entry that did not fill in time."""

    CANCEL = "cancel"
    MARKET = "market"


class Profile(StrEnum):
    """What a strategy may trade at all."""

    RULES = "rules"
    """Stocks and ETFs, long only."""
    FUTURES = "futures"
    """Futures, on paper accounts only."""
    OPEN = "open"


class OnSignal(StrEnum):
    """What a graceful stop does with the positions of day strategies."""

    FLATTEN = "flatten"
    KEEP = "keep"


class OnBreach(StrEnum):
    """What the engine does when the account's loss or drawdown reaches its limit."""

    HALT = "halt"
    KILL = "kill"


class OrphanPolicy(StrEnum):
    """What is done about a position or order at the broker that nobody knows."""

    ASK = "ask"
    ADOPT = "adopt"
    CLOSE = "close"
    ABORT = "abort"


class HeadlessPolicy(StrEnum):
    """The same where there is nobody to ask."""

    ADOPT = "adopt"
    CLOSE = "close"
    ABORT = "abort"


class OnTerminalLoss(StrEnum):
    """What the engine does when its terminal is gone."""

    PAUSE_ENTRIES = "pause-entries"
    KEEP_RUNNING = "keep-running"
    FLATTEN_AND_STOP = "flatten-and-stop"


class AlertLevel(StrEnum):
    """The least severe alerts that are sent to the operator's own channels."""

    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class BellLevel(StrEnum):
    """The least severe alerts that ring the terminal's bell."""

    OFF = "off"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class LogLevel(StrEnum):
    """The least severe events that are logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LogFormat(StrEnum):
    """How a log line is written."""

    TEXT = "text"
    JSON = "json"


class Theme(StrEnum):
    """Colours of the screen."""

    SAFE = "cockpit-safe"
    """Blue and orange: told apart with any colour vision."""
    DARK = "cockpit-dark"
    LIGHT = "cockpit-light"
    ANSI = "ansi"
    """The terminal's own 16 colours."""


class Weekday(StrEnum):
    """Day of the week, Monday first."""

    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


class Timeframe(StrEnum):
    """Length of the bars a strategy decides on."""

    SECONDS_5 = "5s"
    MINUTE_1 = "1m"
    MINUTES_5 = "5m"
    MINUTES_15 = "15m"
    HOUR_1 = "1h"
    DAY_1 = "1D"


def key(
    default: object = ...,
    *,
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    min_length: int | None = None,
) -> Any:
    """One configuration key: its default, its unit, and what a safe value is."""
    return Field(
        default=default,
        ge=ge,
        gt=gt,
        le=le,
        min_length=min_length,
        json_schema_extra={"unit": unit},
    )


def _wall_time(value: time) -> time:
    if value.tzinfo is not None or value.microsecond:
        raise ValueError("expected Eastern wall time as HH:MM or HH:MM:SS, without a zone")
    return value


def _scalar(value: object) -> Scalar:
    if isinstance(value, bool | int | float | str):
        return value
    raise ValueError("expected a number, true or false, or a text")


def matching(pattern: str, expected: str) -> Callable[[str], str]:
    """A validator for texts of a certain form; `expected` names the form for people."""
    form = re.compile(pattern)

    def check(value: str) -> str:
        if not form.fullmatch(value):
            raise ValueError(f"expected {expected}")
        return value

    return check


WallTime = Annotated[time, AfterValidator(_wall_time)]
"""Time of day on the Eastern exchange clock."""

Parameter = Annotated[Scalar, PlainValidator(_scalar)]
"""One parameter of a strategy; the strategy itself judges it."""
