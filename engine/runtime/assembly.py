"""Assembles one engine from what boot found: every part gets exactly the parts it needs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol

import structlog

from engine.broker.port import Broker, BrokerError
from engine.config import RUNTIME_KEYS, RUNTIME_WORDS, Layer, Loaded
from engine.domain.market import Bar, Quote
from engine.execution.books import Books
from engine.execution.executor import Executor
from engine.execution.refs import RefMaker
from engine.ledger.changes import Changes
from engine.ledger.ledger import Ledger
from engine.risk.brakes import BrakeSet
from engine.runtime.adjust.adjustments import Adjustments
from engine.runtime.adjust.look_back import LookBack
from engine.runtime.alerts.assembly import notices_of
from engine.runtime.brakes import restored
from engine.runtime.braking.assembly import Braking, braking_of
from engine.runtime.by_hand.assembly import acts_by_hand
from engine.runtime.commands import Commands
from engine.runtime.day import DayBook
from engine.runtime.daypnl import DayPnl
from engine.runtime.desk import Desk
from engine.runtime.engine import Engine, Parts
from engine.runtime.guards.data_watch import DataWatch
from engine.runtime.guards.risk_assembly import risk_chores
from engine.runtime.health.assembly import Watch, Watched
from engine.runtime.inbox import Inbox, tell_changes
from engine.runtime.keeping.ending import close, save
from engine.runtime.keeping.memory import Left, Memory
from engine.runtime.keeping.opening import begin_record
from engine.runtime.line import Line, LineHooks
from engine.runtime.looking.lookout import Lookout
from engine.runtime.markets import Markets
from engine.runtime.modes.account_lock import AccountLock
from engine.runtime.modes.assembly import mode_chores
from engine.runtime.orders_assembly import executor_of
from engine.runtime.planning.assembly import Answers, day_answers
from engine.runtime.process.errors import FailedError
from engine.runtime.process.gateway_process import revived
from engine.runtime.process.late_log import LateLog
from engine.runtime.process.options import RunOptions
from engine.runtime.publisher import Publisher
from engine.runtime.reconcile.assembly import RecoveryParts, recovery_of
from engine.runtime.reconcile.restart import Restart, Start
from engine.runtime.reconcile.settling import Settler
from engine.runtime.reconcile.state import RecoveryState
from engine.runtime.running import Running
from engine.runtime.security.watch import SecretWatch
from engine.runtime.selection.assembly import selection_chores
from engine.runtime.sessions.assembly import session_chores
from engine.runtime.sessions.tables import Make
from engine.runtime.snapshot import SnapshotBuilder
from engine.runtime.strategy_assembly import strategy_chores
from engine.runtime.trading import Trading
from engine.runtime.upkeep import Upkeep
from engine.store.operations import StoredState
from engine.store.store import Store

_log = structlog.get_logger("engine")


class MovableBroker(Broker, Protocol):
    """A broker whose gateway may come back elsewhere."""

    def move_to(self, host: str, port: int) -> None:
        """Connect there from the next time on."""
        ...


class IdSource(NamedTuple):
    """What references are made of. Given, so that a simulated run repeats exactly."""

    epoch_ms: Callable[[], int]
    entropy: Callable[[int], bytes]


def machine_ids() -> IdSource:
    """The machine's time and randomness."""
    return IdSource(lambda: time.time_ns() // 1_000_000, os.urandom)


@dataclass(frozen=True, slots=True)
class Given:
    """What an engine is assembled from."""

    loaded: Loaded
    options: RunOptions
    account: str
    store: Store
    stored: StoredState
    broker: MovableBroker
    running: tuple[Running, ...]
    late: LateLog = field(default_factory=LateLog)
    """Where ordinary lines wait until the orders are out."""
    ids: IdSource = field(default_factory=machine_ids)
    left: Left = field(default_factory=Left)
    watched: Watched = field(default_factory=Watched)
    make_calendars: Make | None = None
    """Makes calendars ahead of time; None where only those in the store are used."""
    held: AccountLock | None = None
    """The account, where it is a real one that nobody else may trade meanwhile."""


def assemble(given: Given, engine: Engine) -> Parts:
    """Every part of one engine, each knowing only the parts it needs."""
    broker, desk, pnl = given.broker, _desk(given), DayPnl()
    refs = RefMaker(given.account, epoch_ms=given.ids.epoch_ms, entropy=given.ids.entropy)
    executor = executor_of(desk, broker, refs)
    recovery = recovery_of(given.stored, desk)
    trading = Trading(desk, executor=executor, running=given.running, spawn=engine.spawn, begin=engine.begin)
    begin_record(desk, given.loaded, given.options)
    kept = (given.store, given.stored, given.running)
    memory = Memory.make(desk, *kept, left=given.left, run_id=given.options.run_id, spawn=engine.spawn)
    watch = Watch.make(
        desk, store=given.store, lag=given.options.lag, watched=given.watched, spawn=engine.spawn
    )
    lookout = Lookout(desk, broker=broker)
    publisher = _publisher(given, desk, trading, pnl, recovery, watch, lookout)
    braking = braking_of(given, desk, executor, recovery, refs, spawn=engine.spawn, urge=publisher.urge)
    inbox, line = _line(given, desk, engine, trading, publisher, memory)
    markets = Markets(desk, broker, trading, memory.checkpoints, spawn=engine.spawn, lookout=lookout)
    lookout.attach(inbox, markets, memory.checkpoints, touch=publisher.touch)
    upkeep = _upkeep(given, desk, engine, executor, trading, pnl, memory, markets, braking, watch, lookout)
    parts = _recovery_parts(given, recovery, executor, inbox, markets, engine)
    answers = day_answers(desk, broker, trading) | acts_by_hand(desk, executor) | lookout.answers
    commands = _commands(given, desk, engine, braking, executor, parts.settler, publisher, answers)
    tell_changes(desk, given.late, Changes(notes=desk.books.ledger.positions.rejected))
    desk.books.on_changes(upkeep.on_changes)
    desk.books.on_changes(partial(tell_changes, desk, given.late))
    desk.books.on_changes(partial(_sum_up, desk))
    desk.books.on_changes(lambda _: publisher.urge())
    return Parts(
        desk=desk,
        broker=broker,
        kill_switch=braking.kill_switch,
        brakes=braking.brakes,
        kills=braking.kills,
        inbox=inbox,
        account=parts.account,
        trading=trading,
        markets=markets,
        line=line,
        upkeep=upkeep,
        commands=commands,
        publisher=publisher,
        recovery=recovery,
        restart=_restart(given, recovery, parts.settler, pnl),
        reconciler=parts.reconciler,
        on_first_ready=given.options.lag.forget,
        report=partial(memory.days.make, uptime=lambda: watch.uptime.view),
        save=partial(save, desk, given.store, memory, watch),
        close=partial(close, given.store, memory, given.late, given.held),
    )


def _sum_up(desk: Desk, _: Changes) -> None:
    """What is out is summed up as it changes, so that the next entry finds it done."""
    desk.commitments()


def _recovery_parts(
    given: Given,
    recovery: RecoveryState,
    executor: Executor,
    inbox: Inbox,
    markets: Markets,
    engine: Engine,
) -> RecoveryParts:
    return RecoveryParts.assemble(
        recovery,
        broker=given.broker,
        put_decision=given.store.put_decision,
        executor=executor,
        inbox=inbox,
        markets=markets,
        engine=engine,
    )


def _commands(
    given: Given,
    desk: Desk,
    engine: Engine,
    braking: Braking,
    executor: Executor,
    settler: Settler,
    publisher: Publisher,
    answers: Answers,
) -> Commands:
    return Commands(
        desk,
        brakes=braking.brakes,
        executor=executor,
        kill_switch=braking.kill_switch,
        kills=braking.kills,
        drill=braking.drill,
        seen=braking.dead_man.seen,
        adjustments=Adjustments(
            desk,
            audit=given.store.audit,
            overrides=given.loaded.overrides_path,
            loaded=frozenset(r.strategy.name for r in given.running),
            past=LookBack(desk, path=given.store.path),
        ),
        stop=engine.stop,
        on_detached=engine.on_detached,
        urge=publisher.urge,
        settler=settler,
        answers=answers,
    )


def _restart(given: Given, recovery: RecoveryState, settler: Settler, pnl: DayPnl) -> Restart:
    options, config, desk = given.options, given.loaded.config, recovery.desk
    gateway = options.gateway
    where = "simulated prices" if gateway.kind == "embedded" else f"{gateway.host}:{gateway.port}"
    policy = config.orphans.headless_policy if options.headless else config.orphans.policy
    start = Start(
        connection=f"{options.mode.value} {given.account}, {where}, client id {config.connection.client_id}",
        day=given.stored.day,
        policy=policy.value,
        setups=len(given.running),
    )
    return Restart(
        desk, recovery=recovery, settler=settler, start=start, day_usd=lambda: pnl.view(desk).day_usd
    )


def _upkeep(
    given: Given,
    desk: Desk,
    engine: Engine,
    executor: Executor,
    trading: Trading,
    pnl: DayPnl,
    memory: Memory,
    markets: Markets,
    braking: Braking,
    watch: Watch,
    lookout: Lookout,
) -> Upkeep:
    risk = risk_chores(desk, given.broker, markets, given.stored, engine, pnl=partial(pnl.view, desk))
    return Upkeep(
        desk,
        executor=executor,
        store=given.store,
        day=DayBook(desk, store=given.store, pnl=pnl, stored=given.stored, on_end=memory.days.day_ended),
        kill_file=given.options.state_dir / given.loaded.config.kill.flag_file,
        on_kill_file=braking.kills.by_file,
        spawn=engine.spawn,
        heartbeat=watch.heartbeat,
        chores={
            **strategy_chores(
                desk,
                executor,
                given.broker,
                trading,
                engine,
                markets,
                scanner_dir=given.loaded.scanner_dir,
                own_scans=given.store.path.parent / "scanner",
            ),
            **session_chores(desk, given.store, engine, make=given.make_calendars),
            **memory.chores(),
            **risk,
            **selection_chores(desk, given.broker, markets, engine),
            **braking.chores(),
            **mode_chores(desk, given, memory.channels, engine),
            **watch.chores(),
            "data": DataWatch(desk).round,
            "looks": lookout.round,
            "secrets": SecretWatch(desk, state_dir=given.options.state_dir).round,
        },
    )


def _desk(given: Given) -> Desk:
    clock, stored = given.options.clock, given.stored
    return Desk(
        config=given.loaded.config,
        mode=given.options.mode,
        clock=clock,
        gateway=given.options.gateway.kind,
        account=given.account,
        books=Books(ledger=Ledger(stored.ledger), journal=given.store, now=clock.now),
        notices=notices_of(given.loaded.config, given.options, given.late),
        brakes=BrakeSet(tuple(restored(b) for b in stored.brakes)),
        signals_used={o.intent.signal_id for o in stored.ledger.orders if o.intent.signal_id},
        overridden={
            key: given.loaded.changed.get(key)
            for key in (*RUNTIME_KEYS, *RUNTIME_WORDS)
            if given.loaded.origins[key].layer is Layer.RUNTIME
        },
        switched_off=dict(given.loaded.switched_off),
    )


def _publisher(
    given: Given,
    desk: Desk,
    trading: Trading,
    pnl: DayPnl,
    recovery: RecoveryState,
    watch: Watch,
    lookout: Lookout,
) -> Publisher:
    options = given.options
    simulated = options.gateway.kind == "embedded"
    builder = SnapshotBuilder(
        desk,
        trading=trading,
        pnl=pnl,
        lag_max_ms=lambda: options.lag.max_ms,
        health=lambda: watch.monitor.rows,
        telemetry=lambda: watch.telemetry.view,
        run_id=options.run_id,
        version=options.version,
        gateway_text="simulated prices" if simulated else f"IBKR {given.account}",
        recovery=recovery.view,
        markets=lookout.views,
    )
    publisher = Publisher(
        builder.build(0), build=builder.build, settled=desk.books.settled, guarded=desk.faults.loop
    )
    watch.show_on(publisher)
    return publisher


def _line(
    given: Given,
    desk: Desk,
    engine: Engine,
    trading: Trading,
    publisher: Publisher,
    memory: Memory,
) -> tuple[Inbox, Line]:
    def on_bar(bar: Bar) -> None:
        trading.on_bar(bar)  # never raises, and an order is in more of a hurry than a record
        memory.on_bar(bar)

    def on_quote(quote: Quote) -> None:
        trading.on_quote(quote)
        publisher.touch()

    inbox = Inbox(desk, on_bar=on_bar, on_quote=on_quote)
    inbox.on_book = trading.on_depth
    hooks = LineHooks(on_up=engine.on_up, on_down=engine.on_down, revive_gateway=partial(_revive, given))
    line = Line(given.broker, desk, listener=inbox, settings=given.loaded.config.connection, hooks=hooks)
    inbox.on_link = line.on_link
    return inbox, line


async def _revive(given: Given) -> None:
    """Start our embedded gateway again if it is gone; it continues from its journal, on another port."""
    if not given.options.gateway.pid:  # a real one, or somebody else's
        return
    try:
        endpoint = await revived(given.loaded, given.options.state_dir)
    except FailedError as err:
        raise BrokerError(str(err)) from err
    given.broker.move_to(endpoint.host, endpoint.port)
