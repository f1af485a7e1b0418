"""The first half of the boot order: strategies checked, account known, store opened, state loaded."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, Literal

from engine.api import Mode
from engine.broker.deaf import Deaf
from engine.broker.ibkr import IbkrBroker
from engine.broker.port import AccountError, BrokerError
from engine.broker.retry import Patience
from engine.broker.wire import ConnectionSettings
from engine.config import (
    Config,
    Loaded,
    Profile,
    StrategySection,
)
from engine.config.values import OnTerminalLoss
from engine.ledger.ledger import Ledger
from engine.market.bars import timeframe_seconds
from engine.runtime import catalogue
from engine.runtime.alerts.trial import working_channels
from engine.runtime.assembly import Given, assemble
from engine.runtime.clock import ToldClock
from engine.runtime.engine import Engine
from engine.runtime.health.assembly import Watched
from engine.runtime.health.clock_sync import read_clock_sync, refuse_bad_clock
from engine.runtime.health.machine import OsMachine
from engine.runtime.keeping.checkpoint import LastState
from engine.runtime.keeping.memory import Left
from engine.runtime.learning.recall import learners, learnt_before
from engine.runtime.learning.views import model_text
from engine.runtime.modes.account_lock import AccountLock
from engine.runtime.modes.live import begin_live, refuse_profiles
from engine.runtime.process.errors import FailedError, RefusedError
from engine.runtime.process.options import RunOptions
from engine.runtime.process.paths import DATABASE
from engine.runtime.process.spare import not_kept, spare_folder
from engine.runtime.running import Running
from engine.runtime.sessions.maker import made_elsewhere
from engine.store.checkpoint import StoredCheckpoint, load_checkpoint
from engine.store.errors import StoreError
from engine.store.operations import StoredState
from engine.store.store import Store

_MODES: Final[Mapping[Mode, Literal["DRY_RUN", "PAPER", "LIVE"]]] = {
    Mode.DRY_RUN: "DRY_RUN",
    Mode.PAPER: "PAPER",
    Mode.LIVE: "LIVE",
}
"""What the adapter calls them: it refuses an account that is not of its mode."""


async def build_core(loaded: Loaded, options: RunOptions, *, trades: bool = True) -> Engine:
    """One engine, ready to `run()`, without strategies unless it `trades`.

    Raises StartError with what is wrong and what to do.
    """
    running = make_strategies(loaded) if trades else ()
    check_unwatched(loaded, options.state_dir, environ=os.environ)
    options = await recognise(loaded.config, options)
    if trades:
        refuse_bad_clock(loaded.config, options, read=read_clock_sync)
    refuse_profiles(loaded.config, options.gateway.account)
    held = hold_account(options)
    try:
        return await _with_account(loaded, options, running, held, trades=trades)
    except BaseException:
        if held is not None:
            held.release()
        raise


async def _with_account(
    loaded: Loaded,
    options: RunOptions,
    running: tuple[Running, ...],
    held: AccountLock | None,
    *,
    trades: bool,
) -> Engine:
    """The rest, for an account that nobody else trades."""
    store, options = await open_or_spare(options)
    try:
        if options.mode is Mode.LIVE and trades:
            await begin_live(loaded, options, store)
        await store.begin_run(
            boot_id=uuid.uuid4().hex,
            run_id=options.run_id,
            version=options.version,
            at=options.clock.now(),
        )
        stored = await store.load()
        last = LastState(*await last_checkpoint(store), stored.saved_at)
        learnt = await store.read(partial(learnt_before, names=learners(running)))
        rederived = await rederive(store, stored, at=options.clock.now())
    except StoreError as err:
        await store.close()
        raise FailedError(str(err)) from err
    except RefusedError:
        await store.close()
        raise
    broker = make_broker(loaded.config, options, highest_order_id=stored.highest_order_id)
    given = Given(
        loaded,
        options,
        options.gateway.account,
        store,
        stored,
        broker,
        running,
        left=Left(last, rederived, options.warning, learnt=learnt),
        watched=watched(loaded.config, options, broker, running),
        held=held,
        make_calendars=partial(made_elsewhere, environ=os.environ),
    )
    return Engine(partial(assemble, given))


def watched(config: Config, options: RunOptions, broker: IbkrBroker, running: tuple[Running, ...]) -> Watched:
    """The machine we run on, the line to the broker and what is learnt, for the health checks."""
    machine = OsMachine(options.state_dir, cpu_window_s=config.health.cpu_window_s)
    learnt = partial(model_text, running)
    return Watched(machine, broker.timings.take, lambda: broker.round_trip_ms, learnt)


def check_unwatched(loaded: Loaded, state_dir: Path, *, environ: Mapping[str, str]) -> None:
    """Trading on without a terminal needs a way to be heard. Raises RefusedError where none was tested."""
    if loaded.config.shutdown.on_terminal_loss is not OnTerminalLoss.KEEP_RUNNING:
        return
    if not working_channels(loaded.config, state_dir, environ=environ):
        raise RefusedError(
            "shutdown.on_terminal_loss = 'keep-running' is allowed only with an alert channel that was "
            "tested, and there is none; name one in alerts.channels and run `cockpit alerts test`, or choose "
            "'pause-entries' or 'flatten-and-stop'. Nothing was started"
        )


def hold_account(options: RunOptions) -> AccountLock | None:
    """Take a real account for this process; a dry run trades nothing and needs none. Raises RefusedError."""
    if options.gateway.kind != "tws" or options.mode is Mode.DRY_RUN:
        return None
    return AccountLock.acquire(options.gateway.account, state_dir=options.state_dir, environ=os.environ)


# --- pieces that can fail with a sentence -----------------------------------------------------------


def make_broker(config: Config, options: RunOptions, *, highest_order_id: int) -> IbkrBroker:
    """The adapter for this gateway. In DRY_RUN it refuses orders itself."""
    connection = config.connection
    settings = ConnectionSettings(
        host=options.gateway.host,
        port=options.gateway.port,
        client_id=connection.client_id,
        account="" if options.gateway.kind == "embedded" else options.gateway.account or connection.account,
        mode=_MODES[options.mode],
        read_only=options.mode is Mode.DRY_RUN,
        heartbeat_s=connection.heartbeat_s,
        detect_s=connection.detect_s,
        live_bars_in_10_min=config.market_data.live_bars_in_10_min,
        market_data_type=config.market_data.type.value,
        patience=Patience(
            base_s=config.retry.base_ms / 1000.0,
            cap_s=config.retry.cap_s,
            attempts=config.retry.max_attempts,
        ),
        highest_order_id=highest_order_id,
    )
    clock = options.clock
    return IbkrBroker(settings, clock.monotonic, exchange_now=lambda: clock.now().timestamp())


async def recognise(config: Config, options: RunOptions) -> RunOptions:
    """Whose state this is, and what answers there: it must say both itself before any file is opened.

    An embedded gateway that is reached by host and port is simulated all the same: so it is shown, so its
    state is kept, and its own clock rules.
    """
    if options.gateway.account:
        return options
    broker = make_broker(config, options, highest_order_id=0)
    try:
        hello = await broker.connect(Deaf())
        told = await broker.server_time() if hello.gateway_kind == "embedded" else None
    except AccountError as err:
        raise RefusedError(f"this is not the account that the mode allows: {err}") from err
    except BrokerError as err:
        known = await asyncio.to_thread(known_account, options.state_dir, config.connection.account)
        if not known:
            raise FailedError(f"no account to trade: {err}") from err
        # Its positions are shown from our own state, read-only and UNVERIFIED, until the broker answers.
        return replace(options, gateway=replace(options.gateway, account=known))
    finally:
        await broker.disconnect()
    gateway = replace(options.gateway, kind=hello.gateway_kind, account=hello.account)
    if told is None:
        return replace(options, gateway=gateway)
    return replace(options, gateway=gateway, clock=ToldClock(told))


def known_account(state_dir: Path, wanted: str) -> str:
    """The account of a real gateway whose state is here: the one wanted, else the one used last; or none."""
    prefix = "tws-"
    databases = {f.parent.name.removeprefix(prefix): f for f in state_dir.glob(f"{prefix}*/{DATABASE}")}
    if wanted:
        return wanted if wanted in databases else ""
    # The journal beside the database is what a running engine writes to.
    newest = sorted(databases, key=lambda name: _last_written(databases[name]), reverse=True)
    return newest[0] if newest else ""


def _last_written(database: Path) -> float:
    files = (database, database.with_name(f"{database.name}-wal"))
    return max((f.stat().st_mtime for f in files if f.exists()), default=0.0)


async def open_or_spare(options: RunOptions) -> tuple[Store, RunOptions]:
    """The store of this run. A dry run goes on without one that cannot be read; trading does not."""
    gateway = options.gateway
    now = options.clock.now
    try:
        return (
            await open_store(options.state_dir, gateway=gateway.kind, account=gateway.account, now=now),
            options,
        )
    except FailedError as err:
        if options.mode is not Mode.DRY_RUN:
            raise
        folder = spare_folder()
        store = await open_store(folder, gateway=gateway.kind, account=gateway.account, now=now)
        return store, replace(options, warning=not_kept(f"{err}.", folder))


async def open_store(state_dir: Path, *, gateway: str, account: str, now: Callable[[], datetime]) -> Store:
    """The state of exactly this gateway and account; damage is put aside and halts the account.

    Raises FailedError with the store's own sentence.
    """
    path = state_dir / f"{gateway}-{account}" / DATABASE
    try:
        return await Store.open_or_rescue(path, gateway=gateway, account=account, now=now)
    except StoreError as err:
        raise FailedError(str(err)) from err


async def last_checkpoint(store: Store) -> tuple[StoredCheckpoint | None, str]:
    """What the run before saved, or why it cannot be read: it is not worth a start that fails."""
    try:
        return await store.read(load_checkpoint), ""
    except (ValueError, TypeError) as err:
        return None, f"the checkpoint cannot be read ({err})"


async def rederive(store: Store, stored: StoredState, *, at: datetime) -> tuple[str, ...]:
    """The bookings are the truth: position rows that say something else are written anew, and named."""
    ledger = Ledger(stored.ledger)
    wrong = ledger.differs_from(stored.positions)
    if wrong:
        await store.rederive_positions(ledger.positions.legs(), wrong=wrong, at=at)
    return wrong


def make_strategies(loaded: Loaded) -> tuple[Running, ...]:
    """Every enabled strategy, cold. Raises ConfigError naming the place of what is wrong with one."""
    strategies = loaded.config.strategies.items()
    return tuple(_running(loaded, name, section) for name, section in strategies if section.enabled)


def _running(loaded: Loaded, name: str, section: StrategySection) -> Running:
    make = partial(catalogue.create, loaded, name, section)
    strategy = make(())
    return Running(
        strategy=strategy,
        make=make,
        kind=section.kind,
        timeframe=section.timeframe.value,
        bar_seconds=timeframe_seconds(section.timeframe.value),
        allow_short=section.allow_short and not strategy.long_only and section.profile is not Profile.RULES,
        holds_overnight=section.holds_overnight,
        symbols=section.symbols,
        from_scanner=section.from_scanner,
        from_futures=section.from_futures,
    )
