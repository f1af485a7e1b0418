"""Puts one engine together, in boot order: store, brakes, ledger, then everything that needs them."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from engine.api import EventView, Level, Mode
from engine.broker.ibkr import IbkrBroker
from engine.broker.port import BrokerError
from engine.broker.wire import ConnectionSettings
from engine.config import (
    RUNTIME_KEYS,
    Config,
    Layer,
    Loaded,
    StrategySection,
    save_override,
    with_value,
)
from engine.domain.order import Tif
from engine.execution.books import Books
from engine.execution.executor import ExecutionSettings, Executor
from engine.execution.kill import KillSwitch
from engine.execution.refs import RefMaker
from engine.ledger.ledger import Ledger
from engine.market.bars import timeframe_seconds
from engine.risk.brakes import BrakeSet
from engine.runtime.account import AccountDesk
from engine.runtime.brakes import BrakeDesk, restored
from engine.runtime.commands import Commands
from engine.runtime.day import DayBook
from engine.runtime.daypnl import DayPnl
from engine.runtime.desk import Desk
from engine.runtime.engine import Engine, Parts
from engine.runtime.errors import FailedError
from engine.runtime.gateway_process import GatewayProcess, running_gateway
from engine.runtime.inbox import Inbox, tell_changes
from engine.runtime.line import Line, LineHooks
from engine.runtime.markets import Markets
from engine.runtime.notices import Notices
from engine.runtime.options import RunOptions
from engine.runtime.publisher import Publisher
from engine.runtime.session import gateway_plan
from engine.runtime.snapshot import SnapshotBuilder
from engine.runtime.trading import Running, Trading
from engine.runtime.upkeep import Upkeep
from engine.store.errors import StoreError
from engine.store.journal import AuditEntry
from engine.store.operations import StoredState
from engine.store.store import Store
from engine.strategy import ma_crossover, momentum
from engine.strategy.base import Strategy
from engine.strategy.params import ParamError
from engine.strategy.registry import STRATEGIES, UnknownNameError

DATABASE = "cockpit.db"
SHIPPED = (ma_crossover, momentum)
"""Importing a strategy's module registers it."""

_LOG_LEVEL = {
    Level.OK: "info",
    Level.INFO: "info",
    Level.WARNING: "warning",
    Level.ERROR: "error",
    Level.CRITICAL: "critical",
}
_log = structlog.get_logger("engine")


async def build_core(loaded: Loaded, options: RunOptions) -> Engine:
    """One engine, ready to `run()`. Raises StartError with what is wrong and what to do."""
    running = make_strategies(loaded)
    account = await find_account(loaded.config, options)
    store = await open_store(options.state_dir, gateway=options.gateway.kind, account=account)
    try:
        await store.begin_run(
            boot_id=uuid.uuid4().hex,
            run_id=options.run_id,
            version=options.version,
            at=options.clock.now(),
        )
        stored = await store.load()
    except StoreError as err:
        await store.close()
        raise FailedError(str(err)) from err
    broker = make_broker(loaded.config, options, highest_order_id=stored.highest_order_id)
    given = Given(loaded, options, account, store, stored, broker, running)
    return Engine(partial(assemble, given))


# --- pieces that can fail with a sentence -----------------------------------------------------------


def make_broker(config: Config, options: RunOptions, *, highest_order_id: int) -> IbkrBroker:
    """The adapter for this gateway. In DRY_RUN it refuses orders itself."""
    connection = config.connection
    settings = ConnectionSettings(
        host=options.gateway.host,
        port=options.gateway.port,
        client_id=connection.client_id,
        mode="DRY_RUN" if options.mode is Mode.DRY_RUN else "PAPER",
        read_only=options.mode is Mode.DRY_RUN,
        heartbeat_s=connection.heartbeat_s,
        detect_s=connection.detect_s,
        market_data_type=config.market_data.type.value,
        highest_order_id=highest_order_id,
    )
    clock = options.clock
    return IbkrBroker(settings, clock.monotonic, exchange_now=lambda: clock.now().timestamp())


async def find_account(config: Config, options: RunOptions) -> str:
    """Whose state this is. A real gateway must say it itself before any file is opened."""
    if options.gateway.account:
        return options.gateway.account
    broker = make_broker(config, options, highest_order_id=0)
    try:
        hello = await broker.connect(_Deaf())
    except BrokerError as err:
        raise FailedError(f"no account to trade: {err}") from err
    await broker.disconnect()
    return hello.account


