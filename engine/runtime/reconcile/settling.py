"""Settling what differs from the broker: a person's choice (or the policy) becomes a decision, then an act.

All or nothing is checked before anything is done: a row that changed since it was shown refuses the whole
command. Every decision is durable, with its evidence, before it is carried out.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from engine.api import Command, Level, Mode, Outcome
from engine.api_recovery import RecoveryChoice, RecoveryKind, RecoveryRow, Settlement
from engine.broker.port import LinkState
from engine.domain.reasons import Reason
from engine.recovery.compare import Finding
from engine.recovery.decisions import Decision
from engine.recovery.rows import position_row_id
from engine.runtime.desk import Desk
from engine.runtime.outcomes import done, failed, refused
from engine.runtime.reconcile.account import AccountDesk
from engine.runtime.reconcile.acts import Acts, Result
from engine.runtime.reconcile.state import RecoveryState
from engine.store.errors import StoreError

_CANNOT_WAIT = frozenset({RecoveryChoice.CLOSE, RecoveryChoice.CANCEL})
"""Choices that reduce: they are carried out even where the store cannot write."""


class _Wish(NamedTuple):
    """A settlement with the row it is about."""

    settlement: Settlement
    row: RecoveryRow


class Settler:
    """One settlement at a time."""

    def __init__(
        self,
        desk: Desk,
        *,
        recovery: RecoveryState,
        account: AccountDesk,
        acts: Acts,
        put_decision: Callable[..., Awaitable[object]],
        judge: Callable[[], None],
        abort: Callable[[str], Awaitable[tuple[str, ...]]],
    ) -> None:
        self._desk = desk
        self._recovery = recovery
        self._account = account
        self._acts = acts
        self._put_decision = put_decision
        self._judge = judge
        self._abort = abort
        self._turn = asyncio.Lock()

    # --- commands -------------------------------------------------------------------------------

    async def settle(self, command: Command) -> Outcome:
        """Carry out the settlements of a command, or none of them where one does not fit any more."""
        if self._desk.link is not LinkState.UP:
            text = "nothing was settled: there is no line to the broker"
            return refused(command, Reason.LINK_DOWN.value, text)
        if self._turn.locked():
            return refused(command, Reason.NOT_READY.value, "another settlement is under way; look again")
        async with self._turn:
            if not await self._account.compare():
                text = "nothing was settled: the broker's picture of the account is incomplete; try again"
                return refused(command, Reason.NOT_RECOVERED.value, text)
            wishes, wrong = self._match(command.settlements)
            if wrong:
                text = "nothing was settled: " + "; ".join(wrong)
                return refused(command, Reason.ROW_CHANGED.value, text, tuple(wrong))
            results = await self._carry_out(wishes, who=command.who)
        lines = tuple(r.text for r in results)
        if all(r.ok for r in results):
            return done(command, "; ".join(lines), lines)
        return failed(command, Reason.ORPHAN.value, "not wholly settled: " + "; ".join(lines), lines)

    async def abort(self, command: Command) -> Outcome:
        """Leave instead of settling: exit 4, nothing is sent."""
        waiting = [row for row in self._recovery.rows() if row.choices]
        if not waiting:
            return refused(command, Reason.NOTHING_TO_DO.value, "nothing waits to be settled; use stop")
        left = await self._leave(waiting, who=command.who)
        return done(command, f"left with {len(waiting)} unsettled; nothing was sent", left)

    async def _leave(self, waiting: Sequence[RecoveryRow], *, who: str) -> tuple[str, ...]:
        for row in waiting:
            decision = Decision(self._desk.now(), who, row.row_id, "abort", row.symbol, evidence=row.evidence)
            await self._put_decision(decision, keep=True)
        names = "; ".join(f"{row.symbol}: {row.difference}" for row in waiting)
        return await self._abort(f"aborted by {who}, nothing was sent: {names}")

    # --- the policy -----------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Gather what a proposal needs, before anybody decides."""
        await self._acts.measure()

    async def by_policy(self, policy: str) -> None:
        """Settle what waits as the configuration says; what it cannot decide waits for a person."""
        waiting = self._recovery.blocking()
        if not waiting or policy == "ask" or self._desk.mode is Mode.DRY_RUN:
            return
        if policy == "abort":
            await self._leave(waiting, who="policy")
            return
        chosen = [(row, _by_policy(row, policy)) for row in waiting]
        wishes = [_Wish(Settlement(r.row_id, c, r.stamp), r) for r, c in chosen if c is not None]
        async with self._turn:
            results = await self._carry_out(wishes, who="policy")
        for result in results:
            level = Level.WARNING if result.ok else Level.ERROR
            self._desk.notices.event(level, "recovery", f"policy {policy}: {result.text}")

    # --- inside ---------------------------------------------------------------------------------

    def _match(self, settlements: Sequence[Settlement]) -> tuple[list[_Wish], list[str]]:
        """Each settlement with its row as it is now, and what is wrong with those that do not fit."""
        rows = {row.row_id: row for row in self._recovery.rows()}
        wishes, wrong = [], []
        for settlement in settlements:
            row = rows.pop(settlement.row_id, None)
            why = "it is not there any more" if row is None else self._unfit(settlement, row)
            if row is not None and not why:
                wishes.append(_Wish(settlement, row))
            else:
                name = settlement.row_id if row is None else row.symbol
                wrong.append(f"{name}: {why}")
        if not settlements:
            wrong.append("no row was chosen")
        return wishes, wrong

    def _unfit(self, settlement: Settlement, row: RecoveryRow) -> str:
        """Why a settlement does not fit its row; empty where it does."""
        if settlement.stamp != row.stamp:
            return f"it changed since it was shown ({row.difference}, broker has {row.broker_text})"
        if settlement.choice not in row.choices:
            offered = ", ".join(row.choices) or "nothing"
            return f"{settlement.choice} is no choice for it, but {offered}"
        if settlement.choice is RecoveryChoice.ADOPT and settlement.stop_price is not None:
            return self._bad_stop(settlement.stop_price, row)
        return ""

    def _bad_stop(self, stop: float, row: RecoveryRow) -> str:
        if not (math.isfinite(stop) and stop > 0):
            return f"{stop} is no price for a stop"
        mark = self._desk.quotes.mark(row.symbol)
        finding = self._finding(row)
        if finding is None or math.isnan(mark):
            return ""
        is_long = finding.broker > 0
        if (stop >= mark) if is_long else (stop <= mark):
            side = "below" if is_long else "above"
            return f"a stop at {stop:g} would fire at once; it belongs {side} {mark:g}"
        return ""

    def _finding(self, row: RecoveryRow) -> Finding | None:
        found = (f for f in self._recovery.findings if f.is_orphan)
        return next((f for f in found if row.row_id == position_row_id(f.con_id, f.kind)), None)

    async def _carry_out(self, wishes: Sequence[_Wish], *, who: str) -> list[Result]:
        self._recovery.settling = True
        try:
            results = [await self._one(wish, who=who) for wish in wishes]
            # What was settled must show in the broker's own picture.
            await self._account.compare()
        finally:
            self._recovery.settling = False
            self._recovery.touch()
        self._judge()
        return results

    async def _one(self, wish: _Wish, *, who: str) -> Result:
        row, choice = wish.row, wish.settlement.choice
        finding = self._finding(row)
        refusal = await self._acts.refusal(row, choice, finding)
        if refusal:
            return Result(ok=False, text=f"{row.symbol}: {refusal}")
        decision = self._decision(wish, finding, who=who)
        try:
            await self._put_decision(decision, keep=choice in _CANNOT_WAIT)
        except StoreError as err:
            return Result(
                ok=False, text=f"{row.symbol}: not settled, the decision could not be stored ({err})"
            )
        self._recovery.decisions.append(decision)
        self._desk.notices.event(Level.WARNING, "recovery", decision.text, symbol=row.symbol)
        result = await self._acts.carry_out(row, wish.settlement, finding, who=who)
        if result.ok and choice is not RecoveryChoice.FOREIGN:  # that one has a row for as long as it lasts
            self._recovery.remember_settled(row, result.text)
        return result

    def _decision(self, wish: _Wish, finding: Finding | None, *, who: str) -> Decision:
        row, choice = wish.row, wish.settlement.choice
        decision = Decision(
            self._desk.now(), who, row.row_id, choice.value, row.symbol, evidence=row.evidence
        )
        return self._acts.completed(decision, finding)


def _by_policy(row: RecoveryRow, policy: str) -> RecoveryChoice | None:
    """What a policy chooses; None where only a person may."""
    if row.kind is RecoveryKind.ORPHAN:
        return RecoveryChoice(policy)
    if row.kind is RecoveryKind.STRANGE_ORDER and RecoveryChoice.CANCEL in row.choices:
        return RecoveryChoice.CANCEL
    return None
