"""The shape of a drill: what the drill socket's commands have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.gateway.server import GatewayServer

Arguments = Mapping[str, Any]
Answer = dict[str, Any]
Drill = Callable[[GatewayServer, Arguments], Answer | None]
"""Does what one command asks; what it returns is added to the answer.

Raises KeyError, TypeError or ValueError for arguments that cannot be.
"""


def seconds(asked: Arguments, *, default: float | None = None) -> float:
    """The `seconds` of a command, real time, not negative."""
    told = float(asked["seconds"] if default is None else asked.get("seconds", default))
    if not 0.0 <= told < float("inf"):
        raise ValueError(f"seconds {told} is not a duration")
    return told