async def open_store(state_dir: Path, *, gateway: str, account: str) -> Store:
    """The state of exactly this gateway and account. Raises FailedError with the store's own sentence."""
    path = state_dir / f"{gateway}-{account}" / DATABASE
    try:
        return await Store.open(path, gateway=gateway, account=account)
    except StoreError as err:
        raise FailedError(str(err)) from err


def make_strategies(loaded: Loaded) -> tuple[Running, ...]:
    """Every enabled strategy, cold. Raises ConfigError naming the place of what is wrong with one."""
    strategies = loaded.config.strategies.items()
    return tuple(_running(loaded, name, section) for name, section in strategies if section.enabled)


def _running(loaded: Loaded, name: str, section: StrategySection) -> Running:
    try:
        kind = STRATEGIES.get(section.kind)
        make = partial(_create, kind.create, name, dict(section.params))
        strategy = make(())
    except UnknownNameError as err:
        raise loaded.error(f"strategies.{name}.kind", str(err)) from err
    except ParamError as err:
        raise loaded.error(f"strategies.{name}.params.{err.param}", str(err)) from err
    return Running(
        strategy=strategy,
        make=make,
        kind=section.kind,
        timeframe=section.timeframe.value,
        bar_seconds=timeframe_seconds(section.timeframe.value),
        allow_short=section.allow_short and not kind.long_only,
        holds_overnight=section.holds_overnight,
        symbols=section.symbols,
    )


def _create(
    create: Callable[..., Strategy], name: str, params: Mapping[str, object], keys: Sequence[str]
) -> Strategy:
    return create(name, params=params, keys=keys)


class _Deaf:
    """Hears nothing: for the one connection that only asks whose account this is."""

    def on_broker_event(self, event: object) -> None:
        """Nothing to do yet."""

    def on_quote(self, quote: object) -> None:
        """Nothing to do yet."""

    def on_bar(self, bar: object) -> None:
        """Nothing to do yet."""

    def on_depth(self, depth: object) -> None:
        """Nothing to do yet."""


# --- assembly ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Given:
    """What an engine is assembled from."""

    loaded: Loaded
    options: RunOptions
    account: str
    store: Store
    stored: StoredState
    broker: IbkrBroker
    running: tuple[Running, ...]


