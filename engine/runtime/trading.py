"""Runs the strategies: bars in, proposals through the gate, what passes to the executor.

A strategy that fails at an instrument goes on with its others. Where it fails too often it is switched off
there, with its reason on screen, and the position it holds there is closed; the engine lives on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TypeAlias

import structlog

from engine.api import Level, Mode, WhyNot
from engine.api import StrategyView as StrategyRow
from engine.domain.instrument import Instrument
from engine.domain.market import Bar, Depth, Quote
from engine.domain.order import Intention, Proposal, Role
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.domain.setup import Setup
from engine.execution.executor import CloseResult, CloseStatus, Executor
from engine.risk.gate import check_entry
from engine.risk.refusal import OrderRefusedError, Refusal
from engine.runtime.decisions import count_decision, record_decision, sentence, would_enter
from engine.runtime.desk import Desk
from engine.runtime.health.cycle import cycle_begins, cycle_ends, order_sent
from engine.runtime.learning.teaching import introduce, tell_account, tell_depth, tell_missed
from engine.runtime.long_bars import aggregator_of
from engine.runtime.running import Running, by_key
from engine.runtime.selection.later import Later
from engine.runtime.setups.strategy_rows import strategy_rows
from engine.runtime.setups.waiting import WhyRows
from engine.runtime.strategy_view import strategy_view
from engine.store import session_flow as flow
from engine.strategy.base import StrategyView

_log = structlog.get_logger("engine")

Spawn: TypeAlias = Callable[[str, Callable[[], object]], None]
"""Runs an act under a name."""

_EXIT = Intention.EXIT
LIVE_BAR_SECONDS = 5
"""Length of the bars the broker streams."""


class Trading:
    """All strategies of one engine."""

    def __init__(
        self,
        desk: Desk,
        *,
        executor: Executor,
        running: Sequence[Running],
        spawn: Spawn,
        begin: Spawn | None = None,
    ) -> None:
        """`begin` starts an act at once, on its caller's turn; without it acts begin a turn later."""
        self._desk = desk
        self._executor = executor
        self.running = tuple(running)
        self._spawn, self._begin = spawn, begin or spawn
        self._note = desk.session_log.flow.note
        self.on_warm: Callable[[str], None] = lambda _key: None
        """Called where live bars alone made a strategy warm in an instrument."""
        self.on_whole: Callable[[Bar, bool], None] = lambda _bar, _warm: None
        """Hears each whole bar that a strategy decides on, and whether that strategy may act."""
        self.whys = WhyRows(desk, failed=self._failed_at)
        self._readers: dict[str, tuple[Running, ...]] = {}
        """Instrument key -> the strategies that read its quotes."""
        self._clocked: dict[str, tuple[Running, ...]] = {}
        """Instrument key -> those that are asked by the clock."""
        self._later = Later()

    # --- bars in --------------------------------------------------------------------------------

    def on_bar(self, bar: Bar) -> None:
        """A complete 5-second bar of the live stream. Never raises: it runs inside a broker callback."""
        cycle_begins(bar.end)
        for running in self.running:
            if bar.symbol in running.keys and not self._is_off(running, bar.symbol):
                try:
                    self._feed(running, bar)
                except Exception as err:  # noqa: BLE001 - as `_failed_at` says
                    self._failed_at(running, bar.symbol, err, at=bar.end)
        cycle_ends(self._desk)

    @contextmanager
    def _guarded(
        self, running: Running, key: str, *, most: int | None = None, at: datetime | None = None
    ) -> Iterator[None]:
        """Hands a strategy's error at one instrument to `_failed_at`."""
        try:
            yield
        except Exception as err:  # noqa: BLE001 - as `_failed_at` says
            self._failed_at(running, key, err, most=most, at=at)

    def _failed_at(
        self,
        running: Running,
        key: str,
        err: Exception,
        *,
        most: int | None = None,
        at: datetime | None = None,
    ) -> None:
        """A strategy's error at one instrument touches no other, nor any other strategy's position.

        After `most` of them (errors.position_max where nothing is said) it is off there. `at` is the end of
        the bar that was decided on.
        """
        desk, name = self._desk, running.strategy.name
        if at is not None:
            _log.error("bar.failed", strategy=name, symbol=key, bar_end=at.isoformat())
        position = desk.books.position(key)
        if position is not None and position.owner == name:
            desk.faults.position_failed(key, f"strategy {name}", err)
        else:
            desk.faults.failed(f"strategy {name}", err, key=key)
        running.errors[key] += 1
        if running.errors[key] >= (most or desk.config.errors.position_max):
            running.off_at[key] = f"{type(err).__name__}: {err}"
            self._tell_off()

    @contextmanager
    def _whole(self, running: Running) -> Iterator[None]:
        """An error that is about no instrument switches the whole strategy off."""
        try:
            yield
        except Exception as err:  # noqa: BLE001 - the other strategies live on
            self._desk.faults.failed(f"strategy {running.strategy.name}", err)
            if not running.off:
                running.off = f"{type(err).__name__}: {err}"
                self._tell_off()

    def _tell_off(self) -> None:
        parts = [f"{r.strategy.name} ({r.off})" for r in self.running if r.off]
        parts += [
            f"{r.strategy.name} at {key} ({why})"
            for r in self.running
            if not r.off
            for key, why in r.off_at.items()
        ]
        text = f"off after failing, until the next start: {'; '.join(parts)}"
        self._desk.notices.raise_alert(Level.ERROR, "strategy_off", text)

    def _feed(self, running: Running, bar: Bar) -> None:
        self._note(flow.Fed(running.strategy.name, bar.symbol, bar.end))
        aggregator = running.aggregators.get(bar.symbol)
        complete = (bar,) if aggregator is None else aggregator.add(bar)
        for whole in complete:
            self._decide(running, whole)

    def _decide(self, running: Running, bar: Bar) -> None:
        last = running.last_bars.get(bar.symbol)
        if last is not None and bar.end <= last:
            return  # decided on, perhaps by the run before: it came with the warm-up
        running.last_bars[bar.symbol] = bar.end
        self.on_whole(bar, bar.symbol in running.warm)
        self._desk.telemetry.counters.bars += 1
        proposals = running.strategy.on_bar(bar, self._view(running, bar.symbol))
        self._want(running, bar.symbol, proposals)
        if bar.symbol not in running.warm:
            needed = max(self._desk.config.data.warmup_bars, self.bars_wanted(running))
            if running.hears(bar, needed=needed):
                self._note(flow.Warmed(running.strategy.name, bar.symbol, None))
                self.on_warm(bar.symbol)

    def _view(self, running: Running, key: str) -> StrategyView:
        return strategy_view(
            self._desk,
            owner=running.strategy.name,
            key=key,
            allow_short=running.allow_short,
            with_setup=running.strategy.wants_setups,
        )

    # --- ticks and the clock --------------------------------------------------------------------

    def on_quote(self, quote: Quote) -> None:
        """A change of the touch or a print. Never raises; next to free where no strategy reads quotes."""
        for running in self._readers.get(quote.key, ()):
            if self._is_off(running, quote.key):
                continue
            with self._guarded(running, quote.key):
                if not running.strategy.wants_quote(quote) or self._desk.quotes.is_bad(quote.key):
                    continue  # a tick that decides nothing must not use up a break that stays
                cycle_begins(None)
                self._note(flow.Ticked(running.strategy.name, quote))
                proposals = running.strategy.on_quote(quote, self._view(running, quote.key))
                self._want(running, quote.key, proposals)
                cycle_ends(self._desk)

    def on_depth(self, depth: Depth) -> None:
        """A book, for those that read books."""
        tell_depth(self._readers.get(depth.key, ()), depth)

    async def clock_round(self) -> None:
        """Ask those who decide by the clock, too; once a round."""
        now = self._desk.now()
        if self._clocked:
            self._note(flow.Clocked(now))
        for running in self.running:
            with self._whole(running):
                tell_account(self._desk, running)
        for key, readers in self._clocked.items():
            for running in readers:
                if self._is_off(running, key):
                    continue
                with self._guarded(running, key):
                    proposals = running.strategy.on_clock(key, now, self._view(running, key))
                    self._want(running, key, proposals)

    @staticmethod
    def _is_off(running: Running, key: str) -> bool:
        return bool(running.off) or key in running.off_at

    def take_setups(self, setups: Sequence[Setup]) -> None:
        """The watch list of the day, for every strategy that trades levels."""
        self._note(flow.WatchList(tuple(setups)))
        for running in self.running:
            if running.strategy.wants_setups and not running.off:
                with self._whole(running):
                    running.strategy.take_setups(setups)

    # --- instruments ----------------------------------------------------------------------------

    def _want(self, running: Running, key: str, proposals: tuple[Proposal, ...]) -> None:
        """Act on proposals, in a task of its own; those of an instrument that is still cold are dropped.

        Entries begin at once: decided and on their way to the disk before the loop does anything else.
        """
        if not (proposals and (proposals := tuple([p for p in proposals if p.key in running.warm]))):
            return
        start = self._begin
        for proposal in proposals:
            if proposal.intention is _EXIT:
                start = self._spawn
        with self._later:
            start(f"act {running.strategy.name} {key}", lambda: self._act(running, proposals))

    def assign(self, running: Running, keys: Sequence[str]) -> None:
        """Give a strategy its instruments; it starts cold."""
        running.keys, running.warm = set(keys), set()
        running.unbroken.clear()
        desk, name = self._desk, running.strategy.name
        desk.session_log.flow.assigned(name, keys, desk.now(), desk.instruments)
        with self._whole(running):
            before, running.strategy = running.strategy, running.make(tuple(keys))
            introduce(self._desk, running, before)
            running.strategy.take_setups(tuple(self._desk.setups.values()))
        quoted = [r for r in self.running if r.strategy.reads_quotes]
        self._readers = by_key(quoted)
        self._clocked = by_key([r for r in self.running if r in quoted or r.strategy.reads_clock])
        running.aggregators = {}
        if running.bar_seconds > LIVE_BAR_SECONDS:
            running.aggregators = {k: aggregator_of(self._desk, k, seconds=running.bar_seconds) for k in keys}

    def cool(self, key: str) -> None:
        """Its live bars ended or broke off: what decides on it waits until history was fed again."""
        self._note(flow.Cooled(key))
        for running in self.running:
            running.cool(key)
        tell_missed(self.running, key)
        self.begin_bars(key)

    def begin_bars(self, key: str) -> None:
        """Its live bars begin now: to those who are cold, a longer bar from before would be a partial one."""
        self._note(flow.BarsBegan(key, self._desk.now()))
        for running in self.running:
            if key in running.aggregators and key not in running.warm:
                running.aggregators[key] = aggregator_of(self._desk, key, seconds=running.bar_seconds)

    def warm_up(self, running: Running, key: str, bars: Sequence[Bar]) -> None:
        """Feed history (nothing is proposed because of it) and let the strategy act from now on."""
        if key in running.warm or running.off:
            return
        with self._guarded(running, key, most=1):
            self._note(flow.Warmed(running.strategy.name, key, tuple(bars)))
            running.strategy.warm_up(bars)
            running.warmed(key)

    def bars_wanted(self, running: Running) -> int:
        """Bars of history it needs; 0 where it cannot even say."""
        wanted = [0]
        with self._whole(running):
            wanted.append(running.strategy.warm_up_bars())
        return max(wanted)

    # --- proposals out --------------------------------------------------------------------------

    async def _act(self, running: Running, proposals: tuple[Proposal, ...]) -> None:
        """Exits before entries, one after the other: a reversal must be flat before it turns.

        A strategy that was switched off since may still leave a position, but enters no more.
        """
        if len(proposals) > 1:
            proposals = tuple(sorted(proposals, key=lambda p: p.intention is Intention.ENTER))
        try:
            for proposal in proposals:
                if proposal.intention is Intention.EXIT:
                    await self._exit(proposal)
                elif not running.off and proposal.key not in running.off_at:
                    await self._enter(running, proposal)
        except Exception as err:  # noqa: BLE001 - as `_failed_at` says
            self._failed_at(running, proposals[0].key, err, at=proposals[0].at)

    async def _exit(self, proposal: Proposal) -> None:
        self._note(flow.Leaving(proposal))
        desk, instrument = self._desk, self._desk.instruments.get(proposal.key)
        position = desk.books.position(proposal.key)
        if instrument is None or position is None or position.owner != proposal.strategy:
            return
        desk.session_log.proposal(desk.now(), proposal, None)
        part = f" {proposal.exit_fraction:.0%} of" if proposal.exit_fraction < 1.0 else ""
        what = f"{sentence(proposal, 'exit')}{part}"
        if desk.mode is Mode.DRY_RUN:
            text = f"DRY: would {what}: {position.quantity:+d}"
            desk.notices.event(Level.INFO, "strategy", text, symbol=proposal.key)
            return
        desk.notices.event(Level.INFO, "strategy", what, symbol=proposal.key)
        result = await self._leave(proposal, instrument)
        if result.status is CloseStatus.NOT_FLAT:
            desk.notices.event(Level.ERROR, "strategy", f"exit not done: {result.text}", symbol=proposal.key)
        elif result.status is CloseStatus.NOTHING:
            desk.notices.event(Level.INFO, "strategy", result.text, symbol=proposal.key)

    async def _leave(self, proposal: Proposal, instrument: Instrument) -> CloseResult:
        key, executor = proposal.key, self._executor
        if proposal.exit_fraction >= 1.0:
            return await executor.close(key, instrument, role=Role.EXIT, reason=proposal.reason)
        return await executor.reduce(key, instrument, fraction=proposal.exit_fraction)

    async def _enter(self, running: Running, proposal: Proposal) -> None:
        desk, later = self._desk, self._later
        world, limits = desk.gate_world(proposal, allow_short=running.allow_short), desk.limits()
        began_s = time.perf_counter()
        ticket, place = check_entry(proposal, world, limits), desk.session_log.flow.reserve()
        ended_s = time.perf_counter()
        judged = partial(count_decision, desk, proposal, ticket, running.kind, (began_s, ended_s))
        # Written down and told while the intents are being stored, not before: the order comes first.
        later.notes.append(partial(record_decision, desk, place, proposal, ticket, world, limits))
        if not later.is_held:
            later.soon()
        instrument = desk.instruments.get(proposal.key)
        if isinstance(ticket, Refusal) or instrument is None:
            judged()
            if isinstance(ticket, Refusal):
                desk.refused(proposal, ticket)
            return
        if desk.mode is Mode.DRY_RUN:
            judged()
            would_enter(desk, proposal, ticket)
            return
        desk.signals_used.add(proposal.signal_id)
        desk.why_not.pop((proposal.strategy, proposal.key), None)
        later.notes.append(judged)
        held, is_stored = Reason.INTERNAL_ERROR.value, True
        try:
            held = await self._send_entry(proposal, ticket, instrument)
            is_stored = desk.books.is_stored
        finally:
            later.take_down()
            desk.pipeline.sent(proposal, held, is_stored=is_stored)

    async def _send_entry(self, proposal: Proposal, ticket: EntryTicket, instrument: Instrument) -> str:
        """Empty where its bytes went out, else the code of what held it back."""
        try:
            intents = self._executor.entry_intents(proposal, ticket, instrument)
            if await self._executor.enter(intents, instrument):
                order_sent(self._desk)
                return ""
        except OrderRefusedError as err:
            self._desk.refused(proposal, err.refusal)
            return err.refusal.reason.value
        order = self._desk.books.order(intents[0].ref)
        return Reason.INTERNAL_ERROR.value if order is None else order.message.partition(":")[0]

    # --- reading --------------------------------------------------------------------------------

    def rows(self) -> tuple[StrategyRow, ...]:
        """Every strategy as the front end lists it."""
        return strategy_rows(self._desk, self.running)

    def why_not(self) -> tuple[WhyNot, ...]:
        """Per instrument, why it is not traded now: the latest refusal, else what its strategy waits for."""
        return self.whys.rows(self.running)
