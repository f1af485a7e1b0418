"""The desk: what the engine knows right now, in one place, on the engine loop only.

No rules live here beyond looking things up; the gate, the books and the brakes decide.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from engine.api import EngineState, Level, Mode, WhyNot
from engine.api_gates import NO_GATES, GatesView
from engine.api_selection import NOTHING_SELECTED, SelectionView
from engine.broker.port import BrokerOrder, LinkState
from engine.config import Changed, Config
from engine.domain.instrument import Instrument, SecType
from engine.domain.order import OrderIntent, OrderState, Proposal, Role
from engine.domain.preview import Preview
from engine.domain.quick import maker
from engine.domain.reasons import Reason
from engine.domain.setup import Setup
from engine.execution.books import Books
from engine.health.stability import HealthBlock
from engine.health.telemetry import Telemetry
from engine.market.feed import QuoteBoard
from engine.market.products import Products
from engine.recovery.compare import Finding
from engine.risk.brakes import REASON_OF, BrakeSet
from engine.risk.canary import canary_limits
from engine.risk.exposure import Commitments, Holding, commitments, exposure, unit_exposure_usd
from engine.risk.gate import check_again
from engine.risk.limits import RiskLimits
from engine.risk.losses import NOTHING_LOST, Losses
from engine.risk.pace import UNHURRIED
from engine.risk.preview import UnitCost, preview_of
from engine.risk.profile import Profile
from engine.risk.refusal import Refusal
from engine.risk.world import GateWorld
from engine.runtime.alerts.notices import Notices
from engine.runtime.analytics import Analytics
from engine.runtime.breakers.faults import Faults
from engine.runtime.budget import budget_of
from engine.runtime.carried import Carried
from engine.runtime.clock import Clock
from engine.runtime.close_times import CloseTimes
from engine.runtime.counted import Committed, Held, holdings_of
from engine.runtime.heard import Heard
from engine.runtime.inputs import GateInputs
from engine.runtime.keeping.recorder import SessionLog
from engine.runtime.limits import limits_of
from engine.runtime.selection.pipeline import Pipeline

_make_world, _make_losses = maker(GateWorld), maker(Losses)
# Looked up once: an enum's member costs a tenth of a microsecond, and every order asks.
_FUTURE, _UNKNOWN, _LIVE, _DRY_RUN = SecType.FUTURE, OrderState.UNKNOWN, Mode.LIVE, Mode.DRY_RUN
_UP, _READY, _OPEN, _NAN = LinkState.UP, EngineState.READY, Profile.OPEN, math.nan
_NO_ROOTS: Final[Mapping[str, str]] = {}
_PROFILES: Final[Mapping[str, Profile]] = {profile.value: profile for profile in Profile}


@dataclass(frozen=True, slots=True)
class Block:
    """Why the engine as a whole takes no entries."""

    reason: Reason
    text: str


@dataclass(slots=True)
class Desk:
    """Shared state of one engine. Written by its own tasks on one loop, so it needs no lock."""

    config: Config
    """The configuration in force; a change at runtime rebinds it."""
    mode: Mode
    clock: Clock
    gateway: str
    account: str
    books: Books
    notices: Notices
    quotes: QuoteBoard = field(default_factory=QuoteBoard)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    """Instrument key -> instrument; filled when the broker described it."""
    brakes: BrakeSet = field(default_factory=BrakeSet)
    values: dict[str, float] = field(default_factory=dict)
    """Account value key -> figure in the base currency (`NetLiquidation`, ...)."""
    margins: dict[str, float] = field(default_factory=dict)
    """Instrument key -> cached initial margin per contract (whatIf ran ahead of time)."""
    unit_costs: dict[str, UnitCost] = field(default_factory=dict)
    """Instrument key -> what the same what-if said of one unit, for previews."""
    heard: Heard = field(init=False)
    """When the broker last named figures of the account and margins."""
    link: LinkState = LinkState.DOWN
    link_note: str = ""
    """What is being done about a line that is not up, for people."""
    state: EngineState = EngineState.BOOTING
    block: Block | None = None
    differences: tuple[Finding, ...] = ()
    """Positions at the broker that wait for a decision."""
    foreign: tuple[Finding, ...] = ()
    """Positions that are left alone: a person said so, or they are fractions of a share."""
    foreign_orders: frozenset[int] = frozenset()
    """Broker's ids of the orders that a person left alone."""
    verified: bool = False
    """True once the account was compared in this run; until then only our own state says what is held."""
    strange_orders: tuple[BrokerOrder, ...] = ()
    """Open orders at the broker that our books do not know."""
    surfaced: dict[str, str] = field(default_factory=dict)
    """Ref -> instrument key of orders that work at the broker although their end was confirmed."""
    signals_used: set[str] = field(default_factory=set)
    why_not: dict[tuple[str, str], WhyNot] = field(default_factory=dict)
    """(strategy, key) -> its latest refusal, or what it waits for."""
    overridden: dict[str, Changed | None] = field(default_factory=dict)
    """Config keys whose value an operator changed while it ran (or in an earlier run), and who did."""
    switched_off: dict[str, Changed] = field(default_factory=dict)
    """Strategies that an operator switched off: they enter nothing."""
    analytics: Analytics = field(default_factory=Analytics)
    """Counters of the trading day."""
    session_log: SessionLog = field(default_factory=SessionLog)
    """Lines of the session on their way into the event log."""
    losses: Losses = NOTHING_LOST
    """Loss and drawdown of the account at the last look."""
    carried: Carried = field(default_factory=Carried)
    """What positions held overnight had earned before the day began."""
    symbol_losses: dict[str, float] = field(default_factory=dict)
    """Instrument key -> its net P&L today in percent of the equity the day began with."""
    close_times: CloseTimes = field(default_factory=CloseTimes)
    """When entries end before each close."""
    setups: dict[str, Setup] = field(default_factory=dict)
    """Instrument key -> the levels of the day."""
    health: HealthBlock | None = None
    """Why health lets no entry through; None where all is well."""
    telemetry: Telemetry = field(default_factory=Telemetry)
    """Times and counters of this run."""
    products: Products = field(default_factory=Products)
    """What the broker says about whether products can be traded."""
    inputs: GateInputs = field(default_factory=GateInputs)
    """What others find out about markets: regime, themes, tiers, product status, bad or old data."""
    pipeline: Pipeline = field(default_factory=Pipeline)
    """How far the proposals of the running cycle came."""
    selection: SelectionView = NOTHING_SELECTED
    """Universe, regime and data lines, as people see them."""
    gates: GatesView = NO_GATES
    """How the gates of LIVE stood at the last look."""
    canary_is_over: bool = False
    """LIVE begins as CANARY, until this is set by who watched it; no other mode has stages."""
    _limits: tuple[Config, bool, RiskLimits] | None = None
    _held: Held | None = None
    _committed: Committed | None = None
    _without: Committed | None = None
    """What is out without one order: the last look asks for what its rehearsal found."""
    draining: bool = False
    summary: tuple[str, ...] = ()
    """The day in lines for people, once the engine ends."""
    faults: Faults = field(init=False)
    """Where errors inside the engine are counted."""

    def __post_init__(self) -> None:
        self.faults = Faults(self.notices, monotonic=self.clock.monotonic, config=lambda: self.config)
        self.books.on_failed = self.faults.failed
        self.books.on_event = self.session_log.flow.booked
        self.heard = Heard(self.clock.monotonic)

    def now(self) -> datetime:
        """Exchange time."""
        return self.clock.now()

    # --- looking up -----------------------------------------------------------------------------

    @property
    def net_liquidation_usd(self) -> float:
        """The account's value; NaN before the broker said it."""
        return self.values.get("NetLiquidation", math.nan)

    def limits(self) -> RiskLimits:
        """The limits in force this moment; read anew only where configuration or stage are others."""
        known, is_canary = self._limits, self.mode is _LIVE and not self.canary_is_over
        if known is None or known[0] is not self.config or known[1] is not is_canary:
            limits = limits_of(self.config)
            if is_canary:
                limits = canary_limits(limits, factor=self.config.gates.canary_cap_factor)
            known = self._limits = (self.config, is_canary, limits)
        return known[2]

    @property
    def is_canary(self) -> bool:
        """True in the first stage of LIVE, where every cap is cut."""
        return self.mode is _LIVE and not self.canary_is_over

    def unsettled(self) -> dict[str, Finding]:
        """Instrument key -> what differs from the broker there; nobody closes such a position unasked."""
        found = {f.key: f for f in self.differences}
        return found | {f.moved_from[0]: f for f in self.differences if f.moved_from is not None}

    def holdings(self) -> tuple[Holding, ...]:
        """Every position that counts: ours, those nobody has explained yet, and those that are left alone."""
        known, made_of = self._held, (self.books.version, self.differences, self.foreign)
        if known is None or known[:3] != made_of:
            held = holdings_of(self.books, (*self.differences, *self.foreign))
            known = self._held = Held(*made_of, held)
        return known.holdings

    def commitments(self) -> Commitments:
        """What all of that can come to, with every order that is not done; made anew after a change only."""
        known, made_of = self._committed, (self.books.version, self.differences, self.foreign)
        if known is None or known[:3] != made_of:
            found = commitments(self.holdings(), self.books.open_orders())
            known = self._committed = Committed(*made_of, found)
        return known[3]

    def commitments_without(self, ref: str) -> Commitments:
        """The same as if this order were not there."""
        known, made_of = self._without, (self.books.version, self.differences, self.foreign)
        if known is None or known[:3] != made_of or known[4] != ref:
            others = [o for o in self.books.open_orders() if o.intent.ref != ref]
            known = self._without = Committed(*made_of, commitments(self.holdings(), others), ref)
        return known[3]

    def roots(self, keys: Iterable[str]) -> Mapping[str, str]:
        """The futures among these keys with their roots: expiries of one future share the cap of a symbol."""
        found = [i for i in map(self.instruments.get, keys) if i is not None and i.sec_type is _FUTURE]
        return {i.key: f"{i.symbol}@{i.exchange}" for i in found}

    def losses_of(self, key: str) -> Losses:
        """Loss and drawdown of the account and of one symbol, as they were at the last look."""
        losses = day_pct, symbol_pct, session_pct, rolling_pct = self.losses
        of_symbol_pct = self.symbol_losses.get(key, 0.0)
        if of_symbol_pct == symbol_pct:
            return losses
        return _make_losses(day_pct, of_symbol_pct, session_pct, rolling_pct)

    def unit_exposure_usd(self, key: str) -> float:
        """Exposure of one unit; NaN where its price or margin is not known."""
        instrument = self.instruments.get(key)
        if instrument is None:
            return math.nan
        price = self.quotes.mark(key)
        if math.isnan(price):
            position = self.books.position(key)
            price = price if position is None else float(position.avg_price)
        return unit_exposure_usd(instrument, price, self.margins.get(key))

    def preview(self, instrument: Instrument, *, role: Role, quantity: int, price: float | None) -> Preview:
        """What an order is expected to cost, by what is known this moment."""
        return preview_of(
            instrument,
            role=role,
            quantity=quantity,
            price=price,
            mark=self.quotes.mark(instrument.key) if price is None else math.nan,
            fees=self.limits().order_rules.fees,
            unit=self.unit_costs.get(instrument.key),
        )

    # --- may an entry happen --------------------------------------------------------------------

    def entry_block(self) -> Block | None:
        """Why no entry at all is taken now; None when entries are on (brakes aside)."""
        if self.draining:
            return Block(Reason.NOT_READY, "the engine is stopping")
        if not self.books.is_stored:
            return Block(Reason.STORE_DOWN, "the store cannot write")
        if not self.verified and self.state is not _READY:
            return Block(Reason.NOT_RECOVERED, "the account was not compared with the broker's yet")
        if self.link is not _UP:
            return Block(Reason.LINK_DOWN, f"the line to the broker is {self.link.value.replace('_', ' ')}")
        if self.state is not _READY:
            return self.block or Block(Reason.NOT_READY, f"the engine is {self.state.value}")
        pause = self.faults.pause() if self.faults.causes else None
        if pause is not None:
            return Block(pause.reason, pause.text)
        return None if self.health is None else Block(*self.health)

    def strategy_block(self, name: str) -> Block | None:
        """Why this strategy takes no entry although the engine does."""
        off = self.switched_off.get(name)
        return None if off is None else Block(Reason.STRATEGY_OFF, f"{name} was switched off {off}")

    def symbol_block(self, key: str) -> Block | None:
        """Why this symbol takes no entry although the engine does."""
        for order in self.books.open_orders():
            if order.state is _UNKNOWN and order.intent.key == key:
                return Block(Reason.UNKNOWN_ORDER, f"{key}: the fate of {order.intent.ref} is unknown")
        return (self.surfaced_block(key) if self.surfaced else None) or self.alert_block(key)

    def surfaced_block(self, key: str) -> Block | None:
        """An order of this symbol that works after its end: whoever saw its alert, it can still fill."""
        ref = next((ref for ref, its_key in self.surfaced.items() if its_key == key), None)
        if ref is None:
            return None
        return Block(Reason.SURFACED_ORDER, f"{key}: {ref} works at the broker after its end")

    def alert_block(self, key: str) -> Block | None:
        """An unacknowledged CRITICAL alert that holds this symbol."""
        alert = self.notices.blocking(key)
        if alert is None:
            return None
        return Block(Reason.UNACKNOWLEDGED_ALERT, f"alert {alert.alert_id} is not acknowledged: {alert.text}")

    def may_enter(self, strategy: str, key: str) -> Reason | None:
        """Asked right before and after an entry's bytes go out: a brake or a lost line wins."""
        block = self.entry_block() or (self.strategy_block(strategy) if self.switched_off else None)
        block = block or (self.surfaced_block(key) if self.surfaced else None)
        if block is None and self.brakes.brakes:
            brake = self.brakes.blocking(strategy=strategy, key=key)
            if brake is not None:
                return REASON_OF[brake.level]
        block = block or self.alert_block(key)
        return None if block is None else block.reason

    def look_again(self, intent: OrderIntent) -> Refusal | None:
        """The final gate: an entry against the world of this moment without this very order."""
        without = self.commitments_without(intent.ref)
        return check_again(intent, self.gate_world(intent, allow_short=True, out=without), self.limits())

    def last_look(self, intent: OrderIntent) -> Reason | None:
        """The same right before the bytes go out, told where it holds the order back."""
        refusal = self.look_again(intent)
        if refusal is None:
            return None
        text = f"{intent.ref} was not sent: {refusal.text} ({refusal.reason.value})"
        self.notices.event(Level.WARNING, "order", text, symbol=intent.key)
        return refusal.reason

    def gate_world(
        self, wish: Proposal | OrderIntent, *, allow_short: bool, out: Commitments | None = None
    ) -> GateWorld:
        """Everything the gate may know, for one wish. `out` where not all that is out shall count."""
        # What is not there is not asked after: each call costs a microsecond or two on a sleeping processor.
        key, strategy, now, is_last_look = wish.key, wish.strategy, self.clock.now(), out is not None
        out = self.commitments() if out is None else out
        brakes, config, block = self.brakes, self.config, self.entry_block()
        block = block or (self.strategy_block(strategy) if self.switched_off else None)
        # A brake says more than its own alert.
        if block is None and not (brakes.brakes and brakes.blocking(strategy=strategy, key=key)):
            block = self.symbol_block(key)
        past, pivot = self.books.ledger.positions.past, wish.plan.pivot
        today, instrument, margin_usd = past.of(key), self.instruments.get(key), self.margins.get(key)
        quote, depth, is_live = self.quotes.seen(key)
        section, recent, found = config.strategies.get(strategy), self.books.recent, self.inputs
        is_alone = not out.worst and (instrument is None or instrument.sec_type is not _FUTURE)
        return _make_world(
            now=now,
            blocked=None if block is None else block.reason,
            blocked_text="" if block is None else block.text,
            brakes=brakes,
            instrument=instrument,
            quote=quote,
            depth=depth,
            depth_floor=found.depth_floors.get(key, 0),
            # A dry run buys nothing: it may look at delayed prices, and says so.
            is_live_data=is_live or self.mode is _DRY_RUN,
            net_liquidation_usd=self.values.get("NetLiquidation", _NAN),
            equity_age_s=self.heard.values_age_s,
            available_funds_usd=self.values.get("AvailableFunds", _NAN),
            commitments=out,
            losses=self.losses_of(key),
            # The last look asks for no pace: this very order would count in it.
            pace=UNHURRIED if is_last_look else recent.pace(now, strategy, key, wish.side, self.limits()),
            selection=found.selection(key),
            budget=budget_of(strategy, config, self.books) if section and section.budget_pct > 0 else None,
            roots=_NO_ROOTS if is_alone else self.roots({*out.worst, key}),
            exposure=exposure(out, self.unit_exposure_usd),
            margin_usd=margin_usd,
            margin_age_s=_NAN if margin_usd is None else self.heard.margin_age_s(key),
            strategy_allows_short=allow_short,
            profile=_OPEN if section is None else _PROFILES[section.profile],  # a person: limits alone
            is_paper=self.mode is not _LIVE,
            signals_used=self.signals_used,
            last_fill_at=today.last_fill_at,
            last_stop_out_at=today.last_stop_out_at,
            attempts=0 if pivot is None else past.attempts(key, wish.side, pivot),
            entries_end=self.close_times.entries_end(instrument, now, config),
        )

    def refused(self, proposal: Proposal, refusal: Refusal) -> None:
        """Remember and tell why a proposal was not let through."""
        self.analytics.filter_blocks[refusal.reason.value] += 1
        said = WhyNot(proposal.key, proposal.strategy, refusal.reason.value, refusal.text, self.now())
        before = self.why_not.get((proposal.strategy, proposal.key))
        self.why_not[proposal.strategy, proposal.key] = said
        if before is not None and before.code == said.code:
            return  # the panel shows it; the event line has told it once
        why = refusal.text.removeprefix(f"{proposal.key}: ")
        text = f"{proposal.side.value} refused: {why} ({refusal.reason.value})"
        # A second position where there is one is no ordinary refusal: somebody does not look at the books.
        level = Level.WARNING if refusal.reason is Reason.DUPLICATE_POSITION else Level.INFO
        self.notices.event(level, "strategy", text, symbol=proposal.key)
