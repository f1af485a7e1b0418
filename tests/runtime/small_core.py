"""The smallest engine that is one: real snapshots, brakes and end; for tests of the shell around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from engine.api import (
    BrakeKind,
    BrakeView,
    Command,
    CommandKind,
    EngineState,
    EventView,
    Level,
    Mode,
    Outcome,
    OutcomeStatus,
    PositionView,
    SessionView,
    Snapshot,
)
from engine.domain.reasons import Reason

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)

SPY = PositionView(
    symbol="SPY",
    quantity=100,
    avg_price=500.0,
    last=501.25,
    unrealized_usd=125.0,
    realized_usd=0.0,
    r_multiple=0.5,
    protected_quantity=100,
    stop_price=497.5,
    owner="cross",
    opened_at=START,
    decimals=2,
    quote_age_s=0.2,
    exposure_usd=50_125.0,
)


def first_snapshot(mode: Mode = Mode.PAPER) -> Snapshot:
    """READY, connected, one protected position."""
    return Snapshot(
        seq=1,
        as_of=datetime.now(UTC),
        engine_state=EngineState.READY,
        state_reason="",
        mode=mode,
        gateway="embedded",
        gateway_text="simulated prices",
        account="DU9000001",
        session=SessionView(now=START, is_open=True, closes_in_s=3600.0),
        entries_allowed=True,
        entries_text="entries on",
        connected=True,
        data_age_s=0.2,
        positions=(SPY,),
    )


class SmallCore:
    """An EngineCore without a broker. Commands with the reason `explode` break it, `hang` never end."""

    def __init__(
        self, *, exit_code: int = 0, dies_of: Exception | None = None, mode: Mode = Mode.PAPER
    ) -> None:
        self._latest = first_snapshot(mode)
        self._listeners: list[Callable[[bool], None]] = []
        self._exit_code = exit_code
        self._dies_of = dies_of
        self._stop = asyncio.Event()
        self._broken = False
        self.commands: list[Command] = []
        """Everything that was asked for, in order."""
        self.runs = asyncio.Event()

    @property
    def source(self) -> SmallCore:
        """It publishes its own snapshots."""
        return self

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot."""
        return self._latest

    def subscribe(self, on_change: Callable[[bool], None]) -> Callable[[], None]:
        """As SnapshotSource."""
        self._listeners.append(on_change)
        return lambda: self._listeners.remove(on_change)

    def publish(self, *, urgent: bool = True, **changes: object) -> None:
        """Publish a changed snapshot."""
        self._latest = replace(self._latest, seq=self._latest.seq + 1, as_of=datetime.now(UTC), **changes)  # type: ignore[arg-type]
        for listener in tuple(self._listeners):
            listener(urgent)

    async def run(self) -> int:
        """Tick ten times a second until stopped."""
        self.runs.set()
        while not self._stop.is_set():
            try:
                async with asyncio.timeout(0.1):
                    await self._stop.wait()
            except TimeoutError:
                self.publish(urgent=False)
            if self._broken and self._dies_of is not None:
                raise self._dies_of
        self.publish(engine_state=EngineState.STOPPED, state_reason="stopped", positions=())
        return self._exit_code

    async def execute(self, command: Command) -> Outcome:
        """Brakes, the stop, and the two ways to misbehave."""
        self.commands.append(command)
        if command.reason == "explode":
            raise ZeroDivisionError("asked to")
        if command.reason == "hang":
            await asyncio.Event().wait()
        if command.reason == "die":
            self._broken = True
        if command.kind is CommandKind.STOP:
            self._stop.set()
        elif command.kind in {CommandKind.PAUSE, CommandKind.HALT, CommandKind.KILL}:
            self._brake(command)
        elif command.kind is CommandKind.RESUME:
            return self._resume(command)
        self._tell(command)
        return Outcome(command.command_id, OutcomeStatus.DONE, "", f"{command.kind} done")

    def _brake(self, command: Command) -> None:
        kind = BrakeKind[command.kind.name] if command.confirmed else BrakeKind.HALT
        view = BrakeView(kind, command.scope, command.reason, command.who, datetime.now(UTC))
        self.publish(brakes=(*self._latest.brakes, view), entries_allowed=False, entries_text=kind.value)

    def _resume(self, command: Command) -> Outcome:
        harsh = any(brake.kind is not BrakeKind.PAUSE for brake in self._latest.brakes)
        if harsh and command.typed != self._latest.account:
            return Outcome(
                command.command_id,
                OutcomeStatus.REFUSED,
                Reason.CONFIRMATION,
                "type the account id",
                ("SPY +100",),
            )
        self.publish(brakes=(), entries_allowed=True, entries_text="entries on")
        return Outcome(command.command_id, OutcomeStatus.DONE, "", "resumed")

    def _tell(self, command: Command) -> None:
        events = self._latest.events
        event = EventView(len(events) + 1, datetime.now(UTC), Level.INFO, "command", "", command.kind.value)
        self.publish(events=(*events, event))