def assemble(given: Given, engine: Engine) -> Parts:
    """Every part of one engine, each knowing only the parts it needs."""
    config, broker, desk = given.loaded.config, given.broker, _desk(given)
    refs = RefMaker(given.account, epoch_ms=lambda: time.time_ns() // 1_000_000, entropy=secrets.token_bytes)
    executor = Executor(
        broker=broker,
        books=desk.books,
        refs=refs,
        now=desk.now,
        may_enter=desk.may_enter,
        settings=ExecutionSettings(
            entry_tif=Tif(config.execution.tif.value), stop_tif=Tif(config.execution.stop_tif.value)
        ),
    )
    kill_switch = KillSwitch(
        executor=executor,
        books=desk.books,
        instruments=desk.instruments,
        ask_broker=broker.state,
        now=desk.now,
        cancel_s=config.kill.cancel_s,
        watch_s=config.kill.refill_watch_s,
    )
    trading = Trading(desk, executor=executor, running=given.running, spawn=engine.spawn)
    pnl = DayPnl()
    publisher = _publisher(given, desk, trading, pnl)
    brakes = BrakeDesk(desk, store=given.store, new_id=refs.new_id)
    inbox, line = _line(given, desk, engine, trading, publisher)
    upkeep = Upkeep(
        desk,
        executor=executor,
        store=given.store,
        day=DayBook(desk, store=given.store, pnl=pnl, stored=given.stored),
        kill_file=given.options.state_dir / config.kill.flag_file,
        on_kill_file=engine.on_kill_file,
        spawn=engine.spawn,
        heartbeat=partial(_heartbeat, desk, given.options),
    )
    commands = Commands(
        desk,
        brakes=brakes,
        executor=executor,
        kill_switch=kill_switch,
        set_value=partial(_set_value, given, desk),
        stop=engine.stop,
        on_detached=engine.on_detached,
        urge=publisher.urge,
    )
    desk.books.on_changes(upkeep.on_changes)
    desk.books.on_changes(partial(tell_changes, desk))
    desk.books.on_changes(lambda _: publisher.urge())
    return Parts(
        desk=desk,
        broker=broker,
        executor=executor,
        kill_switch=kill_switch,
        brakes=brakes,
        inbox=inbox,
        account=AccountDesk(desk, broker=broker, inbox=inbox),
        trading=trading,
        markets=Markets(desk, broker=broker, trading=trading, spawn=engine.spawn),
        line=line,
        upkeep=upkeep,
        commands=commands,
        publisher=publisher,
        on_first_ready=given.options.lag.forget,
        close=partial(_close, given, desk),
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
        notices=Notices(now=clock.now, log=_log_event),
        brakes=BrakeSet(tuple(restored(b) for b in stored.brakes)),
        signals_used={o.intent.signal_id for o in stored.ledger.orders if o.intent.signal_id},
        overridden={key for key in RUNTIME_KEYS if given.loaded.origins[key].layer is Layer.RUNTIME},
    )


def _publisher(given: Given, desk: Desk, trading: Trading, pnl: DayPnl) -> Publisher:
    options = given.options
    simulated = options.gateway.kind == "embedded"
    builder = SnapshotBuilder(
        desk,
        trading=trading,
        pnl=pnl,
        round_trip_ms=lambda: given.broker.round_trip_ms,
        lag_max_ms=lambda: options.lag.max_ms,
        store=given.store.metrics,
        run_id=options.run_id,
        version=options.version,
        gateway_text="simulated prices" if simulated else f"IBKR {given.account}",
    )
    return Publisher(builder.build(0), build=builder.build, settled=desk.books.settled)


def _line(
    given: Given, desk: Desk, engine: Engine, trading: Trading, publisher: Publisher
) -> tuple[Inbox, Line]:
    inbox = Inbox(desk, on_bar=trading.on_bar, on_quote=lambda _: publisher.touch())
    hooks = LineHooks(on_up=engine.on_up, on_down=engine.on_down, revive_gateway=partial(_revive, given))
    line = Line(given.broker, desk, listener=inbox, settings=given.loaded.config.connection, hooks=hooks)
    inbox.on_link = line.on_link
    inbox.on_foreign = line.compare_again
    return inbox, line


async def _revive(given: Given) -> None:
    """Start the embedded gateway again if it is gone; it continues from its journal, on another port."""
    if given.options.gateway.kind != "embedded":
        return
    endpoint = await asyncio.to_thread(running_gateway, given.options.state_dir)
    if endpoint is None:
        try:
            endpoint = await GatewayProcess.spawn(gateway_plan(given.loaded)).ready()
        except FailedError as err:
            raise BrokerError(str(err)) from err
    given.broker.move_to(endpoint.host, endpoint.port)


async def _set_value(given: Given, desk: Desk, key: str, value: float, who: str) -> str:
    """Change one runtime value: in force at once, audited, remembered for the next start."""
    section, _, name = key.partition(".")
    old = getattr(getattr(desk.config, section, None), name, None)
    desk.config = with_value(desk.config, key, value)
    new = getattr(getattr(desk.config, section), name)
    desk.overridden.add(key)
    await given.store.audit(AuditEntry(desk.now(), who, key, str(old), str(new), ""))
    await asyncio.to_thread(save_override, given.loaded.overrides_path, key, value)
    return f"{key}: {old} → {new}"


def _heartbeat(desk: Desk, options: RunOptions) -> dict[str, object]:
    return {
        "mode": desk.mode.value,
        "state": desk.state.value,
        "link": desk.link.value,
        "positions": len(desk.books.positions()),
        "open_orders": len(desk.books.open_orders()),
        "loop_lag_max_ms": round(options.lag.max_ms, 1),
    }


async def _close(given: Given, desk: Desk, clean: bool) -> None:
    try:
        await given.store.end_run(at=desk.now(), clean=clean)
    except StoreError as err:
        _log.error("store.end_not_written", error=str(err))
    await given.store.close()


def _log_event(event: EventView) -> None:
    log = getattr(_log, _LOG_LEVEL[event.level])
    log(event.text, kind=event.kind, symbol=event.symbol, seq=event.seq)
