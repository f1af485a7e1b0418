"""Real ledger, real store, real executor and inbox around a scripted broker, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from uuid import uuid4

from engine.api import EngineState, EventView, Mode
from engine.broker.port import LinkEvent, LinkState
from engine.config import Config
from engine.domain.instrument import Instrument
from engine.domain.order import Order, OrderIntent, OrderState, Role
from engine.domain.plan import NO_PLAN, Plan
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.execution.books import Books
from engine.execution.executor import CloseResult, ExecutionSettings, Executor
from engine.execution.kill import KillSwitch
from engine.execution.refs import RefMaker
from engine.ledger.ledger import Ledger
from engine.runtime.alerts.notices import Notices
from engine.runtime.brakes import unreachable
from engine.runtime.desk import Desk
from engine.runtime.inbox import Inbox
from engine.store.store import Store
from tests.builders import TEN, proposal, stock
from tests.execution.scripted_broker import ScriptedBroker
from tests.virtual_time import VirtualLoop, pass_time

ACCOUNT = "DU1"


class LoopClock:
    """Exchange and real time both follow the running loop."""

    speed = 1.0

    def __init__(self) -> None:
        self._began_s = asyncio.get_running_loop().time()
        self.skipped = timedelta()
        """Exchange time that passed while nobody looked."""

    def now(self) -> datetime:
        return TEN + timedelta(seconds=self.monotonic()) + self.skipped

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() - self._began_s


def funded(desk: Desk, usd: float) -> None:
    """The broker has just said what the account is worth, all of it free."""
    desk.values |= {"NetLiquidation": usd, "AvailableFunds": usd}
    desk.heard.values()


@dataclass
class Rig:
    """Everything between a ticket and a broker."""

    desk: Desk
    store: Store
    broker: ScriptedBroker
    executor: Executor
    kill_switch: KillSwitch
    inbox: Inbox
    refs: RefMaker
    spawn: Callable[[str, Callable[[], object]], None]
    spawned: list[asyncio.Task[None]] = field(default_factory=list)
    spy: Instrument = field(default_factory=stock)

    @property
    def books(self) -> Books:
        return self.desk.books

    def bracket(
        self, quantity: int = 100, key: str = "SPY", *, plan: Plan = NO_PLAN
    ) -> tuple[OrderIntent, OrderIntent]:
        """An entry of `quantity` with its stop."""
        ticket = EntryTicket(quantity, 100.02, 99.0, quantity * 100.0, quantity * 1.0)
        wish = proposal(key, signal_id=self.refs.new_id(), plan=plan)
        return self.executor.entry_intents(wish, ticket, self.desk.instruments[key])

    async def enter(
        self, quantity: int = 100, *, filled: int | None = None, key: str = "SPY", plan: Plan = NO_PLAN
    ) -> OrderIntent:
        """Send an entry, fill it (wholly where nothing is said), wait until it is quiet."""
        pair = self.bracket(quantity, key, plan=plan)
        assert await self.executor.enter(pair, self.desk.instruments[key])
        await pass_time(0.1)
        if filled != 0:
            self.broker.fill(pair[0].ref, quantity if filled is None else filled)
        await pass_time(0.1)
        return pair[0]

    async def close(self, key: str = "SPY", *, role: Role = Role.EXIT) -> CloseResult:
        """Close a position."""
        return await self.executor.close(key, self.desk.instruments[key], role=role, reason=Reason.SIGNAL)

    async def reduce(self, fraction: float = 0.5, key: str = "SPY") -> CloseResult:
        """Take a partial."""
        return await self.executor.reduce(key, self.desk.instruments[key], fraction=fraction)

    def without_cooldowns(self) -> None:
        """Let a symbol be entered again at once."""
        risk = self.desk.config.risk
        none = risk.model_copy(update={"cooldown_minutes": 0.0, "cooldown_after_stop_minutes": 0.0})
        self.desk.config = self.desk.config.model_copy(update={"risk": none})

    def state_of(self, role: Role, key: str = "SPY") -> list[OrderState]:
        """States of all orders of a role."""
        return [o.state for o in self.books.orders() if (o.intent.role, o.intent.key) == (role, key)]

    def last(self, role: Role) -> Order:
        """The newest order of a role."""
        return [o for o in self.books.orders() if o.intent.role is role][-1]

    def stops_at_broker(self) -> int:
        """Quantity that stops at the broker can still trade."""
        return sum(h.remaining for h in self.broker.open(Role.STOP))

    def alerts(self, code: str) -> list[str]:
        """Texts of the alerts of a code."""
        return [a.text for a in self.desk.notices.alerts if a.code == code]

    async def rows(self, sql: str) -> list[tuple[object, ...]]:
        """What the database really holds."""
        return await self.store.read(lambda conn: list(conn.execute(sql)))


@asynccontextmanager
async def rig(
    folder: Path,
    *,
    ledger: Ledger | None = None,
    mode: Mode = Mode.PAPER,
    keys: tuple[str, ...] = ("SPY",),
    pumps: bool = True,
) -> AsyncIterator[Rig]:
    """A desk that is READY, with SPY (or `keys`) described. Without `pumps` an engine moves the events."""
    store = await Store.open(folder / "cockpit.db", gateway="embedded", account=ACCOUNT)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    # Its lock is held exactly while its writer thread owes an answer, also when the disk is full.
    loop.busy(lambda: store.metrics().backlog > 0 or store._turn.locked())
    await store.begin_run(boot_id=uuid4().hex, run_id="run", version="0", at=TEN)
    clock, numbers = LoopClock(), count(1)
    refs = RefMaker(ACCOUNT, epoch_ms=lambda: 0, entropy=lambda n: next(numbers).to_bytes(n, "big"))
    heard: list[EventView] = []
    desk = Desk(
        config=Config(),
        mode=mode,
        clock=clock,
        gateway="embedded",
        account=ACCOUNT,
        books=Books(ledger=ledger or Ledger(), journal=store, now=clock.now),
        notices=Notices(now=clock.now, monotonic=clock.monotonic, log=heard.append),
        instruments={key: stock(key) for key in keys},
        link=LinkState.UP,
        state=EngineState.READY,
    )
    spawned: list[asyncio.Task[None]] = []

    def spawn(name: str, act: Callable[[], object]) -> None:
        async def run() -> None:
            result = act()
            if asyncio.iscoroutine(result):
                await result

        spawned.append(loop.create_task(run(), name=name))

    inbox = Inbox(desk, on_bar=lambda _: None, on_quote=lambda _: None)

    def on_link(event: LinkEvent) -> None:
        desk.link = event.state

    inbox.on_link = on_link
    broker = ScriptedBroker(emit=inbox.on_broker_event, now=clock.now)
    executor = Executor(
        broker=broker,
        books=desk.books,
        refs=refs,
        now=clock.now,
        may_enter=desk.may_enter,
        preview=desk.preview,
        settings=ExecutionSettings(),
    )
    switch = KillSwitch(
        executor=executor,
        books=desk.books,
        instruments=desk.instruments,
        ask_broker=broker.state,
        now=clock.now,
        cancel_s=10.0,
        watch_s=10.0,
        unreachable=partial(unreachable, desk),
        cancel_everything=broker.cancel_everything,
    )
    pump = loop.create_task(inbox.pump() if pumps else pass_time(0))
    try:
        yield Rig(desk, store, broker, executor, switch, inbox, refs, spawn, spawned)
    finally:
        pump.cancel()
        for task in spawned:
            task.cancel()
        ended = await asyncio.gather(pump, *spawned, return_exceptions=True)
        await store.close()
    broken = [e for e in ended if isinstance(e, Exception)]
    assert not broken, broken
