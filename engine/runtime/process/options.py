"""What one run is told beyond the configuration: how real, where the gateway is, which clock rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.api import Mode
from engine.config.redaction import Redactor
from engine.runtime.clock import Clock
from engine.runtime.guards.lag import LoopLagProbe

GatewayKind = Literal["embedded", "tws"]


@dataclass(frozen=True, slots=True)
class GatewayEndpoint:
    """Where the broker side listens."""

    kind: GatewayKind
    host: str
    port: int
    account: str = ""
    """The account it simulates; empty for a real gateway, which names it itself."""
    pid: int = 0
    """Process of an embedded gateway; 0 for a real one."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Everything the engine is built from besides the configuration."""

    mode: Mode
    headless: bool
    run_id: str
    state_dir: Path
    gateway: GatewayEndpoint
    clock: Clock
    lag: LoopLagProbe
    """Measured by the engine's thread; its `max_ms` is what the Snapshot shows."""
    version: str
    typed_account: str = ""
    """Account id that a person typed for --live; empty where it was typed before, or is not needed."""
    warning: str = ""
    """What people must know about this run from its start; empty where all is as it should be."""
    redactor: Redactor = field(default_factory=Redactor)
    """Knows the secrets of this process; one for the log, the events, the alerts and the records."""
