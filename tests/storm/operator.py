"""The person at the screen: brakes, flattens, stops, settles, acknowledges, and relies on the answers."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from engine.api import BrakeKind, Command, CommandKind, EngineState, Outcome, OutcomeStatus, Scope, ScopeKind
from engine.api_recovery import RecoveryChoice, RecoveryRow, Settlement
from engine.runtime.engine import Engine
from tests.storm.beliefs import i10_a_halt_is_true, i11_a_proof_is_true
from tests.storm.braking import Brakes, i35_a_halt_leaves_the_stops, i36_a_record_names_what_is_left
from tests.storm.exchange import ACCOUNT
from tests.storm.held import INSTRUMENTS
from tests.storm.loop import Incarnation

if TYPE_CHECKING:
    from tests.storm.world import Storm

ACCOUNT_SCOPE = Scope()
LOOK_S = 7.0
"""The operator looks at the screen this often."""
_BRAKES = (CommandKind.PAUSE, CommandKind.HALT, CommandKind.KILL)
_ACTS: tuple[tuple[CommandKind, dict[str, object]], ...] = (
    (CommandKind.PAUSE, {}),
    (CommandKind.HALT, {}),
    (CommandKind.KILL, {"confirmed": True}),
    (CommandKind.FLATTEN, {}),
    (CommandKind.STOP, {"target": "keep"}),
    (CommandKind.STOP, {"target": "flatten"}),
)


class Operator:
    """Everything a person asks of the engine in one run."""

    def __init__(self, storm: Storm) -> None:
        self._storm = storm
        self._commands = 0
        self.promised: set[str] = set()
        """Brakes the operator was told are on."""
        self.brakes = Brakes()
        self._releases = 0
        """How often a release was asked for: a brake that answers after one promises nothing any more."""
        self._killing_since_s = math.inf
        """When the first KILL since the last release was asked for: a second one shares its proof."""
        self.asked_to_stop = False
        """The present life was asked to end by itself."""

    def begin(self) -> None:
        """Look at the screen from time to time."""
        self._storm.loop.later(LOOK_S, self._look)

    def act(self, rng: random.Random) -> None:
        """One of the great commands; sometimes the process dies while it carries it out."""
        kind, values = rng.choice(_ACTS)
        self.asked_to_stop = self.asked_to_stop or (kind is CommandKind.STOP and self._storm.life is not None)
        self._ask(kind, scope=Scope(), reason="storm", **values)
        if rng.random() < 0.3:
            self._storm.loop.later(rng.uniform(0.0, 3.0), self._storm.kill, "during a command")
        self._storm.loop.later(rng.uniform(8.0, 40.0), self._resume)
        if rng.random() < 0.4:
            self._brake_a_part(rng)

    def _resume(self, scope: Scope = ACCOUNT_SCOPE) -> None:
        self._ask(CommandKind.RESUME, scope=scope, reason="go on", typed=ACCOUNT)

    def killed_by_file(self) -> None:
        """The engine found the file: its KILL is on, and has its proof when it is there."""
        now_s = self._storm.exchange.now_s
        self.brakes.pull(BrakeKind.KILL, Scope(), now_s)
        self._killing_since_s = min(self._killing_since_s, now_s)

    def _brake_a_part(self, rng: random.Random) -> None:
        """A brake of one strategy or one symbol, some time later, and its release."""
        parts = [Scope(ScopeKind.SYMBOL, key) for key in INSTRUMENTS]
        scope = rng.choice([*parts, Scope(ScopeKind.STRATEGY, "one"), Scope(ScopeKind.STRATEGY, "two")])
        kind = rng.choice(_BRAKES)
        ask = partial(self._ask, kind, scope=scope, reason="storm", confirmed=True)
        self._storm.loop.later(rng.uniform(0.0, 10.0), ask)
        self._storm.loop.later(rng.uniform(20.0, 60.0), self._resume, scope)

    def leave_kill_file(self, rng: random.Random) -> None:
        """By hand or from a script, whatever the engine does; and its release, some time later."""
        self._storm.kill_file.write()
        self._storm.loop.later(rng.uniform(15.0, 40.0), self._resume)

    # --- from a shell, where the engine hangs ---------------------------------------------------

    def kill_from_a_shell(self, life: Incarnation) -> None:
        """`cockpit kill --yes` on an engine that does not answer: it is fenced, and another one kills."""
        if life.alive and life.hung is not None:
            self._storm.fence(life)

    async def take_over(self, engine: Engine) -> None:
        """The KILL is durable before that engine connects; it ends when it has an answer."""
        storm = self._storm
        self.brakes.pull(BrakeKind.KILL, Scope(), storm.exchange.now_s)
        await engine.parts.brakes.pull(BrakeKind.KILL, Scope(), reason="it hangs", who="shell")
        self._killing_since_s = min(self._killing_since_s, storm.exchange.now_s)
        if not storm.disk.is_full and not storm.disk.is_behind:
            self.promised.add("KILL")
        storm.loop.create_task(self._finish(engine))

    async def _finish(self, engine: Engine) -> None:
        desk = engine.parts.desk
        for _ in range(200):
            if desk.state in (EngineState.READY, EngineState.ORPHANS):
                break
            await asyncio.sleep(0.1)
        self._commands += 1
        await self._execute(engine, Command(f"c{self._commands}", CommandKind.KILL, confirmed=True))
        self.asked_to_stop = True
        self._storm.loop.later(15.0, self._resume)
        await engine.stop("keep")

    def _ask(self, kind: CommandKind, **values: object) -> None:
        engine, life = self._storm.engine, self._storm.life
        if engine is None or life is None:
            return
        self._commands += 1
        values["asked_s"] = self._storm.loop.time()
        command = Command(f"c{self._commands}", kind, **values)  # type: ignore[arg-type]  # as named by each
        if kind is CommandKind.RESUME and command.scope == ACCOUNT_SCOPE:
            self.promised.clear()
            self._releases += 1
        self._storm.loop.create_task(self._execute(engine, command), context=life.context)

    async def _execute(self, engine: Engine, command: Command) -> None:
        storm = self._storm
        disk_was_fine = not storm.disk.is_full
        asked_s, releases = storm.exchange.now_s, self._releases
        whole = command.scope == ACCOUNT_SCOPE
        if command.kind is CommandKind.KILL and whole:
            self._killing_since_s = min(self._killing_since_s, asked_s)
        settle = self._expect(command)
        outcome = await engine.execute(command)
        settle(outcome)
        if command.kind is not CommandKind.ACKNOWLEDGE:
            storm.exchange.note(f"{command.kind.value}: {outcome.status.value} {outcome.text}")
        self._held_to_the_disk(command, outcome)
        if not whole:
            return
        self._hold_to(command, outcome, asked_s=asked_s)
        stands = _is_brake(command, outcome) and releases == self._releases
        if disk_was_fine and not storm.disk.is_full and stands:
            self.promised.add(command.kind.name)

    def _expect(self, command: Command) -> Callable[[Outcome], None]:
        """From here on a brake holds, or none of this scope does; the answer makes that right."""
        brakes, scope, releases = self.brakes, command.scope, self.brakes.releases
        if command.kind is CommandKind.RESUME:
            brakes.releases += 1
            gone = brakes.release(scope)
            asked_s = self._storm.exchange.now_s
            # Done, it has lifted a PAUSE that came on meanwhile, too; no HALT and no KILL.
            return lambda outcome: (
                brakes.stands_again(gone)
                if outcome.status is not OutcomeStatus.DONE
                else brakes.forget(scope, asked_s=asked_s)
            )
        if command.kind not in _BRAKES:
            return lambda _: None
        pulled = brakes.pull(BrakeKind[command.kind.name], scope, self._storm.exchange.now_s)

        def settle(outcome: Outcome) -> None:
            if outcome.status is OutcomeStatus.REFUSED and pulled in brakes.on:
                brakes.on.remove(pulled)
            elif outcome.status is not OutcomeStatus.REFUSED and releases == brakes.releases:
                brakes.stands_again([pulled])

        return settle

    def _hold_to(self, command: Command, outcome: Outcome, *, asked_s: float) -> None:
        """Take the engine by its word."""
        storm = self._storm
        if command.kind is CommandKind.RESUME and outcome.status is OutcomeStatus.DONE:
            self._killing_since_s = math.inf
            self.promised.discard("PAUSE")
        if command.kind is CommandKind.KILL:
            # One that was lifted before it had its answer has its own time.
            took_s = storm.exchange.now_s - min(self._killing_since_s, asked_s)
            for broken in i11_a_proof_is_true(storm.watch, outcome, took_s=took_s):
                storm.violated(f"I11 {broken}")
        for broken in i10_a_halt_is_true(storm.watch, command.kind, outcome):
            storm.violated(f"I10 {broken}")
        if command.kind is CommandKind.HALT:
            for broken in i35_a_halt_leaves_the_stops(storm.watch, outcome, asked_s=asked_s):
                storm.violated(f"I35 {broken}")
        for broken in i36_a_record_names_what_is_left(storm.watch, outcome):
            storm.violated(f"I36 {broken}")

    def _held_to_the_disk(self, command: Command, outcome: Outcome) -> None:
        """No KILL is lifted whose record does not say that it ended well."""
        disk = self._storm.disk
        if (
            command.kind is not CommandKind.RESUME
            or outcome.status is not OutcomeStatus.DONE
            or disk.is_behind
        ):
            return
        rows = disk.conn.execute("SELECT proof FROM brake WHERE kind = 'KILL' AND cleared_at IS NOT NULL")
        for (proof,) in rows:
            if not proof.startswith("PROVEN FLAT"):
                self._storm.violated(f"I10 a KILL was lifted that says {proof!r}")

    def _look(self) -> None:
        """Every alert is acknowledged sooner or later, and one row that waits is decided about."""
        desk = self._storm.desk
        for alert in () if desk is None else desk.notices.alerts:
            if not alert.acknowledged:
                self._ask(CommandKind.ACKNOWLEDGE, target=str(alert.alert_id))
        self._settle()
        self._storm.loop.later(LOOK_S, self._look)

    def _settle(self) -> None:
        storm = self._storm
        engine, rng = storm.engine, storm.exchange.rng
        if engine is None or storm.life is None or not (storm.resting or rng.random() < 0.5):
            return
        rows = [row for row in engine.source.latest.recovery.open_rows if self._choices(row)]
        if rows:
            row = rng.choice(rows)
            choice = rng.choice(self._choices(row))
            storm.exchange.note(f"operator settles {row.row_id}: {choice.value}")
            self._ask(CommandKind.SETTLE, settlements=(Settlement(row.row_id, choice, row.stamp),))

    def _choices(self, row: RecoveryRow) -> list[RecoveryChoice]:
        """What this operator may answer; "never sent" only after a call to the broker, who looked."""
        exchange = self._storm.exchange
        at_broker = {f"ref {ref}" for ref in exchange.in_flight}
        at_broker |= {f"ref {held.ref}" for held in exchange.orders.values()}
        sure = self._storm.resting and row.row_id not in at_broker
        return [c for c in row.choices if c is not RecoveryChoice.NOT_SENT or sure]


def _is_brake(command: Command, outcome: Outcome) -> bool:
    return command.kind in _BRAKES and outcome.status is not OutcomeStatus.REFUSED
