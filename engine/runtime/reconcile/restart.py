"""The first comparison of a run: the restart report, and the policy's decisions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from engine.api import Level
from engine.api_recovery import RecoveryKind
from engine.recovery.report import Found, restart_report
from engine.runtime.daypnl import trading_day
from engine.runtime.desk import Desk
from engine.runtime.reconcile.settling import Settler
from engine.runtime.reconcile.state import RecoveryState
from engine.store.operations import StoredState


@dataclass(frozen=True, slots=True)
class Start:
    """What this start was given."""

    connection: str
    """Mode, place and client id, in words."""
    day: date | None
    """Trading day of the stored state."""
    policy: str
    setups: int


def state_time(stored: StoredState) -> datetime | None:
    """The last moment the stored state is of; None on a first start."""
    run = stored.last_run
    if run is None:
        return None
    orders = [o.updated_at for o in stored.ledger.orders if o.updated_at is not None]
    fills = [booked.fill.at for booked in stored.ledger.fills]
    told = [e.at for e in stored.events[-1:]]
    points = [p.at for p in stored.equity[-1:]]
    saved = [] if stored.saved_at is None else [stored.saved_at]
    return max([run.ended_at or run.started_at, *saved, *orders, *fills, *told, *points])


class Restart:
    """Speaks once per run."""

    def __init__(
        self,
        desk: Desk,
        *,
        recovery: RecoveryState,
        settler: Settler,
        start: Start,
        day_usd: Callable[[], float | None],
    ) -> None:
        self._desk = desk
        self._recovery = recovery
        self._settler = settler
        self._start = start
        self._day_usd = day_usd
        self._spoken = False

    def warn(self) -> None:
        """Before anything is connected: a crash before this start."""
        recovery, notices = self._recovery, self._desk.notices
        if recovery.crashed:
            text = "previous session crashed: it ended without its goodbye; what it left is compared"
            notices.raise_alert(Level.WARNING, "previous_session_crashed", text)

    async def first_look(self) -> None:
        """After the first complete comparison: the report, then what the policy decides."""
        if self._spoken:
            return
        self._spoken = True
        recovery, now = self._recovery, self._desk.now()
        await self._settler.prepare()
        recovery.remember_away()
        found = Found(
            connection=self._start.connection,
            now=now,
            state_at=recovery.state_at,
            day=self._start.day,
            today=trading_day(now),
            crashed=recovery.crashed,
            positions=len(recovery.restored),
            day_usd=self._day_usd(),
            setups=self._start.setups,
            booked=frozenset(recovery.done),
            agreed=recovery.agrees,
        )
        rows = tuple(r for r in recovery.rows() if r.kind is not RecoveryKind.UNKNOWN_ORDER or r.choices)
        recovery.report = restart_report(found, rows)
        for line in recovery.report:
            self._desk.notices.event(Level.INFO, "recovery", line)
        await self._settler.by_policy(self._start.policy)
