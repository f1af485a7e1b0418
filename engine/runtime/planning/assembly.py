"""Puts together what answers questions about the day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.api import Command, CommandKind, Outcome
from engine.broker.port import Broker
from engine.runtime.desk import Desk
from engine.runtime.planning.scanning import ScanDesk


def day_answers(desk: Desk, broker: Broker) -> dict[CommandKind, Callable[[Command], Awaitable[Outcome]]]:
    """Commands that only ask."""
    return {CommandKind.SCAN: ScanDesk(desk, broker=broker).scan}
