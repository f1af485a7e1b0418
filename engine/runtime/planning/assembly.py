"""Puts together what answers questions about the day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.api import Command, CommandKind, Outcome
from engine.broker.port import Broker
from engine.runtime.desk import Desk
from engine.runtime.planning.day import DayDesk
from engine.runtime.planning.scanning import ScanDesk
from engine.runtime.trading import Trading

Answers = dict[CommandKind, Callable[[Command], Awaitable[Outcome]]]


def day_answers(desk: Desk, broker: Broker, trading: Trading) -> Answers:
    """Commands that only ask."""
    return {
        CommandKind.SCAN: ScanDesk(desk, broker=broker).scan,
        CommandKind.PLAN: DayDesk(desk, trading).plan,
    }
