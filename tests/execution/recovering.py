"""The parts of recovery around a rig: state, comparison, settlement, and when each happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from engine.recovery.decisions import Decision
from engine.runtime.keeping.checkpoint import Checkpoints, LastState
from engine.runtime.markets import Markets
from engine.runtime.reconcile.account import AccountDesk
from engine.runtime.reconcile.acts import Acts
from engine.runtime.reconcile.reconciler import Reconciler
from engine.runtime.reconcile.restart import Restart, Start
from engine.runtime.reconcile.settling import Settler
from engine.runtime.reconcile.state import RecoveryState
from engine.runtime.trading import Trading
from tests.execution.rig import Rig


@dataclass
class Recovering:
    """Recovery as the engine assembles it."""

    state: RecoveryState
    account: AccountDesk
    settler: Settler
    reconciler: Reconciler
    restart: Restart
    judged: list[None]
    """One per verdict asked for."""
    aborted: list[str] = field(default_factory=list)
    mismatches: list[str] = field(default_factory=list)


def recovering(
    here: Rig,
    *,
    policy: str = "ask",
    decisions: tuple[Decision, ...] = (),
    judge: Callable[[], None] | None = None,
    abort: Callable[[str], Awaitable[tuple[str, ...]]] | None = None,
    start: Start | None = None,
) -> Recovering:
    """Recovery on a rig; `judge` is told after each settlement and comparison."""
    desk = here.desk
    state = RecoveryState(desk, decisions=list(decisions), restored=desk.books.positions())
    judged: list[None] = []
    aborted: list[str] = []
    mismatches: list[str] = []
    account = AccountDesk(
        desk,
        broker=here.broker,
        inbox=here.inbox,
        recovery=state,
        put_decision=here.store.put_decision,
        on_mismatch=mismatches.append,
    )
    trading = Trading(desk, executor=here.executor, running=(), spawn=here.spawn)
    nothing = Checkpoints(desk, store=here.store, running=(), last=LastState())
    markets = Markets(desk, broker=here.broker, trading=trading, checkpoints=nothing, spawn=here.spawn)

    async def remember(text: str) -> tuple[str, ...]:
        aborted.append(text)
        return ()

    verdict = judge or (lambda: judged.append(None))
    settler = Settler(
        desk,
        recovery=state,
        account=account,
        acts=Acts(
            desk, recovery=state, broker=here.broker, executor=here.executor, describe=markets.describe
        ),
        put_decision=here.store.put_decision,
        judge=verdict,
        abort=abort or remember,
    )
    reconciler = Reconciler(desk, account=account, recovery=state, judge=verdict, prepare=settler.prepare)
    restart = Restart(
        desk,
        recovery=state,
        settler=settler,
        start=start or Start("PAPER DU1, simulated prices, client id 1", None, policy, 1),
        day_usd=lambda: 0.0,
    )
    return Recovering(state, account, settler, reconciler, restart, judged, aborted, mismatches)
