"""How bad an error is: the one table of exceptions and of the broker's codes.

CRITICAL ends the session, ERROR touches what it names and is counted, WARNING and INFO are logged. What is
not listed is an ERROR and is told as unmapped, so that somebody adds its line.
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

from engine.api import Level
from engine.broker.port import (
    AccountError,
    BrokerError,
    ConnectError,
    NotSentError,
    OrdersRefusedError,
)
from engine.broker.retry import PassingError
from engine.config import ConfigError, RuntimeRefusal
from engine.domain.managed import InvalidPositionError
from engine.execution.books import JournalDownError
from engine.ledger.managed import DuplicatePositionError, PartialRefusedError
from engine.risk.refusal import OrderRefusedError
from engine.runtime.alerts.channels import NoAddressError
from engine.runtime.breakers.errors import LineGivenUpError
from engine.runtime.plugins.discover import PluginError
from engine.runtime.process.errors import StartError
from engine.runtime.process.wire import WireError
from engine.runtime.security.vault import VaultError
from engine.runtime.sessions.maker import MakerError
from engine.store.errors import (
    DuplicateIntentError,
    SendingRefusedError,
    StoreBindingError,
    StoreClosedError,
    StoreCorruptError,
    StoreError,
    StoreFolderError,
    StoreTooNewError,
    StoreUnwritableError,
)
from engine.store.order_audit import OrderNotFoundError
from engine.strategy.params import ParamError
from engine.strategy.registry import DuplicateNameError, UnknownNameError


class Severity(NamedTuple):
    """How bad, and whether the breakers count it."""

    level: Level
    is_counted: bool
    """False where disk or line are to blame: those have blocks of their own that end with their cause."""
    is_mapped: bool = True


_INFO = Severity(Level.INFO, is_counted=False)
_WARNING = Severity(Level.WARNING, is_counted=False)
_OUTSIDE = Severity(Level.ERROR, is_counted=False)
_ERROR = Severity(Level.ERROR, is_counted=True)
_CRITICAL = Severity(Level.CRITICAL, is_counted=True)
UNMAPPED: Final = Severity(Level.ERROR, is_counted=True, is_mapped=False)

OF_EXCEPTION: Final[dict[type[Exception], Severity]] = {
    # the line and the broker
    BrokerError: _OUTSIDE,
    ConnectError: _OUTSIDE,
    PassingError: _WARNING,
    NotSentError: _WARNING,
    OrdersRefusedError: _WARNING,
    AccountError: _CRITICAL,
    LineGivenUpError: _CRITICAL,
    # the store and the disk
    StoreError: _OUTSIDE,
    StoreUnwritableError: _OUTSIDE,
    StoreClosedError: _OUTSIDE,
    StoreFolderError: _CRITICAL,
    StoreCorruptError: _CRITICAL,
    StoreTooNewError: _CRITICAL,
    StoreBindingError: _CRITICAL,
    DuplicateIntentError: _ERROR,
    SendingRefusedError: _ERROR,
    JournalDownError: _OUTSIDE,
    OrderNotFoundError: _WARNING,
    OSError: _OUTSIDE,
    # what was asked for cannot be had
    OrderRefusedError: _INFO,
    RuntimeRefusal: _INFO,
    PartialRefusedError: _WARNING,
    NoAddressError: _WARNING,
    VaultError: _WARNING,
    WireError: _WARNING,
    MakerError: _WARNING,
    PluginError: _WARNING,
    # a start that cannot be
    ConfigError: _CRITICAL,
    StartError: _CRITICAL,
    ParamError: _ERROR,
    DuplicateNameError: _ERROR,
    UnknownNameError: _ERROR,
    # positions
    DuplicatePositionError: _ERROR,
    InvalidPositionError: _ERROR,
    # mistakes of a program
    ArithmeticError: _ERROR,
    AssertionError: _ERROR,
    AttributeError: _ERROR,
    EOFError: _ERROR,
    LookupError: _ERROR,
    NameError: _ERROR,
    RuntimeError: _ERROR,
    StopAsyncIteration: _ERROR,
    StopIteration: _ERROR,
    TypeError: _ERROR,
    ValueError: _ERROR,
    asyncio.InvalidStateError: _ERROR,
    asyncio.QueueEmpty: _ERROR,
    asyncio.QueueFull: _ERROR,
    # the process itself cannot go on
    MemoryError: _CRITICAL,
    SystemError: _CRITICAL,
}
"""The nearest listed base of an exception decides."""


def severity_of(err: Exception) -> Severity:
    """How bad an exception is; UNMAPPED where neither it nor a base of it is listed."""
    for kind in type(err).__mro__:
        found = OF_EXCEPTION.get(kind)
        if found is not None:
            return found
    return UNMAPPED
