"""One seed: the engine lives, dies and comes back on a broker and a disk that outlive it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import logging
import random
from collections.abc import Iterator
from datetime import datetime
from functools import partial

import structlog

from engine.api import EngineState, Mode
from engine.broker.port import LinkState
from engine.config import Loaded, load
from engine.domain.order import OrderIntent
from engine.runtime import publisher
from engine.runtime.assembly import Given, IdSource, assemble
from engine.runtime.desk import Desk
from engine.runtime.engine import Engine
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.keeping.memory import Left
from engine.runtime.process.options import GatewayEndpoint, RunOptions
from engine.store.errors import StoreError
from engine.store.store import Store
from tests.storm.blows import BLOWS
from tests.storm.disk import GATEWAY, Disk
from tests.storm.exchange import ACCOUNT, Exchange
from tests.storm.fate import Fate, Point
from tests.storm.held import INSTRUMENTS
from tests.storm.invariants import Watch
from tests.storm.kill_file import NOWHERE, KillFile
from tests.storm.line import StormBroker
from tests.storm.loop import Incarnation, SpinningError, StormLoop
from tests.storm.operator import Operator
from tests.storm.strategy import Mood, strategies
from tests.storm.weather import CALM, Moment, Weather, draw

REST_S = 45.0
"""Virtual seconds without faults before what must hold at rest is asked."""
SHUT_S = 8.0
"""Of these, the last ones in which nothing fills any more."""
_FRAMES_S = {"MARKET_INTERVAL_S": 5.0, "SILENCE_S": 5.0, "GATHER_S": 0.5}
"""How often the one who looks every seven seconds gets a new frame."""


@functools.cache
def _loaded(max_positions: int) -> Loaded:
    return load(environ={}, cwd=NOWHERE, mode="PAPER", overrides={"risk.max_positions": max_positions})


class LoopClock:
    """Exchange and real time both follow the loop."""

    speed = 1.0

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def now(self) -> datetime:
        return self._exchange.now()

    def monotonic(self) -> float:
        return self._exchange.loop.time()


class Storm:
    """One run. `violations` is empty where every promise was kept."""

    def __init__(
        self,
        seed: int,
        *,
        weather: Weather | None = None,
        points: tuple[Point, ...] = (),
        rest_s: float = REST_S,
        mode: Mode = Mode.PAPER,
    ) -> None:
        """In LIVE the engine is in its first stage, CANARY, and every instrument is of tier 1."""
        self.seed = seed
        self._mode = mode
        self.weather = draw(seed) if weather is None else weather
        self.loop = StormLoop(seed)
        self.exchange: Exchange = Exchange(self.loop, self.weather, seed)
        self.disk = Disk(self.exchange, seed)
        self.kill_file = KillFile(self.weather)
        self.mood = Mood(seed)
        self.fate = Fate(points)
        self.watch = Watch(self)
        self.operator: Operator = Operator(self)
        self.violations: list[str] = []
        self.lives: list[Incarnation] = []
        self.engine: Engine | None = None
        self.broker: StormBroker | None = None
        self.store: Store | None = None
        self.resting = False
        self.rest_s = rest_s
        # Every third seed meets the limit: one position fewer than there are instruments.
        self._most = len(INSTRUMENTS) - (seed % 3 == 0)
        self._ids = random.Random(f"ids {seed}")
        self._over: asyncio.Future[None] | None = None
        self._finished = False
        self.journal: tuple[str, ...] = ()
        """The truth of the whole run, once it is over."""

    # --- what others read -----------------------------------------------------------------------

    @property
    def life(self) -> Incarnation | None:
        """The engine's present life."""
        return self.lives[-1] if self.lives and self.lives[-1].alive else None

    @property
    def desk(self) -> Desk | None:
        """What the engine knows, while there is one."""
        return None if self.life is None or self.engine is None else self.engine.parts.desk

    @property
    def is_running(self) -> bool:
        """There is an engine, it does not hang and was not asked to end."""
        return self.desk is not None and self.lives[-1].hung is None and not self.operator.asked_to_stop

    @property
    def is_up(self) -> bool:
        """The engine lives, its line works and it has compared the account."""
        desk, broker = self.desk, self.broker
        if desk is None or broker is None or broker.session is None:
            return False
        states = (EngineState.READY, EngineState.ORPHANS)
        if self.lives[-1].hung is not None:
            return False
        return broker.link is LinkState.UP and not broker.session.frozen and desk.state in states

    @property
    def journal_hash(self) -> str:
        """The same for the same seed, in any process."""
        return hashlib.sha256("\n".join(self.journal).encode()).hexdigest()[:16]

    def violated(self, text: str) -> None:
        """A promise was broken; the run ends here, so that the last events tell why."""
        if self._finished:
            return
        self.exchange.note(f"VIOLATION {text}")
        self.violations.append(f"{self.exchange.now_s:.3f} s: {text}")
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    # --- running --------------------------------------------------------------------------------

    def run(self) -> Storm:
        """Live through it."""
        random.seed(self.seed)  # the jitter of reconnecting draws from the process's own generator
        self.loop.after = self.watch.look
        self.loop.set_exception_handler(self._on_loop_error)
        with unseen():
            try:
                self.loop.run_until_complete(self._main())
            except SpinningError as err:
                self.violated(f"I19 {err}")
            self._finished = True
            self.journal = tuple(self.exchange.journal)
            for life in self.lives:
                life.alive = False
                life.bury()
            self.loop.close()
        self.engine = self.broker = self.store = None
        self.disk.close()
        self.kill_file.close()
        return self

    async def _main(self) -> None:
        self._over = self.loop.create_future()
        self._boot()
        for moment in self.weather.blows:
            self.loop.later(moment.at_s, self._strike, moment)
        self.operator.begin()
        await self._pass(self.weather.horizon_s)
        self._calm()
        await self._until_tried()
        await self._pass(self.rest_s - SHUT_S)
        self.exchange.is_shut = True
        await self._pass(SHUT_S)
        if not self.violations:
            await self.watch.at_rest()

    async def _until_tried(self) -> None:
        """An engine in standby waits for its next attempt: for it the calm begins when that comes."""
        standby_s = _loaded(self._most).config.connection.standby_cap_s
        began_s = self.loop.time()
        while self.loop.time() - began_s < standby_s and self._stands_by:
            await self._pass(1.0)

    @property
    def _stands_by(self) -> bool:
        if self.desk is None or self.violations:
            return False
        return any(alert.code == "link_given_up" for alert in self.desk.notices.alerts)

    async def _pass(self, seconds: float) -> None:
        """Let virtual time pass, or stop at the first broken promise."""
        assert self._over is not None
        if not self._over.done():
            await asyncio.wait((self._over,), timeout=seconds)

    def _calm(self) -> None:
        """The faults end."""
        self.exchange.note("calm")
        self.exchange.weather = CALM
        self.disk.is_full = False
        self.fate.disarm()
        self.mood.calm = True
        if self.life is not None:
            self.go_on(self.life)
        broker = self.broker
        if broker is not None and broker.session is not None and self.life is not None:
            broker.session.thaw()
            # What was never told is learned by comparing anew.
            broker.drop("the last fault")
        self.resting = True

    def _on_loop_error(self, _: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        self.violated(f"an error nobody took: {context.get('message')}: {context.get('exception')!r}")

    # --- lives ----------------------------------------------------------------------------------

    def hang(self, life: Incarnation) -> None:
        """It stands still: nothing it scheduled runs, nobody hears that."""
        life.hung = []
        self.watch.begin_anew()

    def go_on(self, life: Incarnation) -> None:
        """It runs again, with everything it missed."""
        if life.alive and life.hung is not None:
            self.exchange.note(f"life {life.number} goes on")
            self.loop.thaw(life)
            self.watch.begin_anew()

    def fence(self, life: Incarnation) -> None:
        """Ended from a shell; the next life only kills."""
        self.exchange.note(f"life {life.number} is fenced")
        self._end_of(life, takes_over=True)

    def _boot(self, takes_over: bool = False) -> None:
        life = Incarnation(len(self.lives) + 1)
        self.lives.append(life)
        self.engine = self.broker = self.store = None
        self.operator.asked_to_stop = False
        self.exchange.note(f"boot of life {life.number}")
        self.loop.create_task(self._live(life, takes_over), context=life.context)

    async def _live(self, life: Incarnation, takes_over: bool) -> None:
        try:
            code = await self._engine_runs(life, takes_over)
        except StoreError as err:
            self.exchange.note(f"life {life.number} could not start: {err}")
            self._end_of(life)
            return
        except Exception as err:
            self.violated(f"I19 the engine ended by itself: {type(err).__name__}: {err}")
            raise
        if not self.operator.asked_to_stop:
            self.violated(f"I19 the engine ended by itself with code {code}")
            return
        self.exchange.note(f"life {life.number} stopped with code {code}")
        self._end_of(life)

    async def _engine_runs(self, life: Incarnation, takes_over: bool) -> int:
        store = self.disk.store(before=partial(self._dies, life, "commit"), after=partial(self._died, life))
        self.store = store
        clock = LoopClock(self.exchange)
        await store.begin_run(
            boot_id=f"life{life.number}", run_id=f"run{life.number}", version="0", at=clock.now()
        )
        stored = await store.load()
        broker = StormBroker(
            self.exchange,
            life,
            highest_order_id=stored.highest_order_id,
            on_place=self.watch.on_place,
            on_cancel=self.watch.on_cancel,
            before_send=partial(self._on_send, life),
            after_send=partial(self._died, life),
        )
        options = RunOptions(
            mode=self._mode,
            headless=False,
            run_id=f"run{life.number}",
            state_dir=self.kill_file.folder,
            gateway=GatewayEndpoint(GATEWAY, "storm", 1, ACCOUNT),
            clock=clock,
            lag=LoopLagProbe(),
            version="0",
        )
        given = Given(
            _loaded(self._most),
            options,
            ACCOUNT,
            store,
            stored,
            broker,
            () if takes_over else strategies(self.mood),
            ids=self._id_source(),
            left=Left(keeps_backups=False),
        )
        engine = Engine(partial(assemble, given))
        self.broker, self.engine = broker, engine
        engine.parts.desk.books.on_changes(self.watch.on_changes)
        self.watch.on_boot(stored)
        if takes_over:
            await self.operator.take_over(engine)
        return await engine.run()

    def _id_source(self) -> IdSource:
        return IdSource(lambda: int(self.exchange.now().timestamp() * 1000), self._ids.randbytes)

    def _on_send(self, life: Incarnation, intents: tuple[OrderIntent, ...]) -> bool:
        if self._dies(life, "send"):
            return True
        self.watch.on_send(intents)
        return not life.alive

    def _dies(self, life: Incarnation, kind: str) -> bool:
        if life.alive and self.fate.dies_before(kind):
            self.kill(f"right before {kind} {self.fate.count(kind)}")
        return not life.alive

    def _died(self, life: Incarnation) -> bool:
        if life.alive and self.fate.dies_after():
            self.kill("right after it")
        return not life.alive

    def kill(self, why: str) -> None:
        """kill -9."""
        life = self.life
        if life is None:
            return
        self.exchange.note(f"CRASH of life {life.number} {why}")
        self._end_of(life)

    def _end_of(self, life: Incarnation, takes_over: bool = False) -> None:
        life.alive = False
        if self.disk.is_behind or (self.store is not None and self.store.unstored):
            self.watch.last_state.clear()  # what no disk took is learned anew
        if self.broker is not None and self.broker.session is not None:
            self.broker.session.end("the client died")
        self.loop.later(self.exchange.rng.uniform(0.2, 4.0), self._boot, takes_over)

    # --- blows ----------------------------------------------------------------------------------

    def _strike(self, moment: Moment) -> None:
        self.exchange.note(f"blow {moment.blow.value} #{moment.number}")
        rng = random.Random(f"blow {self.seed} {moment.number}")
        BLOWS[moment.blow](self, rng)


@contextlib.contextmanager
def unseen() -> Iterator[None]:
    """No log, and few frames: thousands of lives would write books that nobody reads."""
    before = structlog.get_config()
    beats = {name: getattr(publisher, name) for name in _FRAMES_S}
    for name, seconds in _FRAMES_S.items():
        setattr(publisher, name, seconds)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.ReturnLoggerFactory(),
        processors=[lambda *_: ""],
    )
    try:
        yield
    finally:
        structlog.configure(**before)
        for name, seconds in beats.items():
            setattr(publisher, name, seconds)
