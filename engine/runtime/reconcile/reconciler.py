"""When the account is compared beside every new line: after trades, while a fate is unknown, regularly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.api import EngineState
from engine.broker.port import BrokerError, BrokerPosition, LinkState
from engine.domain.order import OrderState
from engine.ledger.changes import Changes
from engine.recovery.compare import TOLERANCE
from engine.runtime.desk import Desk
from engine.runtime.reconcile.account import AccountDesk
from engine.runtime.reconcile.state import RecoveryState

UNKNOWN_PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Real seconds between questions about orders of unknown fate; after the last the regular round goes on."""

FAILED_PAUSE_S = 5.0
"""Real seconds after a comparison that failed inside the engine."""

_STANDING = frozenset({EngineState.READY, EngineState.ORPHANS, EngineState.BLOCKED})
"""States in which the line's own comparison is over."""


class Reconciler:
    """One task. Requests that come together are one comparison; the broker's queue is not flooded."""

    def __init__(
        self,
        desk: Desk,
        *,
        account: AccountDesk,
        recovery: RecoveryState,
        judge: Callable[[], None],
        prepare: Callable[[], Awaitable[None]],
    ) -> None:
        self._desk = desk
        self._account = account
        self._recovery = recovery
        self._judge = judge
        self._prepare = prepare
        """Gathers what the proposals of newly found rows need."""
        self._wake = asyncio.Event()
        self._due_s = float("inf")
        self._regular_s = 0.0
        self._unknown: frozenset[str] = frozenset()
        self._asked = 0

    def soon(self) -> None:
        """Somebody traded, or something could not be read: compare within `reconcile.after_trade_s`."""
        # Half of it leaves the other half for the answer.
        self._due_s = min(self._due_s, self._now_s() + self._desk.config.reconcile.after_trade_s / 2)
        self._wake.set()

    def on_changes(self, changes: Changes) -> None:
        """The books changed: a trade is compared, an order of unknown fate is asked about."""
        if changes.fills:
            self.soon()
        if changes.orders:
            self._look_at_unknown()

    def on_position(self, position: BrokerPosition) -> None:
        """The broker says what it holds: one that our books do not confirm is looked into."""
        foreign = self._recovery.standing.quantities.get(position.con_id, 0)
        ours = sum(p.quantity for p in self._desk.books.positions() if p.con_id == position.con_id)
        if abs(position.quantity - foreign - ours) > TOLERANCE:
            self.soon()

    async def run(self) -> None:
        """For ever: wait until something is due, compare, judge."""
        self._regular_s = self._now_s() + self._desk.config.reconcile.interval_s
        while True:
            self._wake.clear()
            pause_s = min(self._due_s, self._regular_s) - self._now_s()
            if pause_s > 0:
                try:
                    async with asyncio.timeout(pause_s):
                        await self._wake.wait()
                except TimeoutError:
                    pass  # due
                continue
            try:
                await self._compare()
            except Exception as err:  # noqa: BLE001 - the ladder counts; the next comparison comes
                self._desk.faults.loop_failed("reconciler", err)
                self._due_s = min(self._due_s, self._now_s() + FAILED_PAUSE_S)
            else:
                self._desk.faults.loop_worked("reconciler")

    async def _compare(self) -> None:
        self._due_s = float("inf")
        self._regular_s = self._now_s() + self._desk.config.reconcile.interval_s
        if not self._desk.verified or self._desk.link is not LinkState.UP:
            return  # the line compares as soon as it is up
        if self._desk.state not in _STANDING:
            return
        asked = self._unknown
        try:
            complete = await self._account.compare()
        except BrokerError:
            complete = False
        for ref in asked:
            self._recovery.asked[ref] = self._recovery.asked.get(ref, 0) + 1
        self._look_at_unknown()
        if not complete:
            self.soon()
            return
        self._ask_again()
        self._judge()
        await self._prepare()

    # --- orders of unknown fate -----------------------------------------------------------------

    def _look_at_unknown(self) -> None:
        orders = self._desk.books.open_orders()
        unknown = frozenset(o.intent.ref for o in orders if o.state is OrderState.UNKNOWN)
        if unknown - self._unknown:
            self._asked = 0
            self._unknown = unknown
            self._ask_again()
        self._unknown = unknown

    def _ask_again(self) -> None:
        """The next question about what is unknown, each time later."""
        if not self._unknown or self._asked >= len(UNKNOWN_PAUSES_S):
            return
        self._due_s = min(self._due_s, self._now_s() + UNKNOWN_PAUSES_S[self._asked])
        self._asked += 1
        self._wake.set()

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()
