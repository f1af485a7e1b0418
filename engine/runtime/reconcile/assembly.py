"""Puts the parts of recovery together: the comparison, who settles, and when it all happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, Protocol

from engine.broker.port import Broker
from engine.execution.executor import Executor
from engine.runtime.desk import Desk
from engine.runtime.inbox import Inbox
from engine.runtime.markets import Markets
from engine.runtime.reconcile.account import AccountDesk
from engine.runtime.reconcile.acts import Acts
from engine.runtime.reconcile.reconciler import Reconciler
from engine.runtime.reconcile.restart import state_time
from engine.runtime.reconcile.settling import Settler
from engine.runtime.reconcile.state import RecoveryState
from engine.store.operations import StoredState


class Verdicts(Protocol):
    """What the engine makes of what was found."""

    def judge(self) -> None:
        """READY, or ORPHANS."""
        ...

    def on_mismatch(self, text: str) -> None:
        """Our books were wrong."""
        ...

    async def abort(self, text: str) -> tuple[str, ...]:
        """Leave with code 4, send nothing."""
        ...


class RecoveryParts(NamedTuple):
    """The parts that the engine calls."""

    account: AccountDesk
    settler: Settler
    reconciler: Reconciler

    @classmethod
    def assemble(
        cls,
        recovery: RecoveryState,
        *,
        broker: Broker,
        put_decision: Callable[..., Awaitable[object]],
        executor: Executor,
        inbox: Inbox,
        markets: Markets,
        engine: Verdicts,
    ) -> RecoveryParts:
        """Each part with what it needs; the inbox tells the reconciler what it should look into."""
        desk = recovery.desk
        account = AccountDesk(
            desk,
            broker=broker,
            inbox=inbox,
            recovery=recovery,
            put_decision=partial(put_decision, keep=True),
            on_mismatch=engine.on_mismatch,
        )
        acts = Acts(desk, recovery=recovery, broker=broker, executor=executor, describe=markets.describe)
        settler = Settler(
            desk,
            recovery=recovery,
            account=account,
            acts=acts,
            put_decision=put_decision,
            judge=engine.judge,
            abort=engine.abort,
        )
        reconciler = Reconciler(
            desk, account=account, recovery=recovery, judge=engine.judge, prepare=settler.prepare
        )
        desk.books.on_changes(reconciler.on_changes)
        desk.books.on_changes(lambda _: recovery.touch())
        inbox.on_foreign, inbox.on_position = reconciler.soon, reconciler.on_position
        return cls(account, settler, reconciler)


def recovery_of(stored: StoredState, desk: Desk) -> RecoveryState:
    """What this run starts from."""
    return RecoveryState(
        desk,
        decisions=list(stored.decisions),
        restored=desk.books.positions(),
        state_at=state_time(stored),
        crashed=stored.last_run is not None and not stored.last_run.clean,
    )
